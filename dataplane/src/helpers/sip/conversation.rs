//! The connection that carries SIP messages, as the protocol's logic sees it.

use super::sdp::Class;
use crate::address::{Address, L4Port};
use crate::conntrack::Direction;
use crate::tuple::Tuple;
use std::ops::Range;

/// What does not change while a packet is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<A> {
    /// The tuple of the packet's direction,
    pub(crate) own: Tuple<A>,
    /// and of the other: what its receiver answers with.
    pub(crate) other: Tuple<A>,
    pub(crate) direction: Direction,
    /// Whether source or destination of the connection are translated.
    pub(crate) translated: bool,
    /// Whether the connection itself was expected.
    pub(crate) expected: bool,
}

/// What is remembered of a connection (kernel `nf_ct_sip_master`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, zerocopy::FromZeros)]
pub(crate) struct Memory {
    /// CSeq of the last REGISTER.
    pub(crate) register: u32,
    /// CSeq of the last INVITE.
    pub(crate) invite: u32,
    /// Where a phone listens that sends from another port; zero where it does not.
    pub(crate) listens: L4Port,
}

/// A connection to come, from any port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced<A> {
    pub(crate) class: Class,
    pub(crate) protocol: u8,
    /// Whom it comes from.
    pub(crate) source: A,
    /// Where it goes.
    pub(crate) destination: A,
    pub(crate) port: L4Port,
    /// Where it really goes, if the connection that announces it is translated.
    pub(crate) behind: Option<(A, L4Port)>,
}

/// What somebody else, or the same connection, has announced already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known<A> {
    /// This connection has.
    pub(crate) own: bool,
    /// A connection with the same helper over the same transport protocol has.
    pub(crate) alike: bool,
    pub(crate) class: Class,
    pub(crate) behind: Option<(A, L4Port)>,
}

/// Why a connection cannot be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is announced already, by another connection or as media of another kind.
    Already,
    /// Another announcement is met by some of its packets.
    Clash,
    /// There is no room.
    Full,
}

/// A packet with SIP messages, and its connection.
pub(crate) trait Conversation<A: Address> {
    /// Whose packet it is.
    fn facts(&self) -> Facts<A>;
    /// What the packet says: all behind its UDP or TCP header.
    fn text(&self) -> &[u8];
    /// Replaces some of it and mends lengths and checksums; false, and nothing changed, where there is no room.
    fn replace(&mut self, place: Range<usize>, by: &[u8]) -> bool;
    /// By so much has a segment grown in all.
    fn has_grown(&mut self, by: u32);
    /// Sends the datagram to another port.
    fn redirect(&mut self, port: L4Port);
    /// Keeps the connection for an hour from now on.
    fn keep(&mut self);
    fn memory(&mut self) -> Memory;
    fn remember(&mut self, memory: Memory);
    /// Expects a connection. Signalling lasts and waits for the registrar's consent.
    ///
    /// # Errors
    /// Why not.
    fn announce(&mut self, announced: &Announced<A>) -> Result<(), Refusal>;
    /// The same, at another port above where the one it has is taken; which one.
    ///
    /// # Errors
    /// Why not.
    fn announce_somewhere(&mut self, announced: &Announced<A>) -> Result<L4Port, Refusal>;
    /// Expects what was announced last no more.
    fn withdraw(&mut self);
    /// Expects no media any more.
    fn forget_media(&mut self);
    /// Expects no call any more.
    fn forget_signalling(&mut self);
    /// Lets calls come to that address for so many seconds; false where none is expected there.
    fn confirm_signalling(&mut self, protocol: u8, to: (A, L4Port), seconds: u32) -> bool;
    /// Who has announced datagrams from an address to another.
    fn known(&self, source: A, to: (A, L4Port)) -> Option<Known<A>>;
}
