//! `-j LOG`: a line in the log; the packet goes on.

/// The options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `--log-level`, 0 (emerg) to 7 (debug).
    pub level: u8,
    /// `--log-prefix`, at most 29 bytes.
    pub prefix: String,
    /// `--log-tcp-sequence`
    pub tcp_sequence: bool,
    /// `--log-tcp-options`
    pub tcp_options: bool,
    /// `--log-ip-options`
    pub ip_options: bool,
    /// `--log-uid`
    pub uid: bool,
    /// `--log-macdecode`
    pub mac_decode: bool,
}

impl Default for Log {
    /// Level warning, no prefix.
    fn default() -> Self {
        Self {
            level: 4,
            prefix: String::new(),
            tcp_sequence: false,
            tcp_options: false,
            ip_options: false,
            uid: false,
            mac_decode: false,
        }
    }
}
