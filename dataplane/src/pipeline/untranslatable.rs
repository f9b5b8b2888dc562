//! What the kernel would translate and does not: it drops it.

use super::translate::{End, has_nat};
use super::{Env, Family, Lane};
use crate::address::Address;
use crate::conntrack::{FlowRef, reply_of};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Stop};
use crate::nat::outer_addresses;
use crate::packet::Packet;
use crate::wire::icmp_error::quoted;
use crate::wire::layer4::Layer4Kind;
use crate::wire::{gre, protocol};

/// The ICMP type.
const REDIRECT: u8 = 5;

impl<A: Family> Lane<A> {
    /// Whether the hook that would translate an end of a packet can.
    #[inline]
    pub(super) fn check_translatable<P: Packet>(
        &self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        end: End,
    ) -> Result<(), Stop> {
        if let Flow::Error(flow) = flight.flow {
            return self.check_error(env, flight, flow, end);
        }
        if flight.headers.protocol == protocol::GRE {
            return self.check_gre(flight, end);
        }
        Ok(())
    }

    /// What the kernel does not translate of errors about translated connections (`nf_nat_icmp_reply_translation`):
    /// redirects, which would make the ends talk to one another without the translation, and, at the hook that would
    /// translate, those that quote less of layer 4 than it writes to.
    #[cold]
    fn check_error<P: Packet>(
        &self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        flow: FlowRef,
        end: End,
    ) -> Result<(), Stop> {
        let own = self.conntrack.half(flow).key;
        let target = self.target_of(flow).filter(|target| *target != own && has_nat::<A>(env));
        let Some(target) = target else { return Ok(()) };
        if matches!(flight.layer4.kind, Layer4Kind::Icmp { kind: REDIRECT, .. }) {
            return Err(Stop::Drop(DropReason::TranslatedRedirect));
        }
        let (Some(from), Some(to)) = (reply_of(&own), reply_of(&target)) else { return Ok(()) };
        let (source, destination) = outer_addresses(&from, &to);
        let moved = match end {
            End::Source => source,
            End::Destination => destination,
        };
        if moved.is_some() && quotes_less_than_is_written(flight) {
            return Err(Stop::Drop(DropReason::ShortQuote));
        }
        // The quoted packet went the other way.
        if moved.is_some() && !quotes_translatable_gre(flight, end == End::Source) {
            return Err(Stop::Drop(DropReason::BadGre));
        }
        Ok(())
    }

    /// GRE that the kernel does not translate.
    #[cold]
    fn check_gre<P: Packet>(&self, flight: &Flight<A, P>, end: End) -> Result<(), Stop> {
        let turns = match (&flight.flow, end) {
            (Flow::New(new), End::Source) => new.is_source_translated(),
            (Flow::New(new), End::Destination) => new.is_destination_translated(),
            (Flow::Known(flow), _) => self.turns(*flow, end),
            (Flow::None | Flow::Error(_) | Flow::Unborn(_), _) => false,
        };
        let header = flight.headers.payload(flight.lead.data());
        if turns && !gre::can_be_translated(header, end == End::Destination) {
            return Err(Stop::Drop(DropReason::BadGre));
        }
        Ok(())
    }
}

/// Whether an ICMP error quotes fewer than the eight bytes of layer 4 that the kernel makes writable.
fn quotes_less_than_is_written<A: Address, P: Packet>(flight: &Flight<A, P>) -> bool {
    use protocol::{GRE, ICMP, ICMPV6, SCTP, TCP, UDP, UDP_LITE};
    let headers = &flight.headers;
    quoted(flight.lead.data(), headers).is_some_and(|(inner, _)| {
        matches!(inner.protocol, GRE | ICMP | ICMPV6 | SCTP | TCP | UDP | UDP_LITE)
            && inner.l4 + 8 > headers.end
    })
}

/// Whether the packet that an ICMP error quotes is none of GRE, or one whose end can be translated.
fn quotes_translatable_gre<A: Address, P: Packet>(
    flight: &Flight<A, P>,
    is_destination: bool,
) -> bool {
    let data = flight.lead.data();
    quoted(data, &flight.headers).is_none_or(|(inner, _)| {
        inner.protocol != protocol::GRE
            || gre::can_be_translated(inner.payload(data), is_destination)
    })
}

/// Whether the first fragment of an ICMP error lacks some of what a translation writes to.
pub(super) fn is_quote_in_later_fragments<A: Address, P: Packet>(flight: &Flight<A, P>) -> bool {
    let headers = &flight.headers;
    quoted(flight.lead.data(), headers).is_some_and(|(inner, _)| {
        let written = inner.l4 + if inner.protocol == protocol::TCP { 20 } else { 8 };
        written > headers.end - flight.pulled
    })
}
