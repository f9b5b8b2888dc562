//! `sluice stats`: one reading of every counter.

mod json;
mod text;

use std::process::ExitCode;

use sluice_control::proto::GetStatsRequest;

use super::arguments::StatsArgs;
use super::failure::Failure;
use super::output;
use super::remote::Remote;

/// Runs `sluice stats`.
pub(crate) async fn run(args: &StatsArgs, remote: &Remote) -> Result<ExitCode, Failure> {
    let stats = remote.stats().await?.get(GetStatsRequest {}).await?.into_inner();
    if args.json {
        output::print_json(&json::render(&stats), true)?;
    } else {
        output::print(&text::render(&stats))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Sums over the workers, for the balance rx + originated = tx + local + dropped + held.
/// Hand-off between workers cancels out except for packets now on their way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    rx: u64,
    originated: u64,
    tx: u64,
    local: u64,
    dropped: u64,
    /// Waiting in a worker's hands or between two workers.
    held: u64,
}

impl Totals {
    fn of(stats: &sluice_control::proto::GetStatsResponse) -> Self {
        let mut sum = Self::default();
        let (mut out, mut taken) = (0_u64, 0_u64);
        for worker in &stats.workers {
            sum.rx += worker.rx;
            sum.originated += worker.originated;
            sum.tx += worker.tx;
            sum.local += worker.local;
            sum.dropped += worker.dropped;
            sum.held += worker.held;
            out += worker.handed_out;
            taken += worker.handed_in;
        }
        sum.held += out.saturating_sub(taken);
        sum
    }

    /// Packets that came into being and are not accounted for; 0 in a healthy gateway.
    fn missing(&self) -> i128 {
        let sum = |values: [u64; 4]| values.into_iter().map(i128::from).sum::<i128>();
        sum([self.rx, self.originated, 0, 0]) - sum([self.tx, self.local, self.dropped, self.held])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_control::proto::*;

    /// A gateway with two workers and one packet between them.
    pub(super) fn sample() -> GetStatsResponse {
        let worker = |id, rx, tx, out, taken| WorkerStats {
            id,
            core: id as i32 + 2,
            rx,
            tx,
            originated: 2,
            local: 1,
            dropped: 3,
            handed_out: out,
            handed_in: taken,
            held: 0,
            bursts: 40,
            idle: 1000,
            quiescent_age_ms: 1,
            healthy: id == 0,
            drops: [("no_route".to_owned(), 3)].into(),
            connections: 7,
            conntrack: None,
        };
        GetStatsResponse {
            version: "0.1.0".into(),
            generation: 4,
            uptime_ms: 93_784_000,
            memory_mode: "hugepages".into(),
            interfaces: vec![InterfaceStats {
                name: "lan".into(),
                device: "tap:lan0".into(),
                link_up: true,
                mtu: 1500,
                mac: vec![2, 0, 0, 0, 0, 1],
                rx_packets: 200,
                rx_bytes: 20_000,
                tx_packets: 190,
                tx_bytes: 19_000,
                rx_missed: 1,
                tx_dropped: 2,
                ..InterfaceStats::default()
            }],
            workers: vec![worker(0, 100, 95, 5, 4), worker(1, 100, 95, 4, 4)],
            drops: [("no_route".to_owned(), 6), ("ttl_exceeded".to_owned(), 0)].into(),
            conntrack: Some(ConntrackStats {
                count: 14,
                max: 65_536,
                inserted: 20,
                expired: 6,
                invalid: 2,
                ..ConntrackStats::default()
            }),
            mempool: Some(MempoolStats { capacity: 8192, in_use: 512 }),
            neighbours: 3,
            routes: 5,
            queues: vec![],
        }
    }

    #[test]
    fn totals_count_a_packet_between_two_workers_as_held() {
        let totals = Totals::of(&sample());
        let expected = Totals { rx: 200, originated: 4, tx: 190, local: 2, dropped: 6, held: 1 };
        assert_eq!(totals, expected);
        assert_eq!(totals.missing(), 5);
    }
}
