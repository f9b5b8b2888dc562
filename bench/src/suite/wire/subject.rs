//! What is measured: a gateway, or dpdk-testpmd in its place.

use super::super::processes::{Running, await_gateway, sluice};
use super::link::{Link, PATIENCE, Place, SIDES};
use anyhow::{Context, Result, ensure};
use dpdk::Shape;
use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RULES: &str = "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
    :POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o wan -j SNAT --to-source 203.0.113.1\nCOMMIT\n";
/// What each prints, for when it does not work.
const OUTPUT: &str = "output";
const GENERATOR_ERRORS: &str = "generator-errors";

/// A pair of ports and where they are.
pub(super) struct Site<'a> {
    pub(super) link: Link,
    pub(super) place: &'a Place,
    pub(super) folder: &'a Path,
    pub(super) cores: usize,
    /// Generators that have said all. They are reaped when what is measured is gone: with a core polled at its side,
    /// the kernel was seen to take ten seconds to release one.
    spent: RefCell<Vec<Running>>,
}

impl<'a> Site<'a> {
    pub(super) const fn new(link: Link, place: &'a Place, folder: &'a Path, cores: usize) -> Self {
        Self { link, place, folder, cores, spent: RefCell::new(Vec::new()) }
    }

    /// dpdk-testpmd that swaps MACs; its ports are started.
    pub(super) fn testpmd(&self) -> Result<Running> {
        let mut command = self.place.near().command("dpdk-testpmd");
        command
            .args(["--no-huge", "--no-shconf", "-m", "256", "--no-pci", "--no-telemetry"])
            .args(["--lcores", &format!("0@0,1@{}", self.cores - 1)]);
        for (side, label) in SIDES.iter().enumerate() {
            let device = self.link.device(self.folder, side)?;
            command.arg("--vdev").arg(device.devargs(label, &Shape::default())?);
        }
        // Without a terminal it forwards until it is told to end; a pipe keeps its input open.
        command.args(["--", "--forward-mode=macswap", "--nb-cores=1", "--total-num-mbufs=16384"]);
        let child = self.spawn(command.stdin(Stdio::piped()))?;
        // A client that meets a memif port before that is turned away, and does not come again.
        let begin = Instant::now();
        while !self.output().contains("Checking link statuses") {
            ensure!(begin.elapsed() < PATIENCE, "dpdk-testpmd does not start: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(child)
    }

    /// A gateway that translates sources, with room for so many connections; its ports are started.
    pub(super) fn gateway(&self, connections: u32) -> Result<Running> {
        let (core, path) = (self.cores - 1, self.folder.display());
        let [lan, wan] = [self.link.device(self.folder, 0)?, self.link.device(self.folder, 1)?];
        let text = format!(
            r#"[gateway]
cores = [{core}]
state = "{path}/state"
[api]
listen = ["unix:{path}/api.sock"]
[[interface]]
name = "lan"
device = "{lan}"
address = ["10.255.0.1/30"]
mac = "02:00:00:00:00:01"
[[interface]]
name = "wan"
device = "{wan}"
address = ["203.0.113.1/24"]
mac = "02:00:00:00:00:02"
[[route]]
to = "10.0.0.0/9"
via = "10.255.0.2"
[[route]]
to = "198.18.0.0/15"
via = "203.0.113.254"
[[neighbour]]
address = "10.255.0.2"
mac = "02:00:00:00:01:01"
interface = "lan"
[[neighbour]]
address = "203.0.113.254"
mac = "02:00:00:00:01:02"
interface = "wan"
[rules]
iptables = "rules.v4"
[sysctl]
"net.ipv4.ip_forward" = 1
"net.netfilter.nf_conntrack_max" = {connections}
"#
        );
        let config = self.folder.join("wire.toml");
        std::fs::write(&config, text)?;
        std::fs::write(self.folder.join("rules.v4"), RULES)?;
        let mut command = self.place.near().command(sluice()?);
        let mut gateway = self.spawn(command.args(["run", "-c"]).arg(&config))?;
        let ready = await_gateway(&mut gateway, &self.folder.join("api.sock"));
        ready.with_context(|| self.said())?;
        Ok(gateway)
    }

    /// The beginning of a command to the gateway.
    pub(super) fn client(&self) -> Result<String> {
        Ok(format!("{} -S unix:{}/api.sock", sluice()?.display(), self.folder.display()))
    }

    fn spawn(&self, command: &mut Command) -> Result<Running> {
        Link::clear(self.folder);
        // Of the one before.
        let _ = std::fs::remove_file(self.folder.join("api.sock"));
        let output = File::create(self.folder.join(OUTPUT))?;
        let child = command.stdout(output.try_clone()?).stderr(output).spawn();
        Ok(Running(child.with_context(|| format!("cannot start {command:?}"))?))
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.folder.join(OUTPUT)).unwrap_or_default()
    }

    /// The last lines of what is measured.
    fn said(&self) -> String {
        let text = self.output();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
    }

    /// What the generator prints with these arguments between the two ports.
    ///
    /// # Errors
    /// It cannot be started, or the ports do not come up; both sides' words.
    pub(super) fn generate(&self, arguments: &[&str]) -> Result<String> {
        self.link.wait(self.place, self.folder).with_context(|| self.said())?;
        let [inside, outside] = [0, 1].map(|side| self.link.far_device(self.folder, side));
        let errors = self.folder.join(GENERATOR_ERRORS);
        let mut generator = self
            .place
            .far()
            .command(std::env::current_exe()?)
            .args(["gen", "--inside", &inside, "--outside", &outside])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(File::create(&errors)?)
            .spawn()?;
        let mut text = String::new();
        if let Some(output) = &mut generator.stdout {
            output.read_to_string(&mut text)?;
        }
        self.spent.borrow_mut().push(Running(generator));
        if !text.contains('\n') {
            let error = std::fs::read_to_string(&errors).unwrap_or_default();
            anyhow::bail!("the generator: {error}\nthe other side: {}", self.said());
        }
        Ok(text)
    }
}
