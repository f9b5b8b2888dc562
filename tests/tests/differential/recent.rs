//! Owns the comparison of `sluice recent` with the kernel's /proc/net/xt_recent: what stands in a list after packets and after
//! what an operator wrote, and whether rules see that. Times are compared by their order; the kernel's list stands in no order.

use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology};
use std::time::Duration;

const RULES: &str = "
    *filter
    -A INPUT -p icmp -m recent --name bad --rcheck -j DROP
    -A INPUT -p icmp -m recent --name four --rcheck --seconds 600 --hitcount 4 -j DROP
    -A INPUT -p icmp -m recent --name four --set
    -A FORWARD -p udp -m recent --name through --rdest --set
    COMMIT";

/// One step of an operator or a host.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The names of the lists.
    Names,
    /// Writes to a list, then shows it.
    Write(&'static str, &'static str),
    /// Shows a list.
    Show(&'static str),
    /// The client pings the router; whether it is answered.
    Ping,
    /// The client sends a datagram through the router.
    Through,
}

use Step::{Names, Ping, Show, Through, Write};

const STEPS: &[Step] = &[
    Names,
    Show("nosuch"),
    Show("bad"),
    Ping,
    Show("four"),
    Write("four", "+10.1.0.2"),
    Write("four", "+10.1.0.2"),
    Ping,
    Ping,
    Show("four"),
    Write("four", "-10.1.0.2"),
    Ping,
    Write("bad", "+10.1.0.2"),
    Ping,
    Write("bad", "+10.1.0.3"),
    Write("bad", "+10.1.0.2"),
    Write("bad", "+fd00::a:1"),
    Write("bad", "+::ffff:1.2.3.4"),
    Write("bad", "-10.1.0.99"),
    Write("bad", "10.1.0.4"),
    Write("bad", "+10.1.0.300"),
    Write("bad", "+10.1"),
    Write("bad", "+10.1.0.0/24"),
    Write("bad", "+fd00::x"),
    Write("bad", "+"),
    Write("bad", "clear"),
    Write("bad", "-10.1.0.3"),
    Write("bad", "/ and all that follows"),
    Ping,
    Through,
    Show("through"),
    Write("through", "+192.168.1.9"),
    Write("nosuch", "+10.1.0.2"),
];

#[test]
fn lists_are_read_and_written_as_in_proc() {
    let (ours, kernel) = (transcript(Kind::Sluice { workers: 1 }), transcript(Kind::Kernel));
    for (said, wanted) in ours.iter().zip(&kernel) {
        assert_eq!(said, wanted, "sluice first, then the kernel");
    }
    assert!(kernel.iter().any(|step| step.contains("ttl: 64")), "packets were seen");
    assert!(kernel.iter().any(|step| step.contains("no answer")), "a list closed the door");
}

/// A ring of stamps runs over in the same place.
#[test]
fn stamps_overwrite_the_oldest() {
    let steps: Vec<Step> = (0..37).map(|_| Write("bad", "+1.2.3.4")).collect();
    let play = |kind| transcript_of(kind, &steps).pop();
    let kernel = play(Kind::Kernel);
    assert!(kernel.as_ref().is_some_and(|said| said.contains("oldest_pkt: 5 ")), "{kernel:?}");
    assert_eq!(play(Kind::Sluice { workers: 1 }), kernel);
}

fn transcript(kind: Kind) -> Vec<String> {
    transcript_of(kind, STEPS)
}

fn transcript_of(kind: Kind, steps: &[Step]) -> Vec<String> {
    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(RULES));
    let show = |list: &str| {
        let output = match &router {
            Router::Kernel(_) => net.router.shell(&format!("cat /proc/net/xt_recent/{list}")),
            Router::Sluice(gateway) => gateway.sluice(&format!("recent show {list}")),
        };
        if output.code == 0 { without_times(&output.stdout) } else { "no such list\n".to_owned() }
    };
    let mut play = |step: &Step| {
        // Ticks are 4 ms long: no two steps in one.
        std::thread::sleep(Duration::from_millis(12));
        let said = match *step {
            Names => match &router {
                Router::Kernel(_) => net.router.must("ls /proc/net/xt_recent"),
                Router::Sluice(gateway) => gateway.must("recent list"),
            },
            Show(list) => show(list),
            Write(list, change) => {
                let output = match &router {
                    Router::Kernel(_) => net
                        .router
                        .shell(&format!("printf '%s\\n' '{change}' > /proc/net/xt_recent/{list}")),
                    Router::Sluice(gateway) => {
                        gateway.sluice(&format!("recent write {list} '{change}'"))
                    }
                };
                let done = if output.code == 0 { "written" } else { "refused" };
                format!("{done}\n{}", show(list))
            }
            Ping => match net.client.shell("ping -c 1 -W 1 10.1.0.1").code {
                0 => "answered".to_owned(),
                _ => "no answer".to_owned(),
            },
            Through => net.client.must("echo x > /dev/udp/192.168.1.9/9; sleep 0.1"),
        };
        format!("{step:?}\n{said}")
    };
    steps.iter().map(&mut play).collect()
}

/// Each time becomes its rank among all of the list; lines are sorted.
fn without_times(text: &str) -> String {
    let time = |word: &str| word.trim_end_matches(',').parse::<u64>().ok().filter(|n| *n > 1 << 31);
    let mut times: Vec<u64> = text.split_whitespace().filter_map(time).collect();
    times.sort_unstable();
    times.dedup();
    let rank = |word: &str| match time(word).and_then(|time| times.binary_search(&time).ok()) {
        Some(rank) => format!("T{rank}"),
        None => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(rank).collect::<Vec<_>>().join(" ") + "\n";
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.sort();
    lines.concat()
}
