//! Has the kernel cut up what a veth's peer sends, instead of passing on whole super-frames.
//!
//! A veth's peer hands over TCP segments of up to 64 KB and counts on the receiver to take them. The kernel
//! takes that back while the receiving end runs an XDP program in the driver (`veth_xdp_set()` removes
//! `NETIF_F_GSO_SOFTWARE` from the peer): so the shortest program there is, "pass everything on", is put there.
//! It goes away with its handle, and so with the process; the peer then has its offloads back.

use std::{
    ffi::CString,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use crate::error::Errno;

/// `bpf(2)` commands and constants of `linux/bpf.h`.
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
/// The program takes frames in several pieces, so that an MTU beyond a page is no hindrance.
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
/// In the driver: only there it has the peer cut its segments.
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;

/// `r0 = XDP_PASS; exit`, as `struct bpf_insn` lies in memory.
const PASS: [u64; 2] = [0x0000_0002_0000_00b7, 0x0000_0000_0000_0095];

/// The part of `union bpf_attr` that loads a program.
#[repr(C)]
#[derive(Default)]
struct ProgramLoad {
    kind: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    expected_attach_type: u32,
}

/// The part of `union bpf_attr` that attaches it.
#[repr(C)]
#[derive(Default)]
struct LinkCreate {
    program: u32,
    target_interface: u32,
    attach_type: u32,
    flags: u32,
}

/// While it lives, the peer of the interface cuts what it sends to the MTU.
#[derive(Debug)]
pub struct CutSegments {
    _link: OwnedFd,
}

impl CutSegments {
    /// Tells the peer of the kernel interface `name`, in the calling thread's network namespace. Afterwards the
    /// interface itself must be told anew not to merge (`ethtool -K NAME gro off`): XDP switches that on.
    ///
    /// # Errors
    /// No such interface; no permission (CAP_BPF or CAP_SYS_ADMIN); a driver without XDP; XDP in use already.
    pub fn attach(name: &str) -> Result<Self, Errno> {
        let name = CString::new(name).map_err(|_| Errno(libc::EINVAL))?;
        // SAFETY: a NUL-terminated string that outlives the call.
        let interface = unsafe { libc::if_nametoindex(name.as_ptr()) };
        if interface == 0 {
            return Err(Errno(libc::ENODEV));
        }
        let program = load()?;
        let attributes = LinkCreate {
            program: program.as_raw_fd() as u32,
            target_interface: interface,
            attach_type: BPF_XDP,
            flags: XDP_FLAGS_DRV_MODE,
        };
        Ok(Self { _link: bpf(BPF_LINK_CREATE, &attributes)? })
    }
}

fn load() -> Result<OwnedFd, Errno> {
    let license = c"GPL";
    let attributes = ProgramLoad {
        kind: BPF_PROG_TYPE_XDP,
        instruction_count: PASS.len() as u32,
        instructions: PASS.as_ptr() as u64,
        license: license.as_ptr() as u64,
        flags: BPF_F_XDP_HAS_FRAGS,
        name: *b"sluice\0\0\0\0\0\0\0\0\0\0",
        expected_attach_type: BPF_XDP,
        ..ProgramLoad::default()
    };
    bpf(BPF_PROG_LOAD, &attributes)
}

/// Both commands read their attributes and return a new descriptor.
fn bpf<T>(command: libc::c_long, attributes: &T) -> Result<OwnedFd, Errno> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes of a live struct of plain numbers, and through its
    // addresses the instructions and the licence, which are static. Every byte is initialised: T has no padding.
    let descriptor = unsafe {
        libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>())
    };
    match i32::try_from(descriptor) {
        // SAFETY: the kernel has made the descriptor for this call; nobody else knows of it.
        Ok(descriptor @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        Ok(_) | Err(_) => {
            Err(Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_lie_as_the_kernel_wants_them() {
        assert_eq!((size_of::<ProgramLoad>(), size_of::<LinkCreate>()), (72, 16));
        assert_eq!(std::mem::offset_of!(ProgramLoad, expected_attach_type), 68);
        // class, registers, offset, immediate: `struct bpf_insn` on a little-endian machine.
        assert_eq!(PASS[0].to_le_bytes(), [0xb7, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(PASS[1].to_le_bytes(), [0x95, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn an_interface_that_is_not_there_is_told() {
        assert_eq!(CutSegments::attach("nosuch0").unwrap_err(), Errno(libc::ENODEV));
        assert_eq!(CutSegments::attach("a\0b").unwrap_err(), Errno(libc::EINVAL));
    }
}
