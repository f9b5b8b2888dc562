//! Makes timeout policies in the kernel, in the network namespace it runs in: those of the configuration on standard
//! input, each of which names its family.

use sluice_config::Config;

fn main() {
    let text = std::io::read_to_string(std::io::stdin()).expect("no text");
    let config = Config::parse(&text, "policies").expect("sound");
    for (name, policy) in &config.timeouts {
        sluice_tests::timeouts::create(name, policy);
    }
}
