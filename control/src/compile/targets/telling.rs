//! Targets that tell of packets.

use sluice_config::netfilter::targets as words;
use sluice_dataplane::rules::matches::Kept;
use sluice_dataplane::rules::report::{LineOptions, Telling};
use std::sync::Arc;

/// LOG. There is no user id to tell: no socket is known.
pub(super) fn log(asked: &words::Log) -> Kept<Telling> {
    Kept(Arc::new(Telling::Line {
        level: asked.level,
        prefix: asked.prefix.clone(),
        options: LineOptions {
            tcp_sequence: asked.tcp_sequence,
            tcp_options: asked.tcp_options,
            ip_options: asked.ip_options,
            mac_decode: asked.mac_decode,
        },
    }))
}

/// NFLOG. Packets are written within milliseconds, whatever the threshold.
pub(super) fn nflog(asked: &words::NfLog) -> Kept<Telling> {
    Kept(Arc::new(Telling::Packet {
        group: asked.group,
        prefix: asked.prefix.clone(),
        size: asked.size,
    }))
}
