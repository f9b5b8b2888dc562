//! Writes messages of H.323 (ITU-T H.225.0, H.245) in aligned PER (X.691), as far as the scenarios need them.

use std::net::{IpAddr, SocketAddr};

/// Bits that have been written.
#[derive(Debug, Clone, Default)]
pub(super) struct Per {
    bytes: Vec<u8>,
    /// How many bits of the last byte are free.
    free: u32,
}

impl Per {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The lowest `count` bits of `value`.
    pub(super) fn bits(mut self, value: u32, count: u32) -> Self {
        for bit in (0..count).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if value >> bit & 1 != 0 {
                *self.bytes.last_mut().unwrap() |= 1 << self.free;
            }
        }
        self
    }

    pub(super) fn align(mut self) -> Self {
        self.free = 0;
        self
    }

    pub(super) fn octets(self, octets: &[u8]) -> Self {
        let mut aligned = self.align();
        aligned.bytes.extend_from_slice(octets);
        aligned
    }

    pub(super) fn length(self, length: usize) -> Self {
        match length {
            0..128 => self.octets(&[length as u8]),
            _ => self.octets(&(0x8000 | length as u16).to_be_bytes()),
        }
    }

    /// `inner` as what has its length in front.
    pub(super) fn open(self, inner: Self) -> Self {
        let inner = inner.finish();
        self.length(inner.len()).octets(&inner)
    }

    /// `inner`, which begins where this ends.
    pub(super) fn then(self, inner: impl FnOnce(Self) -> Self) -> Self {
        inner(self)
    }

    /// `inner` of what is there.
    pub(super) fn maybe<T>(self, value: Option<T>, inner: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => inner(self, value),
            None => self,
        }
    }

    /// What an extended sequence has besides: by number, and how many there could be.
    pub(super) fn additions(mut self, count: u32, additions: &[(u32, Self)]) -> Self {
        self = self.bits(count - 1, 7);
        for number in 0..count {
            self = self.bits(additions.iter().any(|(at, _)| *at == number).into(), 1);
        }
        additions.iter().fold(self, |per, (_, addition)| per.open(addition.clone()))
    }

    /// A list of what has its length in front, each.
    pub(super) fn open_list(self, items: &[Self]) -> Self {
        items.iter().fold(self.length(items.len()), |per, item| per.open(item.clone()))
    }

    /// A whole encoding is an octet at least.
    pub(super) fn finish(self) -> Vec<u8> {
        if self.bytes.is_empty() { vec![0] } else { self.bytes }
    }

    pub(super) fn object(self) -> Self {
        // H.225.0 version 4.
        self.octets(&[6, 0, 8, 0x91, 0x4a, 0, 4])
    }

    /// A TransportAddress of H.225.0.
    pub(super) fn address(self, address: SocketAddr) -> Self {
        match address.ip() {
            IpAddr::V4(ip) => self.bits(0, 4).octets(&ip.octets()),
            IpAddr::V6(ip) => self.bits(3, 4).bits(0, 1).octets(&ip.octets()),
        }
        .octets(&address.port().to_be_bytes())
    }

    /// A TransportAddress of H.245.
    fn media(self, address: SocketAddr) -> Self {
        match address.ip() {
            IpAddr::V4(ip) => self.bits(0, 2).bits(0, 4).bits(0, 1).octets(&ip.octets()),
            IpAddr::V6(ip) => self.bits(0, 2).bits(2, 4).bits(0, 1).octets(&ip.octets()),
        }
        .octets(&address.port().to_be_bytes())
    }

    /// An EndpointType with a vendor and a terminal.
    pub(super) fn endpoint(self) -> Self {
        let terminal = self.bits(0, 1).bits(0b01_0001, 6).vendor().bits(0, 1).bits(0, 1);
        terminal.bits(0, 2)
    }

    /// A VendorIdentifier with a product.
    pub(super) fn vendor(self) -> Self {
        let vendor = self.bits(0, 1).bits(0b10, 2).bits(0, 1).octets(&[0xb5, 0, 0, 9]);
        vendor.octets(&[4]).octets(b"phone")
    }

    /// Aliases: dialled digits and a name.
    pub(super) fn aliases(self) -> Self {
        let digits = self.length(2).bits(0, 1).bits(0, 1).bits(4 - 1, 7).octets(&[0x45, 0x67]);
        digits.bits(0, 1).bits(1, 1).octets(&[1]).octets(b"\0a\0b")
    }

    /// A text of two octets a character with up to 128 of them.
    pub(super) fn identifier(self, text: &str) -> Self {
        let wide: Vec<u8> = text.bytes().flat_map(|byte| [0, byte]).collect();
        self.bits(text.len() as u32 - 1, 7).octets(&wide)
    }

    /// What is not standard, as some say.
    pub(super) fn non_standard(self) -> Self {
        self.bits(0, 1).bits(1, 1).bits(0, 1).octets(&[0xb5, 0, 0, 9]).length(3).octets(b"own")
    }
}

/// A channel of H.245, as its opener or whoever acknowledges it describes it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Channel {
    /// Where media and their control go.
    pub(super) media: [Option<SocketAddr>; 2],
    /// The same of the other direction, where the channel has both.
    pub(super) reverse: Option<[Option<SocketAddr>; 2]>,
    /// Where its data go over a stack of their own.
    pub(super) stack: Option<SocketAddr>,
}

impl Channel {
    /// Of media and their control.
    pub(super) fn of(media: Option<SocketAddr>, control: Option<SocketAddr>) -> Self {
        Self { media: [media, control], ..Self::default() }
    }

    /// An OpenLogicalChannel for G.711, or T.120 where it has a stack.
    pub(super) fn open(self, per: Per) -> Per {
        let per = per.bits(self.stack.is_some().into(), 1);
        let per = per.bits(self.reverse.is_some().into(), 1).octets(&[0, 4]);
        // Forward: not extended, no port.
        let per = per.bits(0, 2).then(|per| match self.stack {
            // data, t120, separateLANStack, a bit rate.
            Some(_) => {
                let protocol = per.bits(0, 1).bits(4, 3).bits(0, 1).bits(0, 1).bits(1, 4);
                let stack = protocol.bits(1, 1).bits(3, 7).open(Per::new());
                stack.bits(1, 2).octets(&[0x10, 0])
            }
            None => audio(per),
        });
        let per = parameters(per, self.media);
        let per = per
            .maybe(self.reverse, |per, media| parameters(audio(per.bits(0, 1).bits(1, 1)), media));
        per.maybe(self.stack, |per, stack| per.additions(2, &[(0, separate_stack(stack))]))
    }

    /// An OpenLogicalChannelAck.
    pub(super) fn acknowledge(self, per: Per) -> Per {
        let per = per.bits(1, 1).bits(self.reverse.is_some().into(), 1).octets(&[0, 4]);
        let per = per.maybe(self.reverse, |per, media| {
            parameters(per.bits(0, 1).bits(0b01, 2).octets(&[0, 5]), media)
        });
        let [media, control] = self.media.map(|place| u32::from(place.is_some()));
        // h2250LogicalChannelAckParameters with a session number.
        let acknowledged = Per::new().bits(0, 1).bits(0, 1);
        let acknowledged = acknowledged.bits(0b01000 | media << 2 | control << 1, 5).bits(0, 8);
        let acknowledged = self.media.into_iter().flatten().fold(acknowledged, Per::media);
        let stack = self.stack.map(|stack| (0, separate_stack(stack)));
        let additions: Vec<_> = stack.into_iter().chain([(1, acknowledged)]).collect();
        per.additions(3, &additions)
    }

    /// A message of H.245: request, openLogicalChannel.
    pub(super) fn request(self) -> Per {
        self.open(Per::new().bits(0, 1).bits(0, 2).bits(0, 1).bits(3, 4))
    }

    /// A message of H.245: response, openLogicalChannelAck.
    pub(super) fn response(self) -> Per {
        self.acknowledge(Per::new().bits(0, 1).bits(1, 2).bits(0, 1).bits(5, 5))
    }
}

/// A DataType: G.711 in twenty milliseconds.
fn audio(per: Per) -> Per {
    per.bits(0, 1).bits(3, 3).bits(0, 1).bits(3, 4).octets(&[19])
}

/// H2250LogicalChannelParameters, the first that came later to the choice.
fn parameters(per: Per, media: [Option<SocketAddr>; 2]) -> Per {
    let [channel, control] = media.map(|place| u32::from(place.is_some()));
    // Session 1, and silence is suppressed.
    let present = channel << 7 | control << 5 | 1 << 3;
    let parameters = Per::new().bits(0, 1).bits(present, 10).octets(&[1]);
    let parameters = media.into_iter().flatten().fold(parameters, Per::media);
    per.bits(1, 1).bits(0, 7).open(parameters.bits(1, 1))
}

/// NetworkAccessParameters of a place in the network.
fn separate_stack(place: SocketAddr) -> Per {
    let unicast = Per::new().bits(0, 1).bits(0b10, 2).bits(0, 2);
    unicast.bits(0, 1).bits(2, 2).media(place).bits(0, 1)
}

/// What a message of call signalling says; which parts are there depends on the message.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub(super) h245: Option<SocketAddr>,
    pub(super) destination: Option<SocketAddr>,
    pub(super) source: Option<SocketAddr>,
    pub(super) alternative: Option<SocketAddr>,
    pub(super) fast_start: Vec<Per>,
    pub(super) tunnelled: Vec<Per>,
}

/// The messages of call signalling by what they are in H.225.0 and in Q.931.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Setup,
    CallProceeding,
    Connect,
    Alerting,
    /// The call is forwarded, or not.
    Facility(bool),
    Progress,
}

impl Said {
    fn body(&self, signal: Signal, per: Per) -> Per {
        match signal {
            Signal::Setup => self.setup(per.bits(0, 1).bits(0, 3)),
            Signal::CallProceeding => self.proceeding(per.bits(0, 1).bits(1, 3)),
            Signal::Connect => self.connect(per.bits(0, 1).bits(2, 3)),
            Signal::Alerting => self.proceeding(per.bits(0, 1).bits(3, 3)),
            Signal::Facility(forwarded) => self.facility(forwarded, per.bits(0, 1).bits(6, 3)),
            Signal::Progress => per.bits(1, 1).bits(0, 7).open(self.progress()),
        }
    }

    fn fast_start(&self, number: u32) -> Option<(u32, Per)> {
        let channels = &self.fast_start;
        (!channels.is_empty()).then(|| (number, Per::new().open_list(channels)))
    }

    fn setup(&self, per: Per) -> Per {
        let (h245, destination) = (self.h245.is_some(), self.destination.is_some());
        // Addresses of both, but nothing else that may be missing.
        let present = u32::from(h245) << 6 | 0b11_0000 | u32::from(destination) << 3;
        let per = per.bits(1, 1).bits(present, 7).object().maybe(self.h245, Per::address);
        let per = per.aliases().endpoint().aliases().maybe(self.destination, Per::address);
        let per = per.bits(0, 1).octets(&[7; 16]).bits(0, 1).bits(0, 2).bits(0, 1).bits(0, 2);
        let call = Per::new().bits(0, 1).octets(&[9; 16]);
        let source = self.source.map(|source| (0, Per::new().address(source)));
        let more: Vec<_> =
            [source, Some((2, call)), self.fast_start(6)].into_iter().flatten().collect();
        let wait = (7, Per::new().bits(0, 1));
        per.additions(9, &[more, vec![wait]].concat())
    }

    fn proceeding(&self, per: Per) -> Per {
        let per = per.bits(1, 1).bits(self.h245.is_some().into(), 1).object().endpoint();
        let per = per.maybe(self.h245, Per::address);
        let call = (0, Per::new().bits(0, 1).octets(&[9; 16]));
        per.additions(5, &[vec![call], self.fast_start(4).into_iter().collect()].concat())
    }

    fn connect(&self, per: Per) -> Per {
        let per = per.bits(1, 1).bits(self.h245.is_some().into(), 1).object();
        let per = per.maybe(self.h245, Per::address).endpoint().octets(&[7; 16]);
        let call = (0, Per::new().bits(0, 1).octets(&[9; 16]));
        per.additions(5, &[vec![call], self.fast_start(4).into_iter().collect()].concat())
    }

    fn facility(&self, forwarded: bool, per: Per) -> Per {
        let present = u32::from(self.alternative.is_some()) << 2 | 0b01;
        let per = per.bits(1, 1).bits(present, 3).object().maybe(self.alternative, Per::address);
        let per = per.octets(&[7; 16]).bits(0, 1).bits(if forwarded { 1 } else { 3 }, 2);
        let call = (0, Per::new().bits(0, 1).octets(&[9; 16]));
        let h245 = self.h245.map(|place| (6, Per::new().address(place)));
        let more: Vec<_> = [Some(call), h245, self.fast_start(7)].into_iter().flatten().collect();
        per.additions(8, &more)
    }

    fn progress(&self) -> Per {
        let has_channels = !self.fast_start.is_empty();
        let present = u32::from(self.h245.is_some()) << 4 | 0b110 | u32::from(has_channels);
        let per = Per::new().bits(0, 1).bits(present, 5).object().endpoint();
        let per = per.maybe(self.h245, Per::address).bits(0, 1).octets(&[9; 16]);
        let per = per.then(tokens);
        if has_channels { per.open_list(&self.fast_start) } else { per }
    }

    /// The message, in its User-User element.
    pub(super) fn q931(&self, signal: Signal) -> Vec<u8> {
        let kind = match signal {
            Signal::Setup => 0x05,
            Signal::CallProceeding => 0x02,
            Signal::Connect => 0x07,
            Signal::Alerting => 0x01,
            Signal::Facility(_) => 0x62,
            Signal::Progress => 0x03,
        };
        let per = Per::new().bits(0, 2).bits(1, 1).bits(1, 1);
        let per = self.body(signal, per).non_standard();
        let tunnelling = (1, Per::new().bits(1, 1));
        let control = (2, Per::new().open_list(&self.tunnelled));
        let more =
            if self.tunnelled.is_empty() { vec![tunnelling] } else { vec![tunnelling, control] };
        let information = per.additions(3, &more).finish();
        // A bearer capability and a display, then the element.
        let mut message = vec![8, 2, 0x12, 0x34, kind, 4, 3, 0x88, 0x93, 0xa5, 0x28, 2, b'm', b'e'];
        message.push(0x7e);
        message.extend((information.len() as u16 + 1).to_be_bytes());
        message.push(5);
        message.extend(information);
        message
    }
}

/// One clear token and two that are encrypted, in lists.
fn tokens(per: Per) -> Per {
    // An object, a time stamp, a password, a Diffie-Hellman key, a challenge and something random.
    let per = per.length(1).bits(0, 1).bits(0b1111_1000, 8).octets(&[2, 0, 8]);
    let per = per.bits(3, 2).octets(&[0x50, 1, 2, 3]).identifier("secret");
    let key = per.bits(0, 1).octets(&[0, 16, 0xaa, 0xbb]).octets(&[0, 5, 0xf8]);
    let per = key.octets(&[0, 8, 2]).bits(8, 7).octets(&[1; 16]).length(2).octets(&[1, 2]);
    // cryptoEPPwdHash: alias, time stamp, object, no parameters, hash; then cryptoEPPwdEncr.
    let per = per.length(2).bits(0, 1).bits(0, 3).bits(0, 1).bits(1, 1).octets(&[0, 0, b'a']);
    let per = per.bits(3, 2).octets(&[0x50, 1, 2, 3]).octets(&[2, 0, 8]).bits(0, 3);
    let per = per.length(20).octets(&[0x12, 0x34]).bits(5, 4);
    let per = per.bits(0, 1).bits(2, 3).octets(&[2, 0, 8]).bits(0, 1).bits(0b10, 2);
    per.length(2).octets(&[1, 2]).length(3).octets(b"abc")
}

/// `message` behind its TPKT header.
pub(super) fn tpkt(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u16 + 4).to_be_bytes();
    [&[3, 0], &length[..], message].concat()
}
