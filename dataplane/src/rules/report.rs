//! What rules have to tell: LOG and NFLOG copy the packet's beginning into a bounded ring, and a control thread
//! makes text of it.
//!
//! ```text
//!   worker: LOG ── Report ──> ring ──> control thread: a line to syslog, journal or file
//!                               └─ full: counted, not told
//! ```

use super::matches::Kept;
use super::{Hook, View};
use crate::address::Address;
use crate::bridge::Ports;
use crate::ids::InterfaceId;
use crate::wire::parse::Headers;
use crossbeam_queue::ArrayQueue;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes of a frame that are told at most.
pub const SNAP: usize = 2048;

/// How a rule's packets are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Telling {
    /// LOG: a line of text.
    Line {
        /// 0 (emerg) to 7 (debug).
        level: u8,
        /// What the line begins with.
        prefix: String,
        /// What else is in it.
        options: LineOptions,
    },
    /// NFLOG: the packet itself.
    Packet {
        /// `--nflog-group`.
        group: u16,
        /// `--nflog-prefix`.
        prefix: String,
        /// `--nflog-size`: bytes of the IP packet that are copied.
        size: Option<u32>,
    },
}

/// `--log-*`: what else is in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineOptions {
    /// `--log-tcp-sequence`.
    pub tcp_sequence: bool,
    /// `--log-tcp-options`.
    pub tcp_options: bool,
    /// `--log-ip-options`.
    pub ip_options: bool,
    /// `--log-macdecode`.
    pub mac_decode: bool,
}

/// A packet that a rule has to tell of.
#[derive(Debug)]
pub struct Report {
    /// How it is told.
    pub telling: Kept<Telling>,
    /// At which hook.
    pub hook: Hook,
    /// Interface it came in by; [`InterfaceId::HOST`] from the host.
    pub ingress: InterfaceId,
    /// Interface it leaves by.
    pub egress: Option<InterfaceId>,
    /// The ports of a bridge it has to do with.
    pub ports: Ports,
    /// Its mark.
    pub mark: u32,
    /// When, in nanoseconds since 1970 (UTC).
    pub unix: u64,
    /// Where its headers are.
    pub headers: Headers,
    /// Bytes of the IP packet.
    pub length: u32,
    /// It came in fragments and is told as one: the frame is the first of them.
    pub whole: bool,
    /// How many bytes of the frame are here.
    filled: u16,
    bytes: [u8; SNAP],
}

impl Report {
    /// The beginning of the frame.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        self.bytes.get(..self.filled.into()).unwrap_or_default()
    }

    /// The interfaces that the hook knows: the way in, and the way out.
    #[must_use]
    pub fn sides(&self) -> (Option<InterfaceId>, Option<InterfaceId>) {
        let (ingress, egress) = sides(self.hook, self.ingress, self.egress);
        // The kernel's bridge does not say it there (br_nf_post_routing).
        let hidden = self.hook == Hook::Postrouting && self.ports.egress.is_some();
        (ingress.filter(|_| !hidden), egress)
    }
}

/// The interfaces that a hook knows of a packet: the way in, none from the host, and the way out.
#[must_use]
pub fn sides(
    hook: Hook,
    ingress: InterfaceId,
    egress: Option<InterfaceId>,
) -> (Option<InterfaceId>, Option<InterfaceId>) {
    let ingress = Some(ingress).filter(|id| *id != InterfaceId::HOST);
    match hook {
        Hook::Prerouting | Hook::Input => (ingress, None),
        Hook::Forward | Hook::Postrouting => (ingress, egress),
        Hook::Output => (None, egress),
    }
}

/// The ring of all workers.
#[derive(Debug)]
pub struct Reports {
    ring: ArrayQueue<Report>,
    lost: AtomicU64,
}

impl Reports {
    /// Room for `count` packets.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { ring: ArrayQueue::new(count), lost: AtomicU64::new(0) }
    }

    /// Tells of a packet, or counts it as lost.
    pub(super) fn tell<A: Address>(&self, telling: &Kept<Telling>, view: &View<'_, A>) {
        if self.ring.is_full() {
            self.lost.fetch_add(1, Relaxed);
            return;
        }
        let filled = view.data.len().min(usize::from(view.headers.end)).min(SNAP);
        let mut bytes = [0; SNAP];
        if let (Some(to), Some(from)) = (bytes.get_mut(..filled), view.data.get(..filled)) {
            to.copy_from_slice(from);
        }
        let report = Report {
            telling: telling.clone(),
            hook: view.around.hook,
            ingress: view.ingress,
            egress: view.egress,
            ports: view.ports,
            mark: view.mark.get(),
            unix: view.around.unix,
            headers: *view.headers,
            length: view.length,
            whole: view.around.reassembled && view.headers.fragment.is_some(),
            filled: filled as u16,
            bytes,
        };
        if self.ring.push(report).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// The next packet, for the control thread.
    #[must_use]
    pub fn pop(&self) -> Option<Report> {
        self.ring.pop()
    }

    /// Packets not told since the last time this was asked.
    #[must_use]
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Relaxed)
    }
}
