//! `ip rule`: the policy every packet is routed by. It is the kernel's default one and cannot be changed.

use serde_json::{Value, json};
use sluice_control::proto::Family;

use super::words::{Words, abbreviates};
use super::{HELP, Options, print_records, usage};
use crate::cli::failure::Failure;
use crate::cli::output;

/// Priority and table. IPv6 has no table `default`.
const RULES: [(u32, &str); 3] = [(0, "local"), (32_766, "main"), (32_767, "default")];

/// Runs `ip rule`.
pub(super) fn run(mut words: Words<'_>, options: Options) -> Result<(), Failure> {
    let command = words.next().unwrap_or("show");
    if ["show", "list", "lst"].iter().any(|name| abbreviates(command, name)) {
        show(words, options)
    } else if ["add", "delete", "flush", "save", "restore"]
        .iter()
        .any(|name| abbreviates(command, name))
    {
        Err(Failure::Verbatim(format!(
            "Error: sluice routes by the tables local and main alone; `ip rule {command}' cannot change that."
        )))
    } else if abbreviates(command, "help") {
        Ok(output::print(HELP)?)
    } else {
        Err(usage(format!("Command \"{command}\" is unknown, try \"ip rule help\".")))
    }
}

fn show(mut words: Words<'_>, options: Options) -> Result<(), Failure> {
    let mut table = None;
    while let Some(word) = words.next() {
        match word {
            "table" | "lookup" => table = Some(words.value()?),
            word => {
                return Err(usage(format!(
                    "Error: argument \"{word}\" is wrong: unknown selector"
                )));
            }
        }
    }
    let rules = rules(options.family, table);
    if options.json {
        return Ok(output::print_json(&as_json(&rules, options.details), options.pretty)?);
    }
    print_records(
        &rules.iter().map(|rule| text(*rule, options.details)).collect::<Vec<_>>(),
        options,
    )
}

fn rules(family: Family, table: Option<&str>) -> Vec<(u32, &'static str)> {
    let number = |name| match name {
        "local" => "255",
        "main" => "254",
        _ => "253",
    };
    RULES
        .into_iter()
        .filter(|(_, name)| family != Family::Ipv6 || *name != "default")
        .filter(|(_, name)| table.is_none_or(|table| table == *name || table == number(*name)))
        .collect()
}

fn text((priority, table): (u32, &str), details: bool) -> String {
    let protocol = if details { " proto kernel" } else { "" };
    format!("{priority}:\tfrom all lookup {table}{protocol}\n")
}

fn as_json(rules: &[(u32, &str)], details: bool) -> Value {
    let rules = rules.iter().map(|(priority, table)| {
        let mut rule = json!({ "priority": priority, "src": "all", "table": table });
        if details && let Some(rule) = rule.as_object_mut() {
            rule.insert("protocol".into(), json!("kernel"));
        }
        rule
    });
    rules.collect()
}

#[cfg(test)]
mod tests {
    //! What iproute2 6.1.0 prints of a kernel nobody has given rules.

    use super::*;

    fn lines(family: Family, table: Option<&str>, details: bool) -> String {
        rules(family, table).into_iter().map(|rule| text(rule, details)).collect()
    }

    #[test]
    fn the_default_policy() {
        assert_eq!(
            lines(Family::Unspecified, None, false),
            "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"
        );
        assert_eq!(
            lines(Family::Ipv6, None, false),
            "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n"
        );
        assert_eq!(
            lines(Family::Ipv4, Some("254"), true),
            "32766:\tfrom all lookup main proto kernel\n"
        );
    }

    #[test]
    fn json() {
        let said = as_json(&rules(Family::Ipv4, Some("main")), false).to_string();
        assert_eq!(said, r#"[{"priority":32766,"src":"all","table":"main"}]"#);
    }

    #[test]
    fn nothing_can_be_added() {
        let words = ["add".to_owned(), "from".to_owned(), "1.1.1.1".to_owned()];
        let failure = run(Words::new(&words), Options::default()).expect_err("refused");
        assert!(failure.to_string().contains("local and main alone"), "{failure}");
    }
}
