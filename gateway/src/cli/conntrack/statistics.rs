//! What happened to connections: `conntrack -S`.

use sluice_control::proto::WorkerStats;

/// One worker's line of `conntrack -S`, where the kernel has one for each processor. What has no meaning here is
/// zero; a search is never restarted, and a clash never resolved by sharing an entry.
pub(super) fn line(worker: &WorkerStats) -> String {
    let counts = worker.conntrack.unwrap_or_default();
    format!(
        "cpu={:<4}\tfound=0 invalid={} insert={} insert_failed={} drop={} early_drop={} error=0 \
         search_restart=0 clash_resolve=0 chaintoolong=0 \n",
        worker.id,
        counts.invalid,
        counts.inserted,
        counts.insert_failed,
        counts.drop,
        counts.early_drop
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_a_worker() {
        let counts = sluice_control::proto::ConntrackStats {
            inserted: 20,
            invalid: 2,
            early_drop: 1,
            ..Default::default()
        };
        let worker = WorkerStats { id: 1, conntrack: Some(counts), ..Default::default() };
        assert_eq!(
            line(&worker),
            "cpu=1   \tfound=0 invalid=2 insert=20 insert_failed=0 drop=0 early_drop=1 error=0 \
             search_restart=0 clash_resolve=0 chaintoolong=0 \n"
        );
    }
}
