//! H.323's registration, admission and status (RAS), over UDP (kernel `nf_conntrack_h323_main.c`, `nf_nat_h323.c`): who
//! registers with a gatekeeper is called through it, and whom a gatekeeper names is called.
//!
//! The kernel's parameters have their defaults: a registration lasts five minutes where nothing is said of it, and calls come
//! from the gatekeeper.

use super::super::{Env, Family, Lane};
use super::h323::Named;
use super::message::{gather, message};
use super::refuse;
use crate::address::{Address, L4Port};
use crate::conntrack::{Expected, FlowRef, Helper, SourceMask, Status};
use crate::flight::{Flight, Stop};
use crate::helpers::h323::Place;
use crate::helpers::h323::RasMessage::{
    AdmissionConfirm, AdmissionRequest, GatekeeperConfirm, GatekeeperRequest, InfoRequestResponse,
    LocationConfirm, LocationRequest, RegistrationConfirm, RegistrationRequest,
    UnregistrationRequest,
};
use crate::helpers::h323::ras::{Addresses, Ras, read_ras};
use crate::packet::Packet;
use crate::tuple::Tuple;
use crate::wire::protocol::{TCP, UDP};

/// Seconds that a registration lasts.
const TIME_TO_LIVE_S: u32 = 300;
/// Seconds for the answer to who goes.
const FAREWELL_S: u32 = 30;

impl<A: Family> Lane<A> {
    pub(super) fn help_ras<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        if !gather(flight, false) {
            return Ok(());
        }
        let Ok(Some(ras)) = read_ras(message(flight)) else { return Ok(()) };
        match ras.message {
            GatekeeperRequest | LocationRequest => self.rewrite_asked(flight, flow, &ras.asked),
            GatekeeperConfirm => self.confirm_gatekeeper(env, flight, flow, &ras),
            RegistrationRequest => self.request_registration(env, flight, flow, &ras),
            RegistrationConfirm => self.confirm_registration(env, flight, flow, &ras),
            UnregistrationRequest => self.end_registration(env, flight, flow, &ras),
            AdmissionRequest => self.request_admission(flight, flow, &ras),
            AdmissionConfirm => self.confirm_admission(env, flight, flow, &ras),
            LocationConfirm => self.expect_call_to(env, flight, flow, ras.signal.first()),
            InfoRequestResponse => {
                self.rewrite_asked(flight, flow, &ras.asked)?;
                self.rewrite_signal(flight, flow, &ras.signal)
            }
        }
    }

    fn ras_place<P: Packet>(
        &self,
        flight: &Flight<A, P>,
        flow: FlowRef,
        place: Option<Place>,
    ) -> Option<Named<A>> {
        self.name_place(flight, (flow, Helper::Ras), 0, place?)
    }

    /// The first address of the sender's own, as the other end knows it.
    fn rewrite_asked<P: Packet>(
        &mut self,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        asked: &Addresses,
    ) -> Result<(), Stop> {
        let [own, other] = self.conntrack.tuples(flow);
        let mut named = asked.iter().filter_map(|place| self.ras_place(flight, flow, place));
        let end = (own.source, own.source_port.get());
        match named.find(|named| (named.address, named.port) == end) {
            Some(named) if self.rewrites_calls(flow) => {
                self.write_named(flight, named, other.destination, other.destination_port.get())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The first address at which one of both is called, as the other end knows it.
    fn rewrite_signal<P: Packet>(
        &mut self,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        signal: &Addresses,
    ) -> Result<(), Stop> {
        let [own, other] = self.conntrack.tuples(flow);
        let Some([port, outside]) = self.signal_ports(flow).filter(|_| self.rewrites_calls(flow))
        else {
            return Ok(());
        };
        let mut named = signal.iter().filter_map(|place| self.ras_place(flight, flow, place));
        let ends = [own.source, own.destination];
        let found = named.find(|named| named.port == port && ends.contains(&named.address));
        let Some(found) = found else { return Ok(()) };
        if found.address != own.source {
            return self.write_named(flight, found, other.source, outside);
        }
        // Some say first that they are called at the loopback address.
        let first = self.ras_place(flight, flow, signal.first()).filter(|first| is_loopback(first));
        self.write_named(flight, first.unwrap_or(found), other.destination, outside)
    }

    /// Where the sender of `flow` is called, as it says and as the other end knows it.
    fn signal_ports(&mut self, flow: FlowRef) -> Option<[u16; 2]> {
        let direction = flow.direction();
        let calls = self.call_memory(flow)?;
        Some([direction, direction.opposite()].map(|direction| calls.signal(direction)))
    }

    /// The gatekeeper is asked elsewhere from now on.
    fn confirm_gatekeeper<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        flow: FlowRef,
        ras: &Ras,
    ) -> Result<(), Stop> {
        let [own, other] = self.conntrack.tuples(flow);
        let Some(named) = self.ras_place(flight, flow, ras.asked.first()) else { return Ok(()) };
        let port = L4Port::new(named.port);
        let is_here = (named.address, port) == (own.source, own.source_port);
        // One that was itself expected tells of no other.
        if is_here || self.conntrack.common(flow).status.has(Status::EXPECTED) {
            return Ok(());
        }
        let (destination, destination_port) = (named.address, port);
        let tuple = Tuple { protocol: UDP, destination, destination_port, ..other };
        let mut expected = self.conntrack.expected(flow, Helper::Ras, &tuple, SourceMask::ADDRESS);
        expected.gives = Some(Helper::Ras);
        self.conntrack.expect(flow, expected, env.now).map_err(refuse)
    }

    /// Who registers is called where it says first.
    fn request_registration<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        ras: &Ras,
    ) -> Result<(), Stop> {
        let own = self.conntrack.half(flow).key;
        let mut places = ras.signal.iter().enumerate();
        let found = places.find_map(|(number, place)| {
            let named = self.ras_place(flight, flow, place)?;
            (named.address == own.source && named.port != 0).then_some((number, named))
        });
        if let Some((number, named)) = found {
            let first = self.ras_place(flight, flow, ras.signal.first());
            let first = first.filter(|first| number > 0 && is_loopback(first));
            self.expect_calls_of(env, flight, named, first)?;
        }
        self.rewrite_asked(flight, flow, &ras.asked)?;
        if let Some(calls) = self.call_memory(flow) {
            calls.time_to_live_s = ras.time_to_live.unwrap_or(TIME_TO_LIVE_S);
        }
        Ok(())
    }

    /// Calls from the gatekeeper, any number of them. `first`: an address that is rewritten alike.
    fn expect_calls_of<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        named: Named<A>,
        first: Option<Named<A>>,
    ) -> Result<(), Stop> {
        let Named { flow, port, .. } = named;
        let other = self.conntrack.half(flow.peer()).key;
        let expected = self.calls_to(flow, (other.destination, port));
        let hidden = self.rewrites_calls(flow);
        let outside = self.expect_signal(env, flight, named, expected, hidden)?;
        if !hidden && let Some(calls) = self.call_memory(flow) {
            calls.note_own_signal(flow.direction(), port);
        }
        match first.zip(outside) {
            Some((first, outside)) => self.write_named(flight, first, other.destination, outside),
            None => Ok(()),
        }
    }

    /// Calls to a place from whom `flow` speaks to, any number of them.
    fn calls_to(&self, flow: FlowRef, (destination, port): (A, u16)) -> Expected<A> {
        let (other, destination_port) = (self.conntrack.half(flow.peer()).key, L4Port::new(port));
        let tuple = Tuple { protocol: TCP, destination, destination_port, ..other };
        Expected {
            gives: Some(Helper::Q931),
            lasting: true,
            ..self.conntrack.expected(flow, Helper::Ras, &tuple, SourceMask::ADDRESS)
        }
    }

    /// The registration lasts, and so does this connection.
    fn confirm_registration<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        ras: &Ras,
    ) -> Result<(), Stop> {
        self.rewrite_signal(flight, flow, &ras.signal)?;
        let Some(calls) = self.call_memory(flow) else { return Ok(()) };
        calls.time_to_live_s = ras.time_to_live.unwrap_or(calls.time_to_live_s);
        let seconds = calls.time_to_live_s;
        if seconds > 0 {
            self.conntrack.refresh(flow, seconds, env.now);
        }
        Ok(())
    }

    fn end_registration<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        ras: &Ras,
    ) -> Result<(), Stop> {
        self.rewrite_signal(flight, flow, &ras.signal)?;
        self.conntrack.expect_no_more(flow, |_| true);
        if let Some(calls) = self.call_memory(flow) {
            calls.note_signal(flow.direction(), 0, 0);
        }
        self.conntrack.refresh(flow, FAREWELL_S, env.now);
        Ok(())
    }

    /// Who asks whether it may answer a call, or make one.
    fn request_admission<P: Packet>(
        &mut self,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        ras: &Ras,
    ) -> Result<(), Stop> {
        let [own, other] = self.conntrack.tuples(flow);
        let Some([port, outside]) = self.signal_ports(flow).filter(|_| self.rewrites_calls(flow))
        else {
            return Ok(());
        };
        let is_own = |named: &Named<A>| named.address == own.source;
        let answering = self.ras_place(flight, flow, ras.destination).filter(is_own);
        if let Some(named) = answering.filter(|named| named.port == port) {
            return self.write_named(flight, named, other.destination, outside);
        }
        match self.ras_place(flight, flow, ras.source).filter(is_own) {
            Some(named) => self.write_named(flight, named, other.destination, named.port),
            None => Ok(()),
        }
    }

    /// A call may be answered, or made to whom the gatekeeper says.
    fn confirm_admission<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        ras: &Ras,
    ) -> Result<(), Stop> {
        let own = self.conntrack.half(flow).key;
        let named = self.ras_place(flight, flow, ras.signal.first());
        if named.is_some_and(|named| named.address == own.destination) {
            return self.rewrite_signal(flight, flow, &ras.signal);
        }
        self.expect_call_to(env, flight, flow, ras.signal.first())
    }

    /// Calls to a place that a gatekeeper names, any number of them; rules say how they are translated.
    fn expect_call_to<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        flow: FlowRef,
        place: Option<Place>,
    ) -> Result<(), Stop> {
        let Some(named) = self.ras_place(flight, flow, place) else { return Ok(()) };
        let expected = self.calls_to(flow, (named.address, named.port));
        self.conntrack.expect(flow, expected, env.now).map_err(refuse)
    }
}

/// Of IPv4; only there addresses are rewritten.
fn is_loopback<A: Address>(named: &Named<A>) -> bool {
    named.address.to_bits() >> 24 == 0x7f
}
