//! Owns a running `sluice run`: its configuration file, its process, its end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;

use crate::process::{self, Background, Output};
use crate::router::Setup;
use crate::{Namespace, eventually};

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// What LOG rules have to say is written within this time.
const SILENCE: Duration = Duration::from_millis(500);

/// Sluice as the router of a namespace, on DPDK's `af_packet` ports. Dropping it is a test of its
/// own: it must stop on SIGTERM with exit code 0, every packet accounted for and no buffer lost.
#[derive(Debug)]
pub struct Gateway {
    process: Background,
    folder: PathBuf,
    buffers_at_start: u64,
    stopped: bool,
}

/// Where the `sluice` binary is: what the variable `SLUICE` names, or beside the tests.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SLUICE") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let path = test.ancestors().nth(2).expect("tests live in target/PROFILE/deps").join("sluice");
    assert!(path.exists(), "{} is missing: run `cargo build -p sluice` first", path.display());
    path
}

impl Gateway {
    /// Writes the configuration, starts the gateway and waits until it answers.
    ///
    /// # Panics
    /// With what the gateway said, when it ends or stays silent.
    pub fn start(namespace: &Namespace, scratch: &Path, setup: &Setup, workers: u32) -> Self {
        let folder = folder(scratch);
        let toml = configuration(&folder, setup);
        Self::launch(namespace, folder, workers, &toml, &[])
    }

    /// As [`start`](Self::start), with the words of `prefix` before the program, such as `setpriv …`.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_under(
        namespace: &Namespace,
        scratch: &Path,
        setup: &Setup,
        workers: u32,
        prefix: &[&str],
    ) -> Self {
        let folder = folder(scratch);
        let toml = configuration(&folder, setup);
        Self::launch(namespace, folder, workers, &toml, prefix)
    }

    /// Starts the gateway with a configuration of the test's own: interfaces, routes and the like.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with(namespace: &Namespace, scratch: &Path, workers: u32, toml: &str) -> Self {
        Self::launch(namespace, folder(scratch), workers, toml, &[])
    }

    fn launch(
        namespace: &Namespace,
        folder: PathBuf,
        workers: u32,
        toml: &str,
        prefix: &[&str],
    ) -> Self {
        write(&folder, workers, toml);
        Self::run(namespace, folder, prefix)
    }

    /// Starts the gateway with the `sluice.toml` that lies in `folder`, and waits until it answers. It must
    /// listen on `sluice.sock` there.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_in(namespace: &Namespace, folder: PathBuf) -> Self {
        Self::run(namespace, folder, &[])
    }

    fn run(namespace: &Namespace, folder: PathBuf, prefix: &[&str]) -> Self {
        let file = folder.join("sluice.toml");
        let binary = binary();
        let mut words = prefix.to_vec();
        let path = |path: &Path| path.to_str().expect("a plain path").to_owned();
        let (binary, file) = (path(&binary), path(&file));
        words.extend([binary.as_str(), "run", "-c", file.as_str()]);
        let process = namespace.start(&words, &folder.join("log"));
        let mut gateway = Self { process, folder, buffers_at_start: 0, stopped: false };
        let answered = eventually(START_LIMIT, || {
            gateway.process.ended().is_some() || gateway.sluice("stats").code == 0
        });
        if !answered || gateway.process.ended().is_some() {
            gateway.stopped = true;
            panic!("sluice did not start:\n{}", gateway.process.said());
        }
        gateway.buffers_at_start = gateway.buffers_in_use();
        gateway
    }

    /// Runs `sluice -S SOCKET WORDS` against this gateway.
    pub fn sluice(&self, words: &str) -> Output {
        process::shell(&[], &self.spelled(words))
    }

    /// Such words, as a shell takes them.
    pub fn spelled(&self, words: &str) -> String {
        format!("{} -S {} {words}", binary().display(), self.socket())
    }

    /// The same, must succeed; its standard output.
    pub fn must(&self, words: &str) -> String {
        let output = self.sluice(words);
        assert!(output.code == 0, "sluice {words} failed: {output:?}\n{}", self.said());
        output.stdout
    }

    /// Replaces the IPv4 rules of the tables named in `text`.
    pub fn load_rules(&self, text: &str) {
        let file = self.folder.join("reload.v4");
        fs::write(&file, text).expect("cannot write rules");
        self.must(&format!("iptables-restore < {}", file.display()));
    }

    /// What LOG rules have written, once they have been silent for a while.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn log(&self) -> String {
        let read = || fs::read_to_string(self.folder.join("packets")).expect("LOG goes to a file");
        let mut text = read();
        loop {
            std::thread::sleep(SILENCE);
            let more = read();
            if more == text {
                return text;
            }
            text = more;
        }
    }

    /// What `sluice conntrack -L` prints.
    pub fn connections(&self) -> String {
        self.must("conntrack -L")
    }

    /// `sluice stats --json`.
    pub fn stats(&self) -> Value {
        let text = self.must("stats --json");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// What the gateway wrote to its log.
    pub fn said(&self) -> String {
        self.process.said()
    }

    /// The gateway's process.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Which queues of an interface have received and sent: `(received, sent)` by queue.
    pub fn queues(&self, interface: &str) -> Vec<(u64, u64)> {
        let stats = self.stats();
        let queues = stats["queues"].as_array().expect("queues are a list").iter();
        let own = queues.filter(|queue| queue["interface"] == interface);
        own.map(|queue| (number(&queue["rx_packets"]), number(&queue["tx_packets"]))).collect()
    }

    /// What one interface says in `sluice stats --json`.
    pub fn interface(&self, name: &str) -> Value {
        let stats = self.stats();
        let found =
            stats["interfaces"].as_array().and_then(|all| all.iter().find(|i| i["name"] == name));
        found.unwrap_or_else(|| panic!("no {name} in {stats:#}")).clone()
    }

    /// Packets dropped for `reason`.
    pub fn drops(&self, reason: &str) -> u64 {
        number(&self.stats()["drops"][reason])
    }

    /// The gateway's configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("sluice.toml")
    }

    /// Every packet accounted for: over all workers
    /// rx + originated + handed_in = tx + local + dropped + handed_out + held.
    ///
    /// # Panics
    /// When the two sides differ.
    pub fn assert_accounted(&self) {
        let stats = self.stats();
        let sum = |names: &[&str]| -> u64 {
            names.iter().map(|name| total(&stats["workers"], name)).sum()
        };
        let came = sum(&["rx", "originated", "handed_in"]);
        let went = sum(&["tx", "local", "dropped", "handed_out", "held"]);
        assert_eq!(came, went, "packets came and did not go: {stats:#}");
        assert!(sum(&["rx"]) > 0, "nothing was received: {stats:#}");
        let by_reason: u64 =
            stats["drops"].as_object().map_or(0, |reasons| reasons.values().map(number).sum());
        assert_eq!(by_reason, sum(&["dropped"]), "drops without a reason: {stats:#}");
    }

    /// Stops with SIGTERM and checks the end: exit code 0, no worker panicked, nothing left behind.
    ///
    /// # Panics
    /// With the gateway's log, when it did not end well.
    pub fn stop(&mut self) {
        self.stop_by(Signal::SIGTERM);
    }

    /// The same by another signal.
    ///
    /// # Panics
    /// As [`stop`](Self::stop).
    pub fn stop_by(&mut self, signal: Signal) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        let leaked =
            !eventually(Duration::from_secs(5), || self.buffers_in_use() <= self.buffers_at_start);
        let in_use = self.buffers_in_use();
        let status = self.process.stop(signal, STOP_LIMIT);
        let said = self.process.said();
        let status = status.unwrap_or_else(|| panic!("did not stop on {signal}:\n{said}"));
        assert!(!self.folder.join("sluice.sock").exists(), "the socket was left behind");
        assert_eq!(status.code(), Some(0), "sluice ended badly:\n{said}");
        assert!(!said.contains("panicked"), "a thread panicked:\n{said}");
        assert!(!leaked, "buffers leaked: {} at start, {in_use} at the end", self.buffers_at_start);
    }

    /// Packet buffers outside the pool and not merely waiting for a neighbour.
    fn buffers_in_use(&self) -> u64 {
        let stats = self.stats();
        let in_use = number(&stats["mempool"]["in_use"]);
        in_use.saturating_sub(total(&stats["workers"], "held"))
    }

    /// Where it listens, as `-S` wants it.
    pub fn socket(&self) -> String {
        format!("unix:{}", self.folder.join("sluice.sock").display())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The test has failed already: its reader wants to know what the gateway said.
            eprintln!("--- sluice said:\n{}", self.process.said());
            self.process.stop(Signal::SIGTERM, STOP_LIMIT);
        } else {
            self.stop();
        }
    }
}

/// The sum of one field over the elements of a list.
pub fn total(list: &Value, field: &str) -> u64 {
    list.as_array().map_or(0, |items| items.iter().map(|item| number(&item[field])).sum())
}

/// A counter: a JSON number, or a string of digits, as protobuf's JSON writes 64 bits; absent is 0.
pub fn number(value: &Value) -> u64 {
    let text = || value.as_str().and_then(|text| text.parse().ok());
    value.as_u64().or_else(text).unwrap_or(0)
}

/// A folder for one gateway's files.
fn folder(scratch: &Path) -> PathBuf {
    let folder = tempfile::Builder::new().prefix("gateway-").tempdir_in(scratch);
    folder.expect("cannot make a folder").keep()
}

/// Writes `sluice.toml`, its socket in the same folder; its path.
pub fn write(folder: &Path, workers: u32, toml: &str) -> String {
    let text = format!(
        "[gateway]\nworkers = {workers}\nstate = {:?}\n\n[api]\nlisten = [\"unix:{}\"]\n{toml}",
        folder.join("state"),
        folder.join("sluice.sock").display()
    );
    let file = folder.join("sluice.toml");
    fs::write(&file, text).expect("cannot write the configuration");
    file.to_str().expect("a plain path").to_owned()
}

/// What a setup says in TOML; writes the rules to the folder.
fn configuration(folder: &Path, setup: &Setup) -> String {
    let mut toml = String::new();
    for interface in &setup.interfaces {
        let name = &interface.name;
        let kind = match interface.bridge.as_slice() {
            [] => format!("device = \"af_packet:{name}\""),
            ports => format!("bridge = {{ ports = {ports:?} }}"),
        };
        write!(
            toml,
            "\n[[interface]]\nname = {name:?}\n{kind}\nmac = {:?}\n\
             mtu = {}\naddress = {:?}\n",
            interface.mac, interface.mtu, interface.addresses
        )
        .expect("a string takes any text");
    }
    for route in &setup.routes {
        // `via ADDRESS dev INTERFACE`, as ip(8) has it.
        let via = route.via.as_ref().map_or(String::new(), |via| match via.split_once(" dev ") {
            Some((via, device)) => format!("via = {via:?}\ninterface = {device:?}\n"),
            None => format!("via = {via:?}\n"),
        });
        let kind = route.kind.as_ref().map_or(String::new(), |kind| format!("type = {kind:?}\n"));
        write!(toml, "\n[[route]]\nto = {:?}\n{via}{kind}", route.to).expect("as above");
    }
    for neighbour in &setup.neighbours {
        write!(
            toml,
            "\n[[neighbour]]\naddress = {:?}\nmac = {:?}\ninterface = {:?}\n",
            neighbour.address, neighbour.mac, neighbour.interface
        )
        .expect("as above");
    }
    toml.push_str("\n[rules]\n");
    if !setup.log_tag.is_empty() {
        let file = format!("file:{}", folder.join("packets").display());
        writeln!(toml, "log = {file:?}").expect("as above");
    }
    let texts =
        [("iptables", &setup.iptables), ("ip6tables", &setup.ip6tables), ("ipset", &setup.ipset)];
    for (key, text) in texts {
        if !text.is_empty() {
            let file = folder.join(format!("{key}.rules"));
            fs::write(&file, text).expect("cannot write rules");
            writeln!(toml, "{key} = {file:?}").expect("as above");
        }
    }
    toml.push_str(
        "\n[sysctl]\n\"net.ipv4.ip_forward\" = 1\n\"net.ipv6.conf.all.forwarding\" = 1\n",
    );
    for (name, value) in sysctls(setup) {
        writeln!(toml, "{name:?} = {value}").expect("as above");
    }
    toml.push_str(&setup.timeouts);
    toml
}

/// As the kernel's script sets them: what is said of `all` interfaces is said of each, and later words outdo earlier ones.
fn sysctls(setup: &Setup) -> BTreeMap<String, i64> {
    let mut sysctls = BTreeMap::new();
    for (name, value) in &setup.sysctls {
        sysctls.insert(name.clone(), *value);
        for key in ["send_redirects", "shared_media"] {
            if *name == format!("net.ipv4.conf.all.{key}") {
                let each = setup.interfaces.iter();
                sysctls.extend(
                    each.map(|each| (format!("net.ipv4.conf.{}.{key}", each.name), *value)),
                );
            }
        }
    }
    sysctls
}
