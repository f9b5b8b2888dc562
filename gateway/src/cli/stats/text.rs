//! Counters as tables for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use sluice_control::proto::{ConntrackStats, GetStatsResponse, InterfaceStats, WorkerStats};

use super::Totals;

/// Every counter of the gateway as text.
pub(super) fn render(stats: &GetStatsResponse) -> String {
    let mut out = format!(
        "sluice {}, up {}, generation {}, packet memory on {}\n",
        stats.version,
        duration(stats.uptime_ms),
        stats.generation,
        stats.memory_mode,
    );
    out.push('\n');
    out.push_str(&interfaces(&stats.interfaces));
    out.push('\n');
    out.push_str(&workers(&stats.workers));
    out.push('\n');
    out.push_str(&balance(&Totals::of(stats)));
    out.push('\n');
    out.push_str(&drops(stats));
    out.push('\n');
    out.push_str(&tables(stats));
    out
}

fn interfaces(interfaces: &[InterfaceStats]) -> String {
    let mut rows = vec![row([
        "interface",
        "link",
        "mtu",
        "rx packets",
        "rx bytes",
        "rx errors",
        "missed",
        "tx packets",
        "tx bytes",
        "tx errors",
        "dropped",
    ])];
    rows.extend(interfaces.iter().map(|i| {
        row([
            i.name.as_str(),
            if i.link_up { "up" } else { "down" },
            &i.mtu.to_string(),
            &i.rx_packets.to_string(),
            &i.rx_bytes.to_string(),
            &i.rx_errors.to_string(),
            &i.rx_missed.to_string(),
            &i.tx_packets.to_string(),
            &i.tx_bytes.to_string(),
            &i.tx_errors.to_string(),
            &i.tx_dropped.to_string(),
        ])
    }));
    table(&rows)
}

fn workers(workers: &[WorkerStats]) -> String {
    let mut rows = vec![row([
        "worker",
        "core",
        "rx",
        "originated",
        "tx",
        "local",
        "dropped",
        "handed out",
        "handed in",
        "held",
        "flows",
        "bursts",
        "idle",
        "state",
    ])];
    rows.extend(workers.iter().map(|w| {
        let core = if w.core < 0 { "-".to_owned() } else { w.core.to_string() };
        let state = match w.healthy {
            true => "ok".to_owned(),
            false => format!("STALLED {} ms", w.quiescent_age_ms),
        };
        row([
            w.id.to_string().as_str(),
            &core,
            &w.rx.to_string(),
            &w.originated.to_string(),
            &w.tx.to_string(),
            &w.local.to_string(),
            &w.dropped.to_string(),
            &w.handed_out.to_string(),
            &w.handed_in.to_string(),
            &w.held.to_string(),
            &w.connections.to_string(),
            &w.bursts.to_string(),
            &w.idle.to_string(),
            &state,
        ])
    }));
    table(&rows)
}

fn balance(totals: &Totals) -> String {
    let Totals { rx, originated, tx, local, dropped, held } = totals;
    let mut out = format!(
        "packets: rx {rx} + originated {originated} = tx {tx} + local {local} + dropped {dropped} + held {held}"
    );
    if totals.missing() != 0 {
        // Counters are read while packets move; a number that stays is a defect.
        let _ = write!(out, " ({:+} in flight)", totals.missing());
    }
    out.push('\n');
    out
}

/// The reasons that happened, most frequent first.
fn drops(stats: &GetStatsResponse) -> String {
    let sorted: BTreeMap<_, _> = stats.drops.iter().filter(|(_, count)| **count > 0).collect();
    if sorted.is_empty() {
        return "drops: none\n".to_owned();
    }
    let mut sorted: Vec<_> = sorted.into_iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut rows = vec![row(["drop reason", "packets"])];
    rows.extend(sorted.iter().map(|(reason, count)| row([reason.as_str(), &count.to_string()])));
    table(&rows)
}

fn tables(stats: &GetStatsResponse) -> String {
    let ConntrackStats {
        count,
        max,
        inserted,
        insert_failed,
        expired,
        invalid,
        drop,
        early_drop,
        nat_exhausted,
    } = stats.conntrack.unwrap_or_default();
    let pool = stats.mempool.unwrap_or_default();
    format!(
        "conntrack: {count} of {max} entries, inserted {inserted}, insert_failed {insert_failed}, \
         expired {expired}, invalid {invalid}, drop {drop}, early_drop {early_drop}, \
         nat_exhausted {nat_exhausted}\n\
         mempool: {} of {} buffers in use\n\
         routes: {}, neighbours: {}\n",
        pool.in_use, pool.capacity, stats.routes, stats.neighbours,
    )
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// Columns as wide as their widest cell: the first to the left, numbers to the right.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(String::len).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(at, (cell, width))| match at {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// `1d 02:03:04`
fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days == 0 { clock } else { format!("{days}d {clock}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_picture() {
        let expected = "\
sluice 0.1.0, up 1d 02:03:04, generation 4, packet memory on hugepages

interface  link   mtu  rx packets  rx bytes  rx errors  missed  tx packets  tx bytes  tx errors  dropped
lan          up  1500         200     20000          0       1         190     19000          0        2

worker  core   rx  originated  tx  local  dropped  handed out  handed in  held  flows  bursts  idle         state
0          2  100           2  95      1        3           5          4     0      7      40  1000            ok
1          3  100           2  95      1        3           4          4     0      7      40  1000  STALLED 1 ms

packets: rx 200 + originated 4 = tx 190 + local 2 + dropped 6 + held 1 (+5 in flight)

drop reason  packets
no_route           6

conntrack: 14 of 65536 entries, inserted 20, insert_failed 0, expired 6, invalid 2, drop 0, early_drop 0, nat_exhausted 0
mempool: 512 of 8192 buffers in use
routes: 5, neighbours: 3
";
        assert_eq!(render(&super::super::tests::sample()), expected);
    }

    #[test]
    fn nothing_dropped_is_said() {
        assert_eq!(drops(&GetStatsResponse::default()), "drops: none\n");
    }
}
