//! The lists of `-m recent` over gRPC: what Linux has under `/proc/net/xt_recent`.

use super::Plane;
use crate::proto;
use crate::proto::recent_service_server::{RecentService, RecentServiceServer};
use sluice_dataplane::rules::matches::recent::{Entry, List};
use sluice_dataplane::time::Instant;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Linux's clock where HZ is 250: it begins five minutes before 32 bits overflow.
const FIRST_TICK: u64 = (1 << 32) - 300 * 250;
const TICK: u64 = 1_000_000_000 / 250;

pub(super) struct Lists(Arc<Plane>);

pub(super) fn service(plane: &Arc<Plane>) -> RecentServiceServer<Lists> {
    RecentServiceServer::new(Lists(Arc::clone(plane)))
}

impl Lists {
    fn named(&self, name: &str) -> Result<Arc<List>, Status> {
        let lists = self.0.lock().recent_lists();
        let known: Vec<String> = lists.iter().map(|(name, _)| name.clone()).collect();
        let found = lists.into_iter().find(|(known, _)| known == name);
        found.map(|(_, list)| list).ok_or_else(|| {
            let there = match known.as_slice() {
                [] => "no rule with `-m recent` is there".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            Status::not_found(format!("no list `{name}`: {there}"))
        })
    }
}

#[tonic::async_trait]
impl RecentService for Lists {
    async fn list(
        &self,
        _: Request<proto::ListRecentRequest>,
    ) -> Result<Response<proto::ListRecentResponse>, Status> {
        let names = self.0.lock().recent_lists().into_iter().map(|(name, _)| name).collect();
        Ok(Response::new(proto::ListRecentResponse { names }))
    }

    async fn get(
        &self,
        request: Request<proto::GetRecentRequest>,
    ) -> Result<Response<proto::GetRecentResponse>, Status> {
        let list = self.named(&request.into_inner().name)?;
        let entries = list.entries().iter().map(entry).collect();
        Ok(Response::new(proto::GetRecentResponse { entries, now: ticks((self.0.clock)()) }))
    }

    async fn write(
        &self,
        request: Request<proto::WriteRecentRequest>,
    ) -> Result<Response<proto::WriteRecentResponse>, Status> {
        let proto::WriteRecentRequest { name, change } = request.into_inner();
        let list = self.named(&name)?;
        match Change::read(&change) {
            Some(Change::Add(address)) => list.add(address, (self.0.clock)()),
            Some(Change::Remove(address)) => drop(list.remove(address)),
            Some(Change::Flush) => list.flush(),
            None => {
                return Err(Status::invalid_argument(format!(
                    "`{change}` changes no list; write +ADDRESS to put an address in, -ADDRESS to take it out, \
                     or / to take all out"
                )));
            }
        }
        Ok(Response::new(proto::WriteRecentResponse {}))
    }
}

/// What a write to the list's file does.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Add(IpAddr),
    Remove(IpAddr),
    Flush,
}

impl Change {
    /// Reads as far as the kernel does: an address ends with its line, and behind `/` anything may stand.
    fn read(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Self::Flush);
        }
        let line = text.lines().next()?;
        let address = |text: &str| match text.contains(':') {
            true => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            false => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        };
        match line.split_at_checked(1)? {
            ("+", rest) => address(rest).map(Self::Add),
            ("-", rest) => address(rest).map(Self::Remove),
            (_, _) => None,
        }
    }
}

fn ticks(time: Instant) -> u64 {
    FIRST_TICK + time.0 / TICK
}

fn entry((address, entry): &(IpAddr, Entry)) -> proto::RecentEntry {
    let (stamps, next) = entry.stamps();
    proto::RecentEntry {
        address: match address {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        },
        ttl: entry.ttl.into(),
        last_seen: ticks(entry.last),
        next: u32::try_from(next).unwrap_or(u32::MAX),
        stamps: stamps.iter().map(|stamp| ticks(*stamp)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_kernels() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (text, wanted) in [
            ("+10.1.0.2", Some(Change::Add(ip("10.1.0.2")))),
            ("+10.1.0.2\n", Some(Change::Add(ip("10.1.0.2")))),
            ("-fd00::1\n+1.1.1.1\n", Some(Change::Remove(ip("fd00::1")))),
            ("+::ffff:1.2.3.4", Some(Change::Add(ip("::ffff:1.2.3.4")))),
            ("/", Some(Change::Flush)),
            ("/ and more", Some(Change::Flush)),
            ("10.1.0.2", None),
            ("+", None),
            ("+10.1", None),
            ("+10.1.0.2/24", None),
            ("+10.1.0.2 ", None),
            ("clear", None),
            ("\n", None),
            ("", None),
            ("ä", None),
        ] {
            assert_eq!(Change::read(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn the_clock_begins_where_linux_begins() {
        assert_eq!(ticks(Instant(0)), 4_294_892_296);
        assert_eq!(ticks(Instant(2_000_000_000)), 4_294_892_796);
    }
}
