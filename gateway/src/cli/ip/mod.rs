//! `sluice ip`: links, addresses, neighbours and routes in iproute2's words.
//!
//! Each object is two files: the one named after it reads words and calls the gateway, its `_text`
//! twin turns messages into lines or JSON.

mod addr;
mod addr_text;
mod link;
mod link_text;
mod neigh;
mod neigh_text;
mod route;
mod route_change;
mod route_text;
mod rule;
mod words;

use std::fs;
use std::io::Read;
use std::process::ExitCode;

use sluice_control::proto::Family;
use tonic::{Code, Status};

use super::failure::Failure;
use super::output;
use super::remote::Remote;
use words::{Words, abbreviates};

/// Options before the object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Options {
    /// `-4`, `-6`; unspecified: the command's default.
    family: Family,
    brief: bool,
    json: bool,
    /// Indented JSON.
    pretty: bool,
    statistics: bool,
    details: bool,
    /// Each record on one line.
    oneline: bool,
    /// Continue a batch after a failure.
    force: bool,
}

const HELP: &str = "\
Usage: sluice ip [ OPTIONS ] OBJECT { COMMAND | help }
       sluice ip [ -force ] -batch FILE
where  OBJECT := { address | link | neighbour | route | rule }
       OPTIONS := { -4 | -6 | -br[ief] | -j[son] | -p[retty] | -s[tatistics] | -d[etails] | -o[neline] }

  ip route  { show | list } [ [root|match|exact] PREFIX ] [ dev IF ] [ via ADDRESS ] [ proto NAME ]
            [ type TYPE ] [ table TABLE ]
  ip route  { add | append | replace | change | del } [ TYPE ] PREFIX [ via ADDRESS ] [ dev IF ]
            [ src ADDRESS ] [ metric N ] [ mtu N ] [ proto NAME ] [ table TABLE ] [ onlink ]
            [ nexthop [ via ADDRESS ] [ dev IF ] [ weight N ] ]...
  ip route  get ADDRESS [ from ADDRESS iif IF ] [ mark N ]
  ip route  flush PREFIX | dev IF | proto NAME | type TYPE
  ip neigh  { show } [ dev IF ] [ nud STATE ] [ to PREFIX ];  get ADDRESS dev IF
  ip neigh  { add | replace | change | del } ADDRESS [ lladdr MAC ] dev IF [ nud STATE ]
  ip neigh  flush { dev IF | to PREFIX | nud STATE }
  ip addr   { show } [ [dev] IF ] [ to PREFIX ] [ scope SCOPE ] [ up ]
  ip addr   { add | replace | del } ADDRESS/LENGTH [ brd ADDRESS|+ ] [ scope SCOPE ] dev IF
  ip addr   flush dev IF
  ip link   { show } [ [dev] IF ] [ up ]
  ip link   set [dev] IF [ up | down ] [ mtu N ] [ address MAC ] [ promisc on|off ]
  ip rule   { show } [ table TABLE ]
TYPE := { unicast | blackhole | unreachable | prohibit }
";

const VERSION: &str = "ip utility, iproute2-6.1.0 (sluice)\n";

/// What the options lead to.
#[derive(Debug, PartialEq, Eq)]
enum Ask<'a> {
    Help,
    Version,
    Batch(String),
    Object(&'a [String]),
}

/// Runs `ip`.
pub(crate) async fn run(words: &[String], remote: &Remote) -> Result<ExitCode, Failure> {
    let mut options = Options::default();
    match parse_options(words, &mut options)? {
        Ask::Help => output::print(HELP)?,
        Ask::Version => output::print(VERSION)?,
        Ask::Batch(file) => return batch(&file, options, remote).await,
        Ask::Object(words) => object(words, options, remote).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `OBJECT COMMAND …`; objects may be abbreviated as in iproute2.
async fn object(words: &[String], options: Options, remote: &Remote) -> Result<(), Failure> {
    let Some((name, rest)) = words.split_first() else { return Ok(output::print(HELP)?) };
    let words = Words::new(rest);
    if abbreviates(name, "address") {
        addr::run(words, options, remote).await
    } else if abbreviates(name, "route") {
        route::run(words, options, remote).await
    } else if abbreviates(name, "link") {
        link::run(words, options, remote).await
    } else if abbreviates(name, "neighbor") || abbreviates(name, "neighbour") {
        neigh::run(words, options, remote).await
    } else if abbreviates(name, "rule") {
        rule::run(words, options)
    } else if abbreviates(name, "help") {
        Ok(output::print(HELP)?)
    } else {
        Err(usage(format!("Object \"{name}\" is unknown, try \"ip help\".")))
    }
}

fn parse_options<'a>(words: &'a [String], options: &mut Options) -> Result<Ask<'a>, Failure> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let Some(option) = word.strip_prefix('-') else { break };
        let option = option.strip_prefix('-').unwrap_or(option);
        at += 1;
        match option {
            "4" => options.family = Family::Ipv4,
            "6" => options.family = Family::Ipv6,
            "f" | "family" => {
                options.family = match words.get(at).map(String::as_str) {
                    Some("inet") => Family::Ipv4,
                    Some("inet6") => Family::Ipv6,
                    _ => return Err(usage("Error: -family takes inet or inet6.".into())),
                };
                at += 1;
            }
            "b" | "batch" => {
                let file = words.get(at).ok_or_else(|| {
                    usage("Error: -batch takes a file name, or - for standard input.".into())
                })?;
                return Ok(Ask::Batch(file.clone()));
            }
            "V" | "Version" => return Ok(Ask::Version),
            "h" | "help" => return Ok(Ask::Help),
            _ => set_flag(option, options)?,
        }
    }
    Ok(Ask::Object(words.get(at..).unwrap_or_default()))
}

fn set_flag(option: &str, options: &mut Options) -> Result<(), Failure> {
    if abbreviates(option, "brief") && option.len() > 1 {
        options.brief = true;
    } else if abbreviates(option, "json") {
        options.json = true;
    } else if abbreviates(option, "pretty") {
        options.pretty = true;
    } else if abbreviates(option, "statistics") || abbreviates(option, "stats") {
        options.statistics = true;
    } else if abbreviates(option, "details") {
        options.details = true;
    } else if abbreviates(option, "oneline") {
        options.oneline = true;
    } else if option == "force" {
        options.force = true;
    } else if option.starts_with('c') || option == "N" || option == "Numeric" {
        // Colour and numeric output: there is nothing to colour, and nothing but numbers.
    } else {
        return Err(usage(format!("Option \"-{option}\" is unknown, try \"ip -help\".")));
    }
    Ok(())
}

/// One command a line; `#` starts a comment.
async fn batch(file: &str, options: Options, remote: &Remote) -> Result<ExitCode, Failure> {
    let mut text = String::new();
    if file == "-" {
        std::io::stdin().lock().read_to_string(&mut text)?;
    } else {
        text = fs::read_to_string(file).map_err(|error| {
            Failure::Verbatim(format!("Cannot open file \"{file}\" for reading: {error}"))
        })?;
    }
    let mut failed = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            continue;
        }
        if let Err(failure) = object(&words, options, remote).await {
            if let Failure::Unreachable { .. } = failure {
                return Err(failure);
            }
            if let Some(said) = failure.line("ip") {
                output::complain(&said);
            }
            output::complain(&format!("Command failed {file}:{}", number + 1));
            failed = true;
            if !options.force {
                break;
            }
        }
    }
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Wrong usage in iproute2's exact words.
fn usage(text: String) -> Failure {
    Failure::UsageVerbatim(text)
}

/// A refusal of the gateway in iproute2's words: `missing` stands for NOT_FOUND, `exists` for
/// ALREADY_EXISTS; everything else is in the gateway's own words.
fn refused(status: Status, missing: &str, exists: &str) -> Failure {
    let message = status.message();
    // About the interface, not the entry: the gateway says it as iproute2 does.
    if message.starts_with("Cannot find device") || message.starts_with("Device \"") {
        return Failure::Verbatim(message.to_owned());
    }
    match status.code() {
        Code::NotFound => Failure::Verbatim(missing.to_owned()),
        Code::AlreadyExists => Failure::Verbatim(exists.to_owned()),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            Failure::Verbatim(format!("Error: {}.", message.trim_end_matches('.')))
        }
        _ => status.into(),
    }
}

/// A refusal to list what belongs to a device, in the words iproute2 has for that.
fn not_listed(status: Status, device: &str) -> Failure {
    match status.code() {
        Code::NotFound => Failure::Verbatim(format!("Device \"{device}\" does not exist.")),
        _ => refused(status, "", ""),
    }
}

/// Prints records as text, or on one line each with `-oneline`: a line break becomes a backslash.
fn print_records(records: &[String], options: Options) -> Result<(), Failure> {
    let mut out = String::new();
    for record in records {
        if options.oneline {
            out.push_str(&record.trim_end_matches('\n').replace('\n', "\\"));
            out.push('\n');
        } else {
            out.push_str(record);
        }
    }
    Ok(output::print(&out)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<(Options, Vec<String>), Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let mut options = Options::default();
        match parse_options(&words, &mut options)? {
            Ask::Object(rest) => Ok((options, rest.to_vec())),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_before_the_object() {
        let (options, rest) = read("-6 -br -j -s addr show").expect("valid");
        assert_eq!(options.family, Family::Ipv6);
        assert!(options.brief && options.json && options.statistics && !options.details);
        assert_eq!(rest, ["addr", "show"]);
        let (options, _) = read("-f inet --json route").expect("valid");
        assert_eq!(options.family, Family::Ipv4);
        assert!(options.json);
    }

    #[test]
    fn an_unknown_option_is_wrong_usage() {
        let failure = read("-frob route").expect_err("unknown");
        assert_eq!(failure.to_string(), "Option \"-frob\" is unknown, try \"ip -help\".");
    }

    #[test]
    fn statuses_become_the_kernels_words() {
        let refuse = |status| refused(status, "RTNETLINK answers: No such process", "exists");
        assert_eq!(
            refuse(Status::not_found("no such route")).to_string(),
            "RTNETLINK answers: No such process"
        );
        assert_eq!(refuse(Status::already_exists("")).to_string(), "exists");
        assert_eq!(
            refuse(Status::not_found("Cannot find device \"wan9\"")).to_string(),
            "Cannot find device \"wan9\""
        );
        assert_eq!(
            refuse(Status::failed_precondition("Nexthop has invalid gateway")).to_string(),
            "Error: Nexthop has invalid gateway."
        );
    }
}
