//! The gateway in a process of its own, between two ports of another process.
//!
//! ```text
//!   sluice-bench gen ── link ── sluice run, or dpdk-testpmd ── link ── sluice-bench gen
//! ```

mod link;
mod subject;

use super::packets::Effort;
use super::processes::Folder;
use crate::machine::Machine;
use crate::report::Figure;
use anyhow::{Context, Result, ensure};
pub(crate) use link::Link;
use link::Place;
use subject::Site;

/// Connections a gateway has room for; the kernel's default.
const TABLE: u32 = 262_144;
/// Connections that the table of `capacity/table` takes, and that it is asked to.
const SMALL_TABLE: u32 = 50_000;
const ASKED: &str = "60000";

/// Connections that the table of `capacity/rate` takes, and the highest rate that is tried.
const LARGE_TABLE: u32 = 4 << 20;
const MOST_BEGUN: &str = "4000000";

/// What passed in a second.
struct Passed {
    /// Of as many frames as the ports took.
    offered_all: f64,
    /// At the highest rate at which none was lost: RFC 2544's search.
    without_loss: f64,
}

/// Frames a second through a NAT gateway over `link`, against dpdk-testpmd (macswap) on the same ports.
pub(super) fn frames(
    machine: &Machine,
    name: &str,
    link: Link,
    effort: Effort,
) -> Result<Vec<Figure>> {
    ensure!(machine.cores > 1, "wire/ needs two cores; leave it out");
    // A trial; a search takes about eight.
    let seconds = format!("{:.3}", effort.time.as_secs_f64() / 8.0);
    let (folder, floor) = (Folder::new()?, |site: &Site| {
        let _testpmd = site.testpmd()?;
        search(site, &seconds).context("dpdk-testpmd")
    });
    let floor = effort.compare.then(|| at(machine, link, &folder, floor)).transpose()?;
    let value = at(machine, link, &folder, |site| {
        let _gateway = site.gateway(TABLE)?;
        search(site, &seconds).context("sluice")
    })?;
    let harness =
        format!("two processes, {}, 64 bytes, 1,024 UDP flows through SNAT", link.describe());
    let figure = |name: &str, of: fn(&Passed) -> f64| {
        let figure = Figure::single(name, &harness, "frames/s", of(&value));
        match &floor {
            Some(floor) => figure.against("dpdk-testpmd macswap", of(floor)),
            None => figure,
        }
    };
    Ok(vec![
        figure(name, |passed| passed.offered_all),
        figure(&format!("{name}/zero-loss"), |passed| passed.without_loss),
    ])
}

/// TCP connections that a gateway holds before it refuses more, against `nf_conntrack_max`: RFC 9693.
///
/// # Errors
/// They are not as many.
pub(super) fn capacity(machine: &Machine, name: &str) -> Result<Figure> {
    ensure!(machine.cores > 1, "capacity/ needs two cores; leave it out");
    let folder = Folder::new()?;
    let text = at(machine, Link::Memif, &folder, |site| {
        let _gateway = site.gateway(SMALL_TABLE)?;
        site.generate(&["--capacity", "--flows", ASKED])
    })?;
    let held: Option<u32> = number_after(&text, "capacity: ").map(str::parse).and_then(Result::ok);
    let held = held.with_context(|| format!("the generator said no capacity, but {text}"))?;
    ensure!(held == SMALL_TABLE, "{held} connections are held, of nf_conntrack_max {SMALL_TABLE}");
    let harness = "two processes, memif; each connection sends once more when the table is full";
    let figure = Figure::single(name, harness, "connections", held.into());
    Ok(figure.against("nf_conntrack_max", SMALL_TABLE.into()))
}

/// The highest rate of new TCP connections at which each comes about: RFC 9693.
pub(super) fn connection_rate(machine: &Machine, name: &str, effort: Effort) -> Result<Figure> {
    ensure!(machine.cores > 1, "capacity/ needs two cores; leave it out");
    let folder = Folder::new()?;
    let seconds = format!("{:.3}", effort.time.as_secs_f64() / 8.0);
    let text = at(machine, Link::Memif, &folder, |site| {
        let _gateway = site.gateway(LARGE_TABLE)?;
        let empty = format!("{} conntrack -F", site.client()?);
        site.generate(&[
            "--tcp",
            "--new",
            MOST_BEGUN,
            "--search",
            "--seconds",
            &seconds,
            "--between",
            &empty,
        ])
    })?;
    let rate =
        number_after(&text, "all connections come about at ").map(str::parse).and_then(Result::ok);
    let rate = rate.with_context(|| format!("the generator said no rate, but {text}"))?;
    let harness = "two processes, memif; handshakes from an empty table, a connection a flow";
    Ok(Figure::single(name, harness, "connections/s", rate))
}

/// In namespaces with the link's own interfaces, which go when `run` is over.
fn at<T>(
    machine: &Machine,
    link: Link,
    folder: &Folder,
    run: impl FnOnce(&Site) -> Result<T>,
) -> Result<T> {
    let place = Place::new(link, machine.cores)?;
    run(&Site::new(link, &place, folder.path(), machine.cores))
}

/// The generator's search.
fn search(site: &Site, seconds: &str) -> Result<Passed> {
    let text = site.generate(&["--search", "--seconds", seconds])?;
    passed(&text).with_context(|| format!("the generator did not search, but said {text}"))
}

/// Of the lines `unlimited: N frames/s sent, N received, N lost` and `zero loss at N frames/s:`.
fn passed(text: &str) -> Option<Passed> {
    let (_, received) = text.split_once(" frames/s sent, ")?;
    Some(Passed {
        offered_all: received.split_whitespace().next()?.parse().ok()?,
        // It does not say so where each trial lost some.
        without_loss: number_after(text, "zero loss at ")
            .map_or(Some(0.0), |word| word.parse().ok())?,
    })
}

/// The word behind the beginning of a line.
fn number_after<'t>(text: &'t str, beginning: &str) -> Option<&'t str> {
    let rest = text.lines().find_map(|line| line.strip_prefix(beginning))?;
    rest.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_is_read() {
        let text =
            "unlimited: 1000 frames/s sent, 900 received, 100 lost\nzero loss at 800 frames/s:\n";
        let found = passed(text).unwrap();
        assert_eq!((found.offered_all, found.without_loss), (900.0, 800.0));
        let found = passed("unlimited: 1000 frames/s sent, 900 received, 100 lost\n").unwrap();
        assert_eq!((found.offered_all, found.without_loss), (900.0, 0.0));
        assert!(passed("port lan stays down\n").is_none());
    }
}
