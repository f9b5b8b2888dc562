//! A configuration between its texts and the controller: read, found sound, not in force.

use sluice_config::Diagnostic;
use sluice_config::gateway::Config;
use sluice_config::netfilter::{Family, Ruleset};
use sluice_dataplane::time::Instant;

use crate::sets::SharedSets;

/// The texts a configuration consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// Name of the TOML file, for messages.
    pub file: String,
    /// The TOML.
    pub toml: String,
    /// Name and text of the iptables-save file.
    pub iptables: Option<(String, String)>,
    /// Name and text of the ip6tables-save file.
    pub ip6tables: Option<(String, String)>,
    /// Name and text of the `ipset save` file.
    pub ipset: Option<(String, String)>,
}

/// A configuration that has been read and found sound.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What it was read from.
    pub texts: Texts,
    /// The TOML's meaning.
    pub config: Config,
    /// IPv4 rules.
    pub rules4: Ruleset,
    /// IPv6 rules.
    pub rules6: Ruleset,
    /// Named sets; those of the texts once it is in force.
    pub sets: SharedSets,
}

/// Reads a whole configuration.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(texts: Texts) -> Result<Candidate, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let config = Config::parse(&texts.toml, &texts.file);
    let mut rules = |family, file: &Option<(String, String)>| {
        let empty = Ruleset::new(family);
        let Some((name, text)) = file else { return empty };
        let policies = config.as_ref().ok().map(|config| &config.timeouts);
        match Ruleset::parse_with_policies(family, text, name, policies) {
            Ok(ruleset) => ruleset,
            Err(found) => {
                wrong.extend(found);
                empty
            }
        }
    };
    let rules4 = rules(Family::V4, &texts.iptables);
    let rules6 = rules(Family::V6, &texts.ip6tables);
    // Read again when it is put in force: timeouts begin then.
    wrong.extend(load_sets(&texts, Instant::default()).err());
    let sets = SharedSets::default();
    match config {
        Ok(config) if wrong.is_empty() => Ok(Candidate { texts, config, rules4, rules6, sets }),
        Ok(_) => Err(wrong),
        Err(mut found) => {
            found.append(&mut wrong);
            Err(found)
        }
    }
}

/// The sets of the texts, whose timeouts begin now.
pub(crate) fn load_sets(texts: &Texts, now: Instant) -> Result<SharedSets, Diagnostic> {
    match &texts.ipset {
        None => Ok(SharedSets::default()),
        Some((name, text)) => SharedSets::load(text, name, now),
    }
}
