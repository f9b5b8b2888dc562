//! What the tables of H.323 note.

/// Something in a message that matters to whom it is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// Four octets of address with a port behind them. Whose they are has been noted before.
    AddressV4,
    /// Sixteen octets of address with a port behind them.
    AddressV6,

    /// Of H.225.0 call signalling: where the sender expects H.245, whom it calls, whence it calls, whither it forwards.
    H245Address,
    DestinationSignal,
    SourceSignal,
    Alternative,
    /// The call is forwarded, and nothing else of the message counts.
    CallForwarded,
    /// H.245 messages within follow.
    Tunnelled,

    /// Of H.245: a channel that is asked for or acknowledged begins, where its media or their control go, that its data
    /// need connections of their own, and where those go.
    OpenChannel,
    AcknowledgedChannel,
    Media,
    SeparateStack,
    Data,

    /// Of RAS: which message this is.
    Ras(RasMessage),
    /// Where its sender is asked, one place or another of a list.
    RasAddress,
    /// Where calls are signalled to, one place or another of a list.
    SignalAddress,
    /// Whom a call goes to, and whence it comes.
    CallDestination,
    CallSource,
    /// Seconds that a registration lasts.
    TimeToLive,
}

/// The messages of RAS that say something of connections to come (H.225.0 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RasMessage {
    GatekeeperRequest,
    GatekeeperConfirm,
    RegistrationRequest,
    RegistrationConfirm,
    UnregistrationRequest,
    AdmissionRequest,
    AdmissionConfirm,
    LocationRequest,
    LocationConfirm,
    InfoRequestResponse,
}
