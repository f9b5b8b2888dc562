//! Any words are a packet for `iptables --explain` (of a line that begins with 6: `ip6tables`) or a refusal, of a gateway
//! that answers. What it says is no news: run it with `-close_fd_mask=3`.
#![no_main]

#[path = "../../control/tests/plane/mod.rs"]
mod plane;

use libfuzzer_sys::fuzz_target;
use sluice_config::gateway::{Api, Listen};
use sluice_control::candidate;
use sluice_control::server;
use std::sync::{Arc, LazyLock};

const RULES: &str = "*raw\n-A PREROUTING -p udp -j CT --notrack\nCOMMIT\n*nat\n-A PREROUTING -p tcp -j DNAT --to 10.1.0.9\n\
    -A POSTROUTING -o wan -j MASQUERADE\nCOMMIT\n*filter\n-A FORWARD -p icmp -m length --length 100: -j REJECT\n\
    -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A FORWARD -p tcp --syn -j LOG\nCOMMIT\n";

/// Address of the one gateway of all runs.
static SERVER: LazyLock<String> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("sluice-explain-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let socket = folder.join("api");
    let plane = plane::plane();
    let rules = RULES.to_owned();
    let texts = candidate::Texts { iptables: Some(("rules".into(), rules)), ..plane::texts() };
    let candidate = candidate::read(texts).expect("good");
    plane.lock().apply(candidate, (plane.clock)()).expect("good");
    let api = Api { listen: vec![Listen::Unix(socket.clone())], ..Api::default() };
    let listeners = server::listen(&api).expect("a socket");
    let plane = Arc::clone(&plane);
    std::thread::spawn(move || {
        server::serve(plane, listeners, std::future::pending()).expect("served");
    });
    format!("unix:{}", socket.display())
});

fuzz_target!(|text: &str| {
    for line in text.lines() {
        let (tool, words) = match line.strip_prefix('6') {
            Some(words) => ("ip6tables", words),
            None => ("iptables", line),
        };
        let before = ["sluice", "-S", &SERVER, tool, "--explain"];
        let words = before.into_iter().chain(words.split_whitespace());
        let _ = sluice::main(words.map(str::to_owned).collect());
    }
});
