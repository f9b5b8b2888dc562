//! Errors: `errno` becomes a typed error here, once; each says which device and what to do.

use std::{ffi::CStr, fmt};

use dpdk_sys as sys;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// An error number of DPDK: the system's `errno` values and a few of its own above 1000.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// `rte_errno` of the calling thread.
    pub(crate) fn last() -> Self {
        // SAFETY: reads a thread-local integer.
        Self(unsafe { sys::shim_errno() })
    }

    /// What a call returned: DPDK reports an error as a negative errno, or as -1 and `rte_errno`.
    pub(crate) fn check(code: i32) -> std::result::Result<i32, Self> {
        match code {
            0.. => Ok(code),
            -1 => match Self::last() {
                Self(0) => Err(Self(libc::EPERM)),
                errno => Err(errno),
            },
            _ => Err(Self(code.saturating_neg())),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: rte_strerror returns a NUL-terminated, thread-local or static text for any number.
        let text = unsafe { CStr::from_ptr(sys::rte_strerror(self.0)) };
        write!(f, "{} (errno {})", text.to_string_lossy(), self.0)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Everything that can go wrong at the boundary to DPDK.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// EAL starts once in a process.
    #[error("DPDK's EAL is already running in this process; use the handle that started it")]
    AlreadyInitialised,
    /// `rte_eal_init` failed.
    #[error(
        "DPDK's EAL did not start: {errno}; its arguments were `{arguments}`. Run `sluice doctor` to see what the machine lacks"
    )]
    Init {
        /// Why.
        errno: Errno,
        /// The EAL command line.
        arguments: String,
    },
    /// Huge pages were free when they were counted, and others had taken them when EAL asked for them.
    #[error(
        "the huge pages that were free are taken by another process: {errno}; EAL starts once in a process, so start again, without huge pages"
    )]
    HugePagesTaken {
        /// EAL's error.
        errno: Errno,
    },
    /// Neither huge pages nor ordinary memory have room for the packets.
    #[error(
        "{wanted} MB of packet memory asked for: not free in huge pages, and only {available} MB of ordinary memory are available; ask for less, or give huge pages: `sysctl -w vm.nr_hugepages=1024`"
    )]
    Memory {
        /// Megabytes wanted.
        wanted: u32,
        /// Megabytes of ordinary memory available.
        available: u64,
    },
    /// A text with a NUL byte, which C cannot hold.
    #[error("{what} `{text}` holds a NUL byte; remove it")]
    Nul {
        /// What the text is for.
        what: &'static str,
        /// The text, escaped.
        text: String,
    },
    /// A kernel interface that a device needs does not exist here.
    #[error(
        "device `{device}`: no interface named `{interface}` in this network namespace; `ip link` lists those there are"
    )]
    NoInterface {
        /// The device, as configured.
        device: String,
        /// The kernel's name for the interface.
        interface: String,
    },
    /// A file that a device reads or writes cannot be opened.
    #[error(
        "device `{device}`: cannot {doing} `{file}`: {reason}; name a file that this user may {doing}"
    )]
    File {
        /// The device, as configured.
        device: String,
        /// Path of the file.
        file: String,
        /// "read" or "write".
        doing: &'static str,
        /// The system's words.
        reason: String,
    },
    /// The driver refused the device.
    #[error("device `{device}` could not be opened with `{devargs}`: {errno}; {remedy}")]
    Attach {
        /// The device, as configured.
        device: String,
        /// What EAL was given.
        devargs: String,
        /// Why.
        errno: Errno,
        /// What to do.
        remedy: &'static str,
    },
    /// A port of this name is open already.
    #[error(
        "device `{device}` is already in use by this process as port `{port}`; give it to one interface only"
    )]
    Busy {
        /// The device, as configured.
        device: String,
        /// EAL's name for the port.
        port: String,
    },
    /// An operation on a port failed.
    #[error("port `{port}`: {operation} failed: {errno}; {remedy}")]
    Port {
        /// EAL's name for the port.
        port: String,
        /// What was tried.
        operation: &'static str,
        /// Why.
        errno: Errno,
        /// What to do.
        remedy: &'static str,
    },
    /// The driver has fewer queues than asked for.
    #[error(
        "port `{port}`: {asked} {direction} queues asked for, its driver ({driver}) has {most}; lower `queues` or `workers`"
    )]
    Queues {
        /// EAL's name for the port.
        port: String,
        /// Driver name.
        driver: String,
        /// "receive" or "transmit".
        direction: &'static str,
        /// Wanted.
        asked: u16,
        /// Available.
        most: u16,
    },
    /// An MTU that the driver or its ring cannot carry.
    #[error(
        "port `{port}`: its driver ({driver}) carries an MTU of {least} to {most}, not {asked}; change `mtu`"
    )]
    Mtu {
        /// EAL's name for the port.
        port: String,
        /// Driver name.
        driver: String,
        /// Wanted.
        asked: u16,
        /// Smallest.
        least: u16,
        /// Largest.
        most: u16,
    },
    /// The port is started, or queues of it are still held.
    #[error(
        "port `{port}`: {operation} needs a stopped port; give its queues back to `stop` first"
    )]
    Started {
        /// EAL's name for the port.
        port: String,
        /// What was tried.
        operation: &'static str,
    },
    /// A packet pool could not be made.
    #[error(
        "packet pool `{name}` of {count} buffers of {room} bytes: {errno}; lower the count, or give more memory (huge pages: `sysctl -w vm.nr_hugepages=1024`)"
    )]
    Pool {
        /// Pool name.
        name: String,
        /// Buffers.
        count: u32,
        /// Bytes in each, headroom included.
        room: u16,
        /// Why.
        errno: Errno,
    },
    /// The device string or its shape is wrong.
    #[error(transparent)]
    Device(#[from] crate::device::DeviceError),
    /// `rte_thread_register` failed.
    #[error(
        "this thread could not register with EAL: {0}; DPDK has 128 thread slots, use fewer workers"
    )]
    Register(Errno),
    /// A core that does not exist or is not ours.
    #[error(
        "cannot pin worker `{worker}` to core {core}: not among the cores this process may use ({usable}); choose one of them"
    )]
    Pin {
        /// Thread name.
        worker: String,
        /// Wanted core.
        core: usize,
        /// Cores in the process's affinity mask.
        usable: String,
    },
    /// The system refused a thread.
    #[error("cannot start worker `{worker}`: {reason}")]
    Spawn {
        /// Thread name.
        worker: String,
        /// The system's words.
        reason: String,
    },
}

/// A C string of `text`, which is `what`.
pub(crate) fn c_string(what: &'static str, text: &str) -> Result<std::ffi::CString> {
    std::ffi::CString::new(text)
        .map_err(|_| Error::Nul { what, text: text.escape_debug().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_codes_are_errno() {
        assert_eq!(Errno::check(-libc::ENODEV), Err(Errno(libc::ENODEV)));
        assert_eq!(Errno::check(3), Ok(3));
        assert_eq!(Errno(libc::ENODEV).to_string(), "No such device (errno 19)");
    }

    #[test]
    fn nul_bytes_are_refused() {
        let error = c_string("a name", "a\0b").unwrap_err();
        assert_eq!(error.to_string(), r"a name `a\0b` holds a NUL byte; remove it");
    }
}
