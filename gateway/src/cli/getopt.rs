//! Options as getopt_long reads them, for the tools whose users expect exactly that: bundled short
//! options, `-pTCP`, `--option=value`, unambiguous abbreviations of long names.

/// What follows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// A value, in the same word or the next.
    Value,
    /// A value in the same word, or the next word unless that is an option too (conntrack's `-n`).
    Maybe,
}

/// One option of a tool: its value in the tool's own terms, its names, what it takes.
pub(crate) struct Spec<K: 'static> {
    pub(crate) key: K,
    pub(crate) short: Option<char>,
    pub(crate) long: &'static [&'static str],
    pub(crate) takes: Takes,
}

/// One thing found on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item<K> {
    /// An option, as the user wrote it (without a value), and its value.
    Option { key: K, written: String, value: Option<String> },
    /// A word that is no option.
    Word(String),
}

/// Why the words could not be read; each names the option as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    Unknown(String),
    NeedsValue(String),
    TakesNoValue(String),
    Ambiguous(String),
}

/// The problem in the C library's words.
pub(crate) fn complaint(problem: &Problem) -> String {
    let bare = |written: &str| written.trim_start_matches('-').to_owned();
    match problem {
        Problem::Unknown(option) if option.starts_with("--") => {
            format!("unrecognized option '{option}'")
        }
        Problem::Unknown(option) => format!("invalid option -- '{}'", bare(option)),
        Problem::NeedsValue(option) if option.starts_with("--") => {
            format!("option '{option}' requires an argument")
        }
        Problem::NeedsValue(option) => {
            format!("option requires an argument -- '{}'", bare(option))
        }
        Problem::TakesNoValue(option) => format!("option '{option}' doesn't allow an argument"),
        Problem::Ambiguous(option) => format!("option '{option}' is ambiguous"),
    }
}

/// Reads the words from left to right; words after `--` are no options.
pub(crate) fn parse<K: Copy + PartialEq>(
    words: &[String],
    specs: &[Spec<K>],
) -> Result<Vec<Item<K>>, Problem> {
    let mut items = Vec::new();
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        if word == "--" {
            items.extend(rest.map(|word| Item::Word(word.clone())));
            break;
        }
        let mut next_value = |takes: Takes| match takes {
            Takes::Nothing => None,
            Takes::Value => rest.next().cloned(),
            Takes::Maybe => rest.next_if(|next| !next.starts_with('-')).cloned(),
        };
        if let Some(long) = word.strip_prefix("--") {
            items.push(parse_long(long, specs, &mut next_value)?);
        } else if word.len() > 1 && word.starts_with('-') {
            parse_short(word.get(1..).unwrap_or_default(), specs, &mut next_value, &mut items)?;
        } else {
            items.push(Item::Word(word.clone()));
        }
    }
    Ok(items)
}

fn parse_long<K: Copy + PartialEq>(
    body: &str,
    specs: &[Spec<K>],
    next_value: &mut impl FnMut(Takes) -> Option<String>,
) -> Result<Item<K>, Problem> {
    let (name, attached) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (body, None),
    };
    let written = format!("--{name}");
    let spec = find_long(name, specs)?;
    let value = match (spec.takes, attached) {
        (Takes::Nothing, Some(_)) => return Err(Problem::TakesNoValue(written)),
        (_, Some(value)) => Some(value),
        (takes, None) => next_value(takes),
    };
    if spec.takes == Takes::Value && value.is_none() {
        return Err(Problem::NeedsValue(written));
    }
    Ok(Item::Option { key: spec.key, written, value })
}

/// The option whose long name is `name`, or begins with it when only one does.
fn find_long<'a, K: PartialEq>(name: &str, specs: &'a [Spec<K>]) -> Result<&'a Spec<K>, Problem> {
    if let Some(spec) = specs.iter().find(|spec| spec.long.contains(&name)) {
        return Ok(spec);
    }
    let mut near = specs.iter().filter(|spec| spec.long.iter().any(|long| long.starts_with(name)));
    match (near.next(), near.next()) {
        (Some(spec), None) => Ok(spec),
        (Some(_), Some(_)) => Err(Problem::Ambiguous(format!("--{name}"))),
        (None, _) => Err(Problem::Unknown(format!("--{name}"))),
    }
}

fn parse_short<K: Copy + PartialEq>(
    letters: &str,
    specs: &[Spec<K>],
    next_value: &mut impl FnMut(Takes) -> Option<String>,
    items: &mut Vec<Item<K>>,
) -> Result<(), Problem> {
    for (at, letter) in letters.char_indices() {
        let written = format!("-{letter}");
        let Some(spec) = specs.iter().find(|spec| spec.short == Some(letter)) else {
            return Err(Problem::Unknown(written));
        };
        let attached = letters.get(at + letter.len_utf8()..).unwrap_or_default();
        if spec.takes == Takes::Nothing {
            items.push(Item::Option { key: spec.key, written, value: None });
            continue;
        }
        let value = match attached {
            "" => next_value(spec.takes),
            value => Some(value.to_owned()),
        };
        if spec.takes == Takes::Value && value.is_none() {
            return Err(Problem::NeedsValue(written));
        }
        items.push(Item::Option { key: spec.key, written, value });
        break;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[Spec<char>] = &[
        Spec { key: 'L', short: Some('L'), long: &["dump", "list"], takes: Takes::Maybe },
        Spec { key: 'p', short: Some('p'), long: &["protonum", "proto"], takes: Takes::Value },
        Spec { key: 'n', short: Some('n'), long: &["src-nat"], takes: Takes::Maybe },
        Spec { key: 'z', short: Some('z'), long: &["zero"], takes: Takes::Nothing },
        Spec { key: 's', short: None, long: &["sport"], takes: Takes::Value },
    ];

    fn read(line: &str) -> Result<Vec<(char, Option<String>)>, Problem> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let items = parse(&words, SPECS)?;
        Ok(items
            .into_iter()
            .map(|item| match item {
                Item::Option { key, value, .. } => (key, value),
                Item::Word(word) => ('w', Some(word)),
            })
            .collect())
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn short_options_bundle_and_carry_values() {
        assert_eq!(read("-zptcp"), Ok(vec![('z', None), ('p', some("tcp"))]));
        assert_eq!(read("-p tcp x"), Ok(vec![('p', some("tcp")), ('w', some("x"))]));
    }

    #[test]
    fn optional_values_never_swallow_an_option() {
        assert_eq!(read("-L -n -p 6"), Ok(vec![('L', None), ('n', None), ('p', some("6"))]));
        assert_eq!(read("-n 1.2.3.4"), Ok(vec![('n', some("1.2.3.4"))]));
    }

    #[test]
    fn long_options_may_be_abbreviated_but_not_ambiguous() {
        assert_eq!(read("--proto=tcp --zer"), Ok(vec![('p', some("tcp")), ('z', None)]));
        assert_eq!(read("--s 5"), Err(Problem::Ambiguous("--s".into())));
        assert_eq!(read("--nope"), Err(Problem::Unknown("--nope".into())));
        assert_eq!(read("--zero=1"), Err(Problem::TakesNoValue("--zero".into())));
    }

    #[test]
    fn a_missing_value_is_an_error() {
        assert_eq!(read("-p"), Err(Problem::NeedsValue("-p".into())));
        assert_eq!(read("--sport"), Err(Problem::NeedsValue("--sport".into())));
    }

    #[test]
    fn nothing_after_two_dashes_is_an_option() {
        assert_eq!(read("-- -p"), Ok(vec![('w', some("-p"))]));
    }
}
