//! FTP: the commands and replies of a control connection.

use super::super::{Env, Family, Lane};
use super::message::{gather, is_writable, message};
use crate::address::L4Port;
use crate::conntrack::{CtState, FlowRef, Helper, SourceMask};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop};
use crate::helpers::ftp::{Announced, Found, search, written};
use crate::packet::Packet;
use crate::tuple::Tuple;
use crate::wire::layer4::Layer4Kind;

impl<A: Family> Lane<A> {
    /// Both ends have spoken before a segment is read.
    pub(super) fn help_ftp<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        let Layer4Kind::Tcp(tcp) = flight.layer4.kind else { return Ok(()) };
        if flight.state != CtState::Established || !gather(flight, true) {
            return Ok(());
        }
        let text = message(flight);
        let Some(last) = text.last() else { return Ok(()) };
        let (ends_line, length) = (*last == b'\n', text.len() as u32);
        let way = flow.direction() as usize;
        let lines = self.conntrack.memory(flow).map(|memory| memory.lines[way]);
        if lines.is_some_and(|lines| lines.begin_at(tcp.seq)) {
            let own = self.conntrack.half(flow).key.source;
            match search(flow.direction(), text, own) {
                Found::Nothing => {}
                Found::Partial => return Err(Stop::Drop(DropReason::Helper)),
                Found::Announced(announced) if announced.address != own => {}
                Found::Announced(announced) => self.announce_data(env, flight, flow, &announced)?,
            }
        }
        if ends_line && let Some(memory) = self.conntrack.memory(flow) {
            memory.lines[way].note(tcp.seq.wrapping_add(length));
        }
        Ok(())
    }

    /// Expects the data connection that a command or reply of `flow` announces; where the connection is translated, writes
    /// into it how the other end sees that.
    fn announce_data<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        announced: &Announced<A>,
    ) -> Result<(), Stop> {
        let port = L4Port::new(announced.port);
        let follow = self.follow_to_speaker(flow, port);
        if follow.is_some() && !is_writable(flight) {
            return Ok(());
        }
        let other = self.conntrack.half(flow.peer()).key;
        let tuple = Tuple { destination_port: port, ..other };
        let expected = self.conntrack.expected(flow, Helper::Ftp, &tuple, SourceMask::ADDRESS);
        let outside = self.expect_announced(env, flow, expected, follow)?;
        let Some(port) = outside else { return Ok(()) };
        let text = written(announced.form, other.destination, port.get());
        let part = announced.at..announced.at + announced.length;
        self.replace_announced(flight, flow, part, text.as_bytes())
    }
}
