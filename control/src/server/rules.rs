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
        // A text that is only tried changes nothing.
        let _one = match asked.test {
            true => None,
            false => Some(self.0.changing.lock().await),
        };
        let plane = Arc::clone(&self.0);
        blocking(move || restore(&plane, family, &asked, &options)).await
    }

    async fn save(
        &self,
        request: Request<proto::SaveRulesRequest>,
    ) -> Result<Response<proto::SaveRulesResponse>, Status> {
        let asked = request.into_inner();
        let (family, table) = (family(asked.family)?, table(&asked.table)?);
        let options = SaveOptions { counters: asked.counters, table, time: None };
        let rules = self.0.lock().rules(family).clone();
        blocking(move || proto::SaveRulesResponse { text: rules.save(&options) }).await
    }

    async fn command(
        &self,
        request: Request<proto::RulesCommandRequest>,
    ) -> Result<Response<proto::RulesCommandResponse>, Status> {
        let asked = request.into_inner();
        let family = family(asked.family)?;
        self.run(family, &asked.arguments).await.map(Response::new)
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
            let done = self.run(family, &words).await?;
            if done.exit_code != 0 {
                return Err(Status::not_found(done.stderr));
            }
        }
        Ok(Response::new(proto::ZeroCountersResponse {}))
    }
}

/// What takes long is no work for the runtime's own threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Response<T>, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map(Response::new).map_err(|error| Status::internal(error.to_string()))
}

fn restore(
    plane: &Plane,
    family: Family,
    asked: &proto::RestoreRulesRequest,
    options: &RestoreOptions,
) -> proto::RestoreRulesResponse {
    let basis = plane.lock().basis();
    let names = Names { sets: &basis.sets, policies: Some(&basis.config.timeouts) };
    let restored = basis.rules.of(family).restore_warning(&asked.text, &asked.file, options, names);
    let refused = |exit_code, message, line| {
        let generation = plane.lock().generation();
        proto::RestoreRulesResponse { exit_code, message, line, generation }
    };
    match restored {
        Err(error) => {
            let line = error.diagnostics.first().map_or(0, |at| at.line);
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            refused(error.code.into(), error.stderr, line)
        }
        Ok((_, warnings)) if asked.test => refused(0, warnings.trim_end().to_owned(), 0),
        Ok((ruleset, warnings)) => match plane.set_rules(basis, family, ruleset) {
            Ok(generation) => {
                let message = warnings.trim_end().to_owned();
                proto::RestoreRulesResponse { generation, message, ..Default::default() }
            }
            Err(error) => refused(4, format!("{warnings}{}-restore: {error}", family.program()), 0),
        },
    }
}

fn failed(stderr: String, code: u8) -> proto::RulesCommandResponse {
    let stderr = stderr + "\n";
    proto::RulesCommandResponse { stdout: String::new(), stderr, exit_code: code.into() }
}

impl Rules {
    /// One command line, as the tool would have done it.
    async fn run(
        &self,
        family: Family,
        arguments: &[String],
    ) -> Result<proto::RulesCommandResponse, Status> {
        let sets = self.0.lock().running.sets.clone();
        let invocation = match Invocation::parse_with_sets(family, arguments, &sets) {
            Ok(invocation) => invocation,
            Err(fault) => return Ok(failed(fault.command_text(family), fault.exit_code())),
        };
        let _one = match invocation.only_reads() {
            true => None,
            false => Some(self.0.changing.lock().await),
        };
        let plane = Arc::clone(&self.0);
        blocking(move || carry_out(&plane, family, &invocation)).await.map(Response::into_inner)
    }
}

fn carry_out(
    plane: &Plane,
    family: Family,
    invocation: &Invocation,
) -> proto::RulesCommandResponse {
    let basis = plane.lock().basis();
    let outcome = match invocation.run_with(basis.rules.of(family), &basis.config.timeouts) {
        Ok(outcome) => outcome,
        Err(fault) => return failed(fault.command_text(family), fault.exit_code()),
    };
    if let Some(ruleset) = outcome.ruleset
        && let Err(error) = plane.set_rules(basis, family, ruleset)
    {
        return failed(format!("{}: {error}", family.program()), 4);
    }
    let warnings = invocation.warnings.iter().map(|line| format!("{line}\n")).collect();
    proto::RulesCommandResponse { stdout: outcome.output, stderr: warnings, exit_code: 0 }
}
