//! SYNPROXY's stages: the target, which takes segments over, and what it does to the packets of the connections
//! it has opened (kernel `nf_synproxy_core.c`, `ipv4_synproxy_hook`).

use super::track::checksum_holds;
use super::{Env, Family, Lane};
use crate::conntrack::{Direction, FlowRef, TcpConnectionState};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop};
use crate::packet::Packet;
use crate::synproxy::{Step, SynProxy};
use crate::wire::layer4::{Layer4Kind, TcpFields, tcp_options};
use crate::wire::tcp_flags::{ACK, RST, SYN};

impl<A: Family> Lane<A> {
    /// A SYN or an ACK that a rule gives to SYNPROXY.
    pub(super) fn take_over<P: Packet>(
        &self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        proxy: SynProxy,
    ) -> Stop {
        let Layer4Kind::Tcp(tcp) = flight.layer4.kind else { return Stop::Drop(DropReason::Rule) };
        if !checksum_holds(flight) {
            return Stop::Drop(DropReason::Rule);
        }
        match tcp.flags & SYN != 0 {
            true => Stop::Proxy(Step::Greet(proxy)),
            false => self.check_cookie(env, flight, tcp, tcp.seq),
        }
    }

    /// Whether an ACK brings a cookie back; `next` is the first number its sender will say.
    fn check_cookie<P: Packet>(
        &self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        tcp: TcpFields,
        next: u32,
    ) -> Stop {
        let cookie = tcp.ack.wrapping_sub(1);
        let mss = flight
            .tuple
            .and_then(|tuple| env.cookies.check(&tuple, tcp.seq.wrapping_sub(1), cookie, env.now));
        match mss {
            Some(mss) => Stop::Proxy(Step::Connect { mss, seq: next.wrapping_sub(1) }),
            None => Stop::Drop(DropReason::SynCookie),
        }
    }

    /// A packet of a connection whose ends do not count alike is about to leave.
    #[inline(never)]
    pub(super) fn adjust<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        let Layer4Kind::Tcp(tcp) = flight.layer4.kind else { return Ok(()) };
        if let Some(state) = self.conntrack.proxied_state(flow) {
            self.follow_opening(env, flight, flow, state, tcp)?;
        }
        let headers = flight.headers;
        match self.conntrack.shift(flow, flight.lead.data_mut(), &headers) {
            true => Ok(()),
            false => Err(Stop::Drop(DropReason::BadTcpOptions)),
        }
    }

    /// What a packet means to SYNPROXY as long as the server has not answered.
    fn follow_opening<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        flow: FlowRef,
        state: TcpConnectionState,
        tcp: TcpFields,
    ) -> Result<(), Stop> {
        let original = flow.direction() == Direction::Original;
        match state {
            TcpConnectionState::Close if tcp.flags & RST != 0 && !original => {
                // The server refuses: its client expects the number it was greeted with.
                self.conntrack.align(flow, tcp.seq.wrapping_sub(1));
                Ok(())
            }
            TcpConnectionState::Close if tcp.flags & (SYN | ACK) == SYN && original => {
                self.conntrack.set_clock(flow, None);
                self.call(env, flight, flow, tcp)
            }
            TcpConnectionState::SynSent => self.call(env, flight, flow, tcp),
            TcpConnectionState::SynRecv if tcp.flags & (SYN | ACK) == SYN | ACK => {
                let stamps = tcp_options(flight.lead.data(), &flight.headers).timestamps;
                if let Some([own, _]) = stamps {
                    self.conntrack.set_clock(flow, Some(own));
                }
                Err(Stop::Proxy(Step::Introduce(flow)))
            }
            TcpConnectionState::None
            | TcpConnectionState::SynRecv
            | TcpConnectionState::Established
            | TcpConnectionState::FinWait
            | TcpConnectionState::CloseWait
            | TcpConnectionState::LastAck
            | TcpConnectionState::TimeWait
            | TcpConnectionState::Close
            | TcpConnectionState::SynSent2 => Ok(()),
        }
    }

    /// The SYN to the server; or the client, who has become impatient, so that the server is called again.
    fn call<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        flow: FlowRef,
        tcp: TcpFields,
    ) -> Result<(), Stop> {
        if tcp.flags & (SYN | ACK) == ACK && flow.direction() == Direction::Original {
            // A keep-alive says the number before the next (RFC 9293 section 3.8.4).
            return Err(self.check_cookie(env, flight, tcp, tcp.seq.wrapping_add(1)));
        }
        let stamps = tcp_options(flight.lead.data(), &flight.headers).timestamps;
        self.conntrack.note_greeting(flow, tcp.ack, stamps.map(|[_, echoed]| echoed));
        Ok(())
    }
}
