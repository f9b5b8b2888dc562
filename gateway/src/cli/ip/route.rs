//! `ip route show|get|flush`; changes are in [`super::route_change`].

use sluice_control::proto::{
    Change, ChangeRouteRequest, Family, GetRouteRequest, ListRoutesRequest, Prefix, Route,
    RouteType,
};
use tonic::Code;

use super::route_change;
use super::route_text::{self, Elide, Question};
use super::words::{self, Words, abbreviates};
use super::{HELP, Options, print_records, usage};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::remote::Remote;
use crate::cli::wire;

/// Runs `ip route`.
pub(super) async fn run(
    mut words: Words<'_>,
    options: Options,
    remote: &Remote,
) -> Result<(), Failure> {
    let command = words.next().unwrap_or("list");
    if ["list", "show", "lst"].iter().any(|name| abbreviates(command, name)) {
        return show(words, options, remote).await;
    }
    let change = match command {
        _ if abbreviates(command, "get") => return get(words, options, remote).await,
        _ if abbreviates(command, "add") => Change::Add,
        _ if abbreviates(command, "append") => Change::Append,
        _ if abbreviates(command, "change") || command == "chg" => Change::Update,
        _ if abbreviates(command, "replace") => Change::Replace,
        _ if abbreviates(command, "delete") => Change::Delete,
        _ if abbreviates(command, "flush") => return flush(words, options, remote).await,
        _ if abbreviates(command, "help") => return Ok(output::print(HELP)?),
        _ => {
            let text = format!("Command \"{command}\" is unknown, try \"ip route help\".");
            return Err(usage(text));
        }
    };
    route_change::run(change, words, options, remote).await
}

/// Which routes to show.
#[derive(Debug, Default, PartialEq)]
struct Filter {
    family: Family,
    table: u32,
    interface: Option<String>,
    via: Option<Vec<u8>>,
    protocol: Option<String>,
    kind: Option<RouteType>,
    scope: Option<String>,
    metric: Option<u32>,
    /// The destination is inside this prefix.
    root: Option<Prefix>,
    /// The destination covers this prefix.
    matching: Option<Prefix>,
    exact: Option<Prefix>,
}

impl Filter {
    fn parse(mut words: Words<'_>, family: Family) -> Result<Self, Failure> {
        let mut filter = Self { family, ..Self::default() };
        while let Some(word) = words.next() {
            match word {
                "dev" | "oif" => filter.interface = Some(words.value()?.to_owned()),
                "table" => filter.table = words::table(words.value()?)?,
                "via" => {
                    filter.via = Some(wire::octets(words::address(words.value()?, family)?));
                }
                "proto" | "protocol" => filter.protocol = Some(words.value()?.to_owned()),
                "type" => filter.kind = Some(route_change::route_type(words.value()?)?),
                "scope" => filter.scope = Some(words.value()?.to_owned()),
                "metric" | "priority" => filter.metric = Some(words.number("metric")?),
                "to" => filter.destination(words.value()?, &mut words)?,
                other => filter.destination(other, &mut words)?,
            }
        }
        Ok(filter)
    }

    fn destination(&mut self, word: &str, words: &mut Words<'_>) -> Result<(), Failure> {
        let family = self.family;
        let mut prefix = |text: &str| {
            let prefix = words::prefix(text, family)?;
            if self.family == Family::Unspecified && prefix.address.len() == 16 {
                self.family = Family::Ipv6;
            }
            Ok::<_, Failure>(Some(prefix))
        };
        match word {
            "root" => self.root = prefix(words.value()?)?,
            "match" => self.matching = prefix(words.value()?)?,
            "exact" => self.exact = prefix(words.value()?)?,
            word => self.exact = prefix(word)?,
        }
        Ok(())
    }

    fn passes(&self, route: &Route) -> bool {
        let destination = route.destination.clone().unwrap_or_default();
        let inside = |inner: &Prefix, outer: &Prefix| {
            inner.length >= outer.length
                && wire::same_prefix(&inner.address, &outer.address, outer.length)
        };
        let kind = match route.r#type() {
            RouteType::Unspecified => RouteType::Unicast,
            kind => kind,
        };
        let hops = &route.next_hops;
        self.interface.as_ref().is_none_or(|name| hops.iter().any(|hop| hop.interface == *name))
            && self.via.as_ref().is_none_or(|via| hops.iter().any(|hop| hop.via == *via))
            && self.protocol.as_ref().is_none_or(|name| {
                *name == route.protocol || (name == "boot" && route.protocol.is_empty())
            })
            && self.kind.is_none_or(|wanted| wanted == kind)
            && self.scope.as_ref().is_none_or(|scope| *scope == route.scope)
            && self.metric.is_none_or(|metric| metric == route.metric)
            && self.root.as_ref().is_none_or(|root| inside(&destination, root))
            && self.matching.as_ref().is_none_or(|inner| inside(inner, &destination))
            && self.exact.as_ref().is_none_or(|exact| {
                exact.length == destination.length && inside(&destination, exact)
            })
    }

    fn elide(&self) -> Elide {
        Elide {
            interface: self.interface.is_some(),
            table: self.table != 0 && self.table != u32::MAX,
            protocol: self.protocol.is_some(),
            scope: self.scope.is_some(),
            kind: self.kind.is_some(),
            via: self.via.is_some(),
        }
    }

    /// Nothing but the family was said.
    fn is_empty(&self) -> bool {
        *self == Self { family: self.family, ..Self::default() }
    }
}

async fn list(filter: &Filter, remote: &Remote) -> Result<Vec<Route>, Failure> {
    // `ip route` without a family means IPv4, as in iproute2, unless all tables are asked for.
    let all = filter.table == u32::MAX;
    let family = match filter.family {
        Family::Unspecified if !all => Family::Ipv4,
        family => family,
    };
    let request = ListRoutesRequest { family: family.into(), table: filter.table };
    let mut client = remote.network().await?;
    let answer = client.list_routes(request).await?.into_inner();
    let mut routes: Vec<_> =
        answer.routes.into_iter().filter(|route| filter.passes(route)).collect();
    // One family after the other, and of each the main table before the local one.
    routes
        .sort_by_key(|route| (route.destination.as_ref().map(|to| to.address.len()), route.table));
    Ok(routes)
}

async fn show(words: Words<'_>, options: Options, remote: &Remote) -> Result<(), Failure> {
    let filter = Filter::parse(words, options.family)?;
    let routes = list(&filter, remote).await?;
    let elide = filter.elide();
    if options.json {
        let rendered: serde_json::Value =
            routes.iter().map(|r| route_text::entry_json(r, elide, options.details)).collect();
        return Ok(output::print_json(&rendered, options.pretty)?);
    }
    let lines: Vec<String> =
        routes.iter().map(|route| route_text::entry(route, elide, options.details)).collect();
    print_records(&lines, options)
}

/// Deletes every route that passes the filter, one by one, as iproute2 does.
async fn flush(words: Words<'_>, options: Options, remote: &Remote) -> Result<(), Failure> {
    let filter = Filter::parse(words, options.family)?;
    if filter.is_empty() {
        return Err(usage("\"ip route flush\" requires arguments.".to_owned()));
    }
    let routes = list(&filter, remote).await?;
    let mut client = remote.network().await?;
    for route in routes {
        let request = ChangeRouteRequest { change: Change::Delete.into(), route: Some(route) };
        match client.change_route(request).await {
            Ok(_) => {}
            // Somebody else was faster.
            Err(status) if status.code() == Code::NotFound => {}
            Err(status) => return Err(status.into()),
        }
    }
    Ok(())
}

async fn get(mut words: Words<'_>, options: Options, remote: &Remote) -> Result<(), Failure> {
    let mut question = Question { destination: vec![], from: None, input_interface: None };
    let mut request = GetRouteRequest::default();
    while let Some(word) = words.next() {
        match word {
            "from" => {
                let from = wire::octets(words::address(words.value()?, options.family)?);
                request.source.clone_from(&from);
                question.from = Some(from);
            }
            "iif" => {
                let interface = words.value()?.to_owned();
                request.input_interface.clone_from(&interface);
                question.input_interface = Some(interface);
            }
            "mark" => request.mark = words.number("mark")?,
            "to" => {}
            word if request.destination.is_empty() => {
                let prefix = words::prefix(word, options.family)?;
                request.destination.clone_from(&prefix.address);
                question.destination = prefix.address;
            }
            word => {
                let said =
                    format!("Error: either \"to\" is duplicate, or \"{word}\" is a garbage.");
                return Err(usage(said));
            }
        }
    }
    if request.destination.is_empty() {
        return Err(usage("need at least a destination address".to_owned()));
    }
    let unreachable = "RTNETLINK answers: Network is unreachable";
    let answer = remote.network().await?.get_route(request).await;
    let answer = answer.map_err(|status| super::refused(status, unreachable, ""))?.into_inner();
    if let Some(said) = refusal(answer.route.as_ref()) {
        return Err(Failure::Verbatim(format!("RTNETLINK answers: {said}")));
    }
    if options.json {
        let rendered = serde_json::json!([route_text::decision_json(&question, &answer)]);
        return Ok(output::print_json(&rendered, options.pretty)?);
    }
    print_records(&[route_text::decision(&question, &answer)], options)
}

/// The kernel's error for a packet that such a route decides.
fn refusal(route: Option<&Route>) -> Option<&'static str> {
    match route.map(Route::r#type)? {
        RouteType::Blackhole => Some("Invalid argument"),
        RouteType::Unreachable => Some("No route to host"),
        RouteType::Prohibit => Some("Permission denied"),
        RouteType::Throw => Some("Network is unreachable"),
        RouteType::Unspecified
        | RouteType::Unicast
        | RouteType::Local
        | RouteType::Broadcast
        | RouteType::Multicast => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_control::proto::NextHop;

    fn filter(line: &str) -> Filter {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Filter::parse(Words::new(&words), Family::Unspecified).expect("valid")
    }

    fn route(destination: &str) -> Route {
        Route {
            destination: Some(words::prefix(destination, Family::Unspecified).expect("valid")),
            next_hops: vec![NextHop { interface: "v0".into(), ..NextHop::default() }],
            ..Route::default()
        }
    }

    #[test]
    fn destinations_by_root_match_and_exact() {
        let shown = |line: &str| -> Vec<&str> {
            let filter = filter(line);
            let all = ["default", "10.6.0.0/15", "10.6.0.0/16", "10.6.0.1"];
            all.into_iter().filter(|text| filter.passes(&route(text))).collect()
        };
        assert_eq!(shown("root 10.6.0.0/16"), ["10.6.0.0/16", "10.6.0.1"]);
        assert_eq!(shown("match 10.6.0.1"), ["default", "10.6.0.0/15", "10.6.0.0/16", "10.6.0.1"]);
        assert_eq!(shown("to exact 10.6.0.0/16"), ["10.6.0.0/16"]);
        assert_eq!(shown("10.6.0.0/15"), ["10.6.0.0/15"]);
        assert_eq!(shown("default"), ["default"]);
        assert_eq!(shown("0/0"), ["default"]);
    }

    #[test]
    fn other_filters() {
        assert!(filter("dev v0").passes(&route("default")));
        assert!(!filter("dev v1").passes(&route("default")));
        assert!(filter("proto boot").passes(&route("default")));
        assert!(!filter("type blackhole").passes(&route("default")));
        assert_eq!(filter("fd00::/8").family, Family::Ipv6);
        assert!(filter("").is_empty() && !filter("table 7").is_empty());
    }
}
