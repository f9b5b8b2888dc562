//! Pushing and getting the whole configuration.

use super::{Plane, diagnostic};
use crate::candidate::{self, Texts};
use crate::proto;
use crate::proto::config_service_server::{ConfigService, ConfigServiceServer};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct Config(Arc<Plane>);

pub(super) fn service(plane: &Arc<Plane>) -> ConfigServiceServer<Config> {
    // Rulesets are larger than tonic's four megabytes.
    ConfigServiceServer::new(Config(Arc::clone(plane))).max_decoding_message_size(usize::MAX)
}

fn texts(from: proto::Configuration) -> Texts {
    let rules = |file: Option<proto::RuleFile>| file.map(|file| (file.file, file.text));
    Texts {
        file: from.file,
        toml: from.toml,
        iptables: rules(from.iptables),
        ip6tables: rules(from.ip6tables),
        ipset: rules(from.ipset),
    }
}

fn refusal(generation: u64, diagnostics: Vec<proto::Diagnostic>) -> proto::PushResponse {
    proto::PushResponse { generation, applied: false, diagnostics }
}

#[tonic::async_trait]
impl ConfigService for Config {
    async fn push(
        &self,
        request: Request<proto::PushRequest>,
    ) -> Result<Response<proto::PushResponse>, Status> {
        let proto::PushRequest { configuration, check_only } = request.into_inner();
        let configuration =
            configuration.ok_or_else(|| Status::invalid_argument("configuration is missing"))?;
        let candidate = candidate::read(texts(configuration));
        let _one = self.0.changing.lock().await;
        let mut controller = self.0.lock();
        let generation = controller.generation();
        let candidate = match candidate {
            Ok(candidate) => candidate,
            Err(found) => {
                return Ok(Response::new(refusal(
                    generation,
                    found.iter().map(diagnostic).collect(),
                )));
            }
        };
        if check_only {
            return Ok(Response::new(proto::PushResponse { generation, ..Default::default() }));
        }
        let file = candidate.texts.file.clone();
        Ok(Response::new(match controller.apply(candidate, (self.0.clock)()) {
            Ok(generation) => {
                proto::PushResponse { generation, applied: true, diagnostics: Vec::new() }
            }
            Err(error) => {
                let message = error.to_string();
                refusal(generation, vec![proto::Diagnostic { file, message, ..Default::default() }])
            }
        }))
    }

    async fn get(
        &self,
        _: Request<proto::GetConfigRequest>,
    ) -> Result<Response<proto::GetConfigResponse>, Status> {
        let controller = self.0.lock();
        let texts = &controller.running.texts;
        let rules = |file: &Option<(String, String)>| {
            file.clone().map(|(file, text)| proto::RuleFile { file, text })
        };
        Ok(Response::new(proto::GetConfigResponse {
            generation: controller.generation(),
            configuration: Some(proto::Configuration {
                file: texts.file.clone(),
                toml: controller.running.config.to_toml(),
                iptables: rules(&texts.iptables),
                ip6tables: rules(&texts.ip6tables),
                ipset: rules(&texts.ipset),
            }),
        }))
    }
}
