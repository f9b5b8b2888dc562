//! A gateway that finds huge pages free, and then cannot have them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// No file may grow beyond a megabyte, so EAL gets no huge page although the kernel would promise some: as when another
/// process takes them in between. Where the machine has none the gateway does without from the start.
const LIMITED: &str = "trap '' XFSZ; ulimit -f 1024; exec \"$0\" run -c \"$1\"";

#[test]
fn it_starts_on_ordinary_pages_when_huge_ones_are_taken() {
    let folder = std::env::temp_dir().join(format!("sluice-huge-pages-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("sluice.toml");
    let text = format!(
        "[gateway]\nworkers = 1\nstate = {:?}\n[api]\nlisten = [\"unix:{}\"]\n\
         [[interface]]\nname = \"taken\"\ndevice = \"vdev:net_null0\"\n",
        folder.join("state"),
        folder.join("api").display()
    );
    std::fs::write(&config, text).unwrap();
    let mut child = Command::new("bash")
        .args(["-c", LIMITED, env!("CARGO_BIN_EXE_sluice")])
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    for line in lines {
        let started = line.contains("EAL started");
        said.push(line);
        if started {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(said.last().is_some_and(|line| line.contains("MB of ordinary pages")), "{said:#?}");
}
