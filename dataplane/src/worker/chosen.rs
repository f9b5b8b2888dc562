//! Which packets some client wants to hear of, before they are offered to the fast path; and those that never get as
//! far as the pipeline, which tells of the others.

use super::ingress::InWorker;
use crate::address::{IpVersion, V4, V6};
use crate::drop_reason::DropReason;
use crate::ids::InterfaceId;
use crate::interface::Interface;
use crate::packet::Packet;
use crate::pipeline::{Env, ports};
use crate::trace::{End, Facts, Seen, Step};
use crate::wire::layer4::layer4;
use crate::wire::parse::{Frame, Headers, Payload, parse};

/// Whether some client wants to hear of a packet.
#[inline]
pub(super) fn is_chosen<A: InWorker, P: Packet>(
    env: &Env<'_>,
    packet: &P,
    headers: &Headers,
    from: Option<&Interface>,
) -> bool {
    let Some(filters) = env.tracing.filters() else { return false };
    filters.choose(&facts::<A>(packet.data(), headers, from))
}

/// The same of a frame from a port.
#[cold]
pub(super) fn is_chosen_frame<P: Packet>(env: &Env<'_>, port: u16, packet: &P) -> bool {
    let Ok(Frame { vlan, payload: Payload::Ip(headers), .. }) = parse(packet.data()) else {
        return false;
    };
    let interfaces = &env.snapshot.interfaces;
    let from = match interfaces.member(port) {
        Some(member) => interfaces.get(member.bridge.id),
        None => {
            let found = interfaces.find(port, vlan.filter(|&vlan| vlan != 0));
            found.map(|(_, interface)| interface)
        }
    };
    match headers.version {
        IpVersion::V4 => is_chosen::<V4, P>(env, packet, &headers, from),
        IpVersion::V6 => is_chosen::<V6, P>(env, packet, &headers, from),
    }
}

fn facts<'a, A: InWorker>(
    data: &[u8],
    headers: &Headers,
    from: Option<&'a Interface>,
) -> Facts<'a> {
    Facts {
        version: A::VERSION,
        ingress: from.map(|interface| interface.name.as_str()),
        protocol: headers.protocol,
        source: headers.source::<A>(data).to_ip(),
        destination: headers.destination::<A>(data).to_ip(),
        ports: ports(&layer4(data, headers)),
    }
}

/// Tells, if some client wants to hear of it, that a packet ends before it is judged.
#[inline]
pub(crate) fn tell_refused<P: Packet>(
    env: &Env<'_>,
    (id, interface): (InterfaceId, &Interface),
    packet: &P,
    headers: &Headers,
    reason: DropReason,
) {
    if env.tracing.filters().is_some() {
        match headers.version {
            IpVersion::V4 => tell::<V4>(env, (id, interface), packet.data(), headers, reason),
            IpVersion::V6 => tell::<V6>(env, (id, interface), packet.data(), headers, reason),
        }
    }
}

#[cold]
fn tell<A: InWorker>(
    env: &Env<'_>,
    (id, interface): (InterfaceId, &Interface),
    data: &[u8],
    headers: &Headers,
    reason: DropReason,
) {
    let Some(filters) = env.tracing.filters() else { return };
    let clients = filters.take(&facts::<A>(data, headers, Some(interface)));
    if clients == 0 {
        return;
    }
    let (traced, unix) = (env.tracing.chosen(clients), env.clock.unix(env.now));
    let mut seen = Seen::of(data, headers, u32::from(headers.end - headers.l3));
    seen.ingress = id;
    for step in [Step::Packet(seen), Step::End(End::Dropped(reason))] {
        env.tracing.tell(traced, A::VERSION, unix, step);
    }
}
