//! iptables over gRPC.

use super::{Plane, family};
use crate::proto;
use crate::proto::rules_service_server::{RulesService, RulesServiceServer};
use sluice_config::netfilter::{Family, Invocation, Names, RestoreOptions, SaveOptions, Table};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct Rules(Arc<Plane>);

pub(super) fn service(plane: &Arc<Plane>) -> RulesServiceServer<Rules> {
    // Rulesets are larger than tonic's four megabytes.
    RulesServiceServer::new(Rules(Arc::clone(plane))).max_decoding_message_size(usize::MAX)
}

fn table(name: &str) -> Result<Option<Table>, Status> {
    if name.is_empty() {
        return Ok(None);
    }
    match Table::from_name(name) {
        Some(table) => Ok(Some(table)),
        None => Err(Status::invalid_argument(format!(
            "no table '{name}'; one of raw, mangle, nat, filter, security"
        ))),
    }
}

#[tonic::async_trait]
impl RulesService for Rules {
    async fn restore(
        &self,
        request: Request<proto::RestoreRulesRequest>,
    ) -> Result<Response<proto::RestoreRulesResponse>, Status> {
        let asked = request.into_inner();
        let family = family(asked.family)?;
        let options = RestoreOptions {
            noflush: asked.noflush,
            counters: asked.counters,
            table: table(&asked.table)?,
        };
        let mut controller = self.0.lock();
        let sets = controller.running.sets.clone();
        let (rules, policies) = controller.rules_and_policies(family);
        let names = Names { sets: &sets, policies: Some(policies) };
        let restored = rules.restore_naming(&asked.text, &asked.file, &options, names);
        Ok(Response::new(match restored {
            Err(error) => proto::RestoreRulesResponse {
                exit_code: error.code.into(),
                message: error.stderr.clone(),
                line: error
                    .diagnostics
                    .first()
                    .map_or(0, |at| u32::try_from(at.line).unwrap_or(u32::MAX)),
                generation: controller.generation(),
            },
            Ok(_) if asked.test => proto::RestoreRulesResponse {
                generation: controller.generation(),
                ..Default::default()
            },
            Ok(ruleset) => match controller.set_rules(family, ruleset) {
                Ok(generation) => proto::RestoreRulesResponse { generation, ..Default::default() },
                Err(error) => proto::RestoreRulesResponse {
                    exit_code: 4,
                    message: format!("{}-restore: {error}", family.program()),
                    line: 0,
                    generation: controller.generation(),
                },
            },
        }))
    }

    async fn save(
        &self,
        request: Request<proto::SaveRulesRequest>,
    ) -> Result<Response<proto::SaveRulesResponse>, Status> {
        let asked = request.into_inner();
        let (family, table) = (family(asked.family)?, table(&asked.table)?);
        let options = SaveOptions { counters: asked.counters, table, time: None };
        let text = self.0.lock().rules(family).save(&options);
        Ok(Response::new(proto::SaveRulesResponse { text }))
    }

    async fn command(
        &self,
        request: Request<proto::RulesCommandRequest>,
    ) -> Result<Response<proto::RulesCommandResponse>, Status> {
        let asked = request.into_inner();
        let family = family(asked.family)?;
        Ok(Response::new(self.run(family, &asked.arguments)))
    }

    async fn zero_counters(
        &self,
        request: Request<proto::ZeroCountersRequest>,
    ) -> Result<Response<proto::ZeroCountersResponse>, Status> {
        let asked = request.into_inner();
        let family = family(asked.family)?;
        let tables = match table(&asked.table)? {
            Some(table) => vec![table],
            None => Table::ALL.to_vec(),
        };
        for table in tables {
            let mut words = vec!["-t".to_owned(), table.name().to_owned(), "-Z".to_owned()];
            words.extend(Some(asked.chain.clone()).filter(|chain| !chain.is_empty()));
            let done = self.run(family, &words);
            if done.exit_code != 0 {
                return Err(Status::not_found(done.stderr));
            }
        }
        Ok(Response::new(proto::ZeroCountersResponse {}))
    }
}

impl Rules {
    /// One command line, as the tool would have done it.
    fn run(&self, family: Family, arguments: &[String]) -> proto::RulesCommandResponse {
        let failed = |stderr: String, code: u8| proto::RulesCommandResponse {
            stdout: String::new(),
            stderr: stderr + "\n",
            exit_code: code.into(),
        };
        let mut controller = self.0.lock();
        let sets = controller.running.sets.clone();
        let invocation = match Invocation::parse_with_sets(family, arguments, &sets) {
            Ok(invocation) => invocation,
            Err(fault) => return failed(fault.command_text(family), fault.exit_code()),
        };
        let (rules, policies) = controller.rules_and_policies(family);
        let outcome = match invocation.run_with(rules, policies) {
            Ok(outcome) => outcome,
            Err(fault) => return failed(fault.command_text(family), fault.exit_code()),
        };
        if let Some(ruleset) = outcome.ruleset
            && let Err(error) = controller.set_rules(family, ruleset)
        {
            return failed(format!("{}: {error}", family.program()), 4);
        }
        let warnings = invocation.warnings.iter().map(|line| format!("{line}\n")).collect();
        proto::RulesCommandResponse { stdout: outcome.output, stderr: warnings, exit_code: 0 }
    }
}
