//! While hundreds of thousands of rules are loaded, others are answered.

#![allow(clippy::unwrap_used, reason = "what cannot be built fails the test")]

mod plane;

use sluice_control::proto;
use sluice_control::proto::conntrack_service_client::ConntrackServiceClient;
use sluice_control::proto::rules_service_client::RulesServiceClient;
use sluice_control::proto::stats_service_client::StatsServiceClient;
use sluice_control::server;
use sluice_tests::kube;
use std::time::{Duration, Instant};
use tonic::service::Routes;

const PATIENCE: Duration = Duration::from_millis(100);

async fn restore(routes: Routes, text: String) -> Duration {
    let begin = Instant::now();
    let family = proto::Family::Ipv4.into();
    let asked = proto::RestoreRulesRequest { family, text, ..Default::default() };
    let done = RulesServiceClient::new(routes).restore(asked).await.unwrap().into_inner();
    assert_eq!((done.exit_code, &*done.message), (0, ""));
    begin.elapsed()
}

/// What an operator looks at.
async fn look(routes: &Routes) {
    let family = proto::Family::Ipv4.into();
    StatsServiceClient::new(routes.clone()).get(proto::GetStatsRequest::default()).await.unwrap();
    let asked = proto::ListConnectionsRequest::default();
    ConntrackServiceClient::new(routes.clone()).list(asked).await.unwrap();
    let arguments = ["-S", "FORWARD"].map(str::to_owned).into();
    let asked = proto::RulesCommandRequest { family, arguments };
    let listed = RulesServiceClient::new(routes.clone()).command(asked).await.unwrap();
    assert_eq!(listed.into_inner().exit_code, 0);
}

/// 430,000 lines, twice: the second time there are as many rules to be looked at and to be dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_restore_keeps_nobody_waiting() {
    let plane = plane::plane();
    let routes = server::routes(&plane).await.unwrap();
    let text = kube::ruleset(10_000, 10);
    for _ in 0..2 {
        let loading = tokio::spawn(restore(routes.clone(), text.clone()));
        let mut waits = Vec::new();
        while !loading.is_finished() {
            let begin = Instant::now();
            look(&routes).await;
            waits.push(begin.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (took, slowest) = (loading.await.unwrap(), waits.iter().max().unwrap());
        let late = waits.iter().filter(|wait| **wait > PATIENCE).count();
        eprintln!("{took:?}; of {} looks {late} late, the slowest {slowest:?}", waits.len());
        // A busy machine may keep one waiting, not the lock.
        assert!(waits.len() > 20 && late * 20 <= waits.len(), "{late} of {}", waits.len());
    }
}
