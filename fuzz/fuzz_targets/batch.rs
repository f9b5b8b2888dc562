//! Any lines are commands of the operator's tools, each begun by a letter for the tool, to a gateway that answers: what
//! the tools make of the words, what the gateway makes of that, and what the tools print of its answers.
//! What the tools say is no news: run it with `-close_fd_mask=3`.
#![no_main]

#[path = "../../control/tests/plane/mod.rs"]
mod plane;

use libfuzzer_sys::fuzz_target;
use sluice_config::gateway::{Api, Listen};
use sluice_control::candidate;
use sluice_control::server::{self, Plane};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// One for all runs: its forwarding tables are large.
static PLANE: LazyLock<Arc<Plane>> = LazyLock::new(plane::plane);

/// Rust's own `main`, which has a closed connection be an error and not the end, does not run here.
static PIPES: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { signal(SignalKind::pipe()).map(drop).expect("a handler") });
    runtime
});

fuzz_target!(|text: &str| {
    LazyLock::force(&PIPES);
    let folder = folder();
    let socket = folder.join("api");
    let api = Api { listen: vec![Listen::Unix(socket.clone())], ..Api::default() };
    let listeners = server::listen(&api).expect("a socket");
    let candidate = candidate::read(plane::texts()).expect("good");
    PLANE.lock().apply(candidate, (PLANE.clock)()).expect("good");
    let plane = Arc::clone(&PLANE);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        server::serve(plane, listeners, async { drop(stopped.await) }).expect("served");
    });
    let server = format!("unix:{}", socket.display());
    let mut batch = String::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().map(str::to_owned);
        let tool = match words.next().as_deref() {
            // One file for `ip -batch`, at the end.
            Some("b") => {
                batch += &words.collect::<Vec<_>>().join(" ");
                batch.push('\n');
                continue;
            }
            Some("a") => "arp",
            Some("c") => "conntrack",
            Some("i") => "ip",
            Some("s") => "ipset",
            Some("t") => "iptables",
            Some("6") => "ip6tables",
            Some(_) | None => continue,
        };
        let words: Vec<String> = words.collect();
        if words.iter().any(|word| is_left_out(tool, word)) {
            continue;
        }
        let before = ["sluice".to_owned(), "-S".into(), server.clone(), tool.into()];
        let _ = sluice::main(before.into_iter().chain(words).collect());
    }
    let file = folder.join("batch");
    std::fs::write(&file, batch).expect("a file");
    let words = ["sluice", "-S", &server, "ip", "-force", "-batch", &file.display().to_string()];
    let _ = sluice::main(words.map(str::to_owned).into());
    drop(stop);
    serving.join().expect("served");
});

/// What goes on for ever, reads the fuzzer's own input, or files of its choice.
fn is_left_out(tool: &str, word: &str) -> bool {
    let short = |letters: &[char]| word.starts_with('-') && word.contains(letters);
    match tool {
        "conntrack" => short(&['E', 'R', 'e', 'l']),
        "ip" => short(&['b']),
        "ipset" => short(&['f', 'r', 'R', '!']) || word.starts_with('r') || word == "-",
        _ => false,
    }
}

/// One for each process of the fuzzer.
fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("sluice-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
