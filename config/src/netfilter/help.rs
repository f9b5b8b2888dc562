//! What `-h` prints: the options, in our own words.

use super::Family;
use super::{Match, Target};

/// The help text of `iptables` or `ip6tables`.
pub(super) fn text(family: Family) -> String {
    let program = family.program();
    let (matches, targets) = (Match::NAMES.join(" "), Target::NAMES.join(" "));
    format!(
        "{program} v1.8.9 (nf_tables)

Usage: {program} [-t TABLE] COMMAND CHAIN [RULE] [OPTIONS]

Commands:
  -A CHAIN RULE        append            -D CHAIN RULE|NUMBER  delete
  -I CHAIN [N] RULE    insert            -R CHAIN N RULE       replace
  -C CHAIN RULE        check             -L [CHAIN [N]]        list
  -S [CHAIN [N]]       list as commands  -F [CHAIN]            flush
  -Z [CHAIN [N]]       zero counters     -N CHAIN              new chain
  -X [CHAIN]           delete chain      -E OLD NEW            rename chain
  -P CHAIN POLICY      set policy

Rule:
  [!] -p PROTOCOL   [!] -s ADDRESS[/MASK][,...]   [!] -d ADDRESS[/MASK][,...]
  [!] -i NAME[+]    [!] -o NAME[+]                [!] -f
  -m MATCH ...      -j TARGET ...                 -g CHAIN
  -c PACKETS BYTES

Listing: -v -n -x --line-numbers

Matches: {matches}
Targets: {targets}
"
    )
}
