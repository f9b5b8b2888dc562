//! `ip route add|append|replace|change|del`.

use sluice_control::proto::{Change, ChangeRouteRequest, Family, NextHop, Route, RouteType};

use super::words::{self, Words, wrong};
use super::{Options, refused, usage};
use crate::cli::failure::Failure;
use crate::cli::remote::Remote;
use crate::cli::wire;

/// Reads the route and has the gateway change it.
pub(super) async fn run(
    change: Change,
    words: Words<'_>,
    options: Options,
    remote: &Remote,
) -> Result<(), Failure> {
    let route = parse(words, options.family)?;
    let request = ChangeRouteRequest { change: change.into(), route: Some(route) };
    let missing = match change {
        Change::Update => "RTNETLINK answers: No such file or directory",
        _ => "RTNETLINK answers: No such process",
    };
    let exists = "RTNETLINK answers: File exists";
    let answer = remote.network().await?.change_route(request).await;
    answer.map(drop).map_err(|status| refused(status, missing, exists))
}

/// A route type by its name.
pub(super) fn route_type(text: &str) -> Result<RouteType, Failure> {
    type_of(text).ok_or_else(|| wrong(text, "node type value is invalid"))
}

fn type_of(text: &str) -> Option<RouteType> {
    Some(match text {
        "unicast" => RouteType::Unicast,
        "local" => RouteType::Local,
        "broadcast" => RouteType::Broadcast,
        "multicast" => RouteType::Multicast,
        "blackhole" => RouteType::Blackhole,
        "unreachable" => RouteType::Unreachable,
        "prohibit" => RouteType::Prohibit,
        "throw" => RouteType::Throw,
        _ => return None,
    })
}

/// `[TYPE] PREFIX [via ADDRESS] [dev IF] …`
fn parse(mut words: Words<'_>, family: Family) -> Result<Route, Failure> {
    let mut route = Route::default();
    let mut hop = NextHop::default();
    // `default` may come before the word that tells the family.
    let mut is_default = false;
    while let Some(word) = words.next() {
        match word {
            "via" => hop.via = via(&mut words, family)?,
            "dev" | "oif" => hop.interface = words.value()?.to_owned(),
            "onlink" => hop.onlink = true,
            "src" => {
                let source = words::address(words.value()?, family)?;
                route.preferred_source = wire::octets(source);
            }
            "metric" | "priority" | "preference" => route.metric = words.number("metric")?,
            "mtu" => {
                if words.peek() == Some("lock") {
                    words.next();
                }
                route.mtu = words.number("mtu")?;
            }
            "proto" | "protocol" => route.protocol = words.value()?.to_owned(),
            "scope" => route.scope = words.value()?.to_owned(),
            "table" => route.table = words::table(words.value()?)?,
            "nexthop" => {
                route.next_hops = next_hops(&mut words, family)?;
                break;
            }
            word => {
                if route.destination.is_some() {
                    let text =
                        format!("Error: either \"to\" is duplicate, or \"{word}\" is a garbage.");
                    return Err(usage(text));
                }
                let word = match type_of(word) {
                    Some(kind) => {
                        route.set_type(kind);
                        words.value()?
                    }
                    None => word,
                };
                let word = if word == "to" { words.value()? } else { word };
                is_default = matches!(word, "default" | "any" | "all");
                route.destination = Some(words::prefix(word, family)?);
            }
        }
    }
    if hop != NextHop::default() {
        route.next_hops.insert(0, hop);
    }
    settle_family(&mut route, is_default)?;
    Ok(route)
}

/// Gives `default` the family of the next hop, and refuses a mixture of families.
fn settle_family(route: &mut Route, is_default: bool) -> Result<(), Failure> {
    let Some(destination) = &mut route.destination else {
        return Err(usage("Error: a destination is expected: PREFIX or default.".to_owned()));
    };
    let mut lengths = route.next_hops.iter().map(|hop| hop.via.len()).filter(|len| *len > 0);
    let gateway = lengths.next();
    if let Some(length) = gateway {
        if is_default {
            destination.address.resize(length, 0);
        }
        if destination.address.len() != length || lengths.any(|other| other != length) {
            let text = "Error: the gateway's address family differs from the destination's.";
            return Err(usage(text.to_owned()));
        }
    }
    Ok(())
}

/// `via [inet|inet6] ADDRESS`
fn via(words: &mut Words<'_>, family: Family) -> Result<Vec<u8>, Failure> {
    let word = words.value()?;
    let (word, family) = match word {
        "inet" => (words.value()?, Family::Ipv4),
        "inet6" => (words.value()?, Family::Ipv6),
        word => (word, family),
    };
    Ok(wire::octets(words::address(word, family)?))
}

/// Everything behind the first `nexthop`.
fn next_hops(words: &mut Words<'_>, family: Family) -> Result<Vec<NextHop>, Failure> {
    let mut hops = Vec::new();
    let mut hop = NextHop { weight: 1, ..NextHop::default() };
    while let Some(word) = words.next() {
        match word {
            "via" => hop.via = via(words, family)?,
            "dev" | "oif" => hop.interface = words.value()?.to_owned(),
            "onlink" => hop.onlink = true,
            "weight" => {
                hop.weight = words.number("weight")?;
                if !(1..=256).contains(&hop.weight) {
                    return Err(wrong(&hop.weight.to_string(), "\"weight\" is invalid"));
                }
            }
            "nexthop" => {
                hops.push(std::mem::replace(&mut hop, NextHop { weight: 1, ..NextHop::default() }));
            }
            other => {
                let text =
                    format!("Error: \"nexthop\" or end of line is expected instead of \"{other}\"");
                return Err(usage(text));
            }
        }
    }
    hops.push(hop);
    Ok(hops)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Route, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(Words::new(&words), Family::Unspecified)
    }

    #[test]
    fn a_route_with_everything() {
        let route = read(
            "10.9.0.0/16 via 10.1.0.3 dev v0 src 10.1.0.1 metric 7 mtu lock 1300 proto static",
        )
        .expect("valid");
        assert_eq!((route.metric, route.mtu, route.protocol.as_str()), (7, 1300, "static"));
        assert_eq!(route.preferred_source, [10, 1, 0, 1]);
        let hop = route.next_hops.first().expect("a hop");
        assert_eq!((hop.via.as_slice(), hop.interface.as_str()), (&[10, 1, 0, 3][..], "v0"));
    }

    #[test]
    fn types_without_a_next_hop() {
        let route = read("blackhole 10.9.0.0/16").expect("valid");
        assert_eq!(route.r#type(), RouteType::Blackhole);
        assert!(route.next_hops.is_empty());
    }

    #[test]
    fn default_takes_the_family_of_its_gateway() {
        let length = |line| read(line).expect("valid").destination.expect("set").address.len();
        assert_eq!(length("default via fd00::1"), 16);
        assert_eq!(length("default via 10.0.0.1"), 4);
    }

    #[test]
    fn several_next_hops() {
        let route = read("10.7.0.0/16 nexthop via 10.1.0.3 weight 2 nexthop via 10.1.0.4 dev v0")
            .expect("valid");
        let weights: Vec<u32> = route.next_hops.iter().map(|hop| hop.weight).collect();
        assert_eq!(weights, [2, 1]);
    }

    #[test]
    fn refusals() {
        let said = |line: &str| read(line).expect_err(line).to_string();
        assert_eq!(said("foo"), "Error: any valid prefix is expected rather than \"foo\".");
        assert_eq!(
            said("10.0.0.0/8 frob"),
            "Error: either \"to\" is duplicate, or \"frob\" is a garbage."
        );
        assert_eq!(
            said("10.0.0.0/8 metric x"),
            "Error: argument \"x\" is wrong: \"metric\" value is invalid"
        );
        assert!(said("10.0.0.0/8 via fd00::1").contains("family"));
        assert!(said("dev v0").contains("destination"));
    }
}
