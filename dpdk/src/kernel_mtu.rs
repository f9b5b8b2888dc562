//! The MTU and carrier of a kernel interface, by its number, in the calling thread's network namespace.
//!
//! The af_packet driver claims frames of 1518 bytes at most, whatever its ring was made for, so
//! ethdev refuses a larger MTU for it; the kernel behind it does not. And it calls its link up from start to
//! stop, whatever the cable does.

use std::{
    mem::zeroed,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use crate::error::Errno;

/// Reads it.
pub(crate) fn get(interface: u32) -> Result<u16, Errno> {
    let request = ioctl(interface, libc::SIOCGIFMTU, 0)?;
    // SAFETY: the kernel wrote this member of the union.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    // The loopback's is 65536, but no IP packet is longer than 65535.
    Ok(u16::try_from(mtu).unwrap_or(u16::MAX))
}

/// Changes it.
pub(crate) fn set(interface: u32, mtu: u16) -> Result<(), Errno> {
    ioctl(interface, libc::SIOCSIFMTU, mtu.into()).map(drop)
}

/// Whether it is up and has carrier.
pub(crate) fn running(interface: u32) -> Result<bool, Errno> {
    let request = ioctl(interface, libc::SIOCGIFFLAGS, 0)?;
    // SAFETY: the kernel wrote this member of the union.
    let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    let wanted = libc::IFF_UP | libc::IFF_RUNNING;
    Ok(flags & wanted == wanted)
}

fn ioctl(interface: u32, request: libc::Ioctl, mtu: i32) -> Result<libc::ifreq, Errno> {
    // SAFETY: a C struct of numbers, for which zeroes are valid.
    let mut argument: libc::ifreq = unsafe { zeroed() };
    // SAFETY: the name's buffer has the IF_NAMESIZE bytes that the call may write.
    if unsafe { libc::if_indextoname(interface, argument.ifr_name.as_mut_ptr()) }.is_null() {
        return Err(last());
    }
    argument.ifr_ifru.ifru_mtu = mtu;
    // SAFETY: no pointers are passed; a descriptor returned is new and ours.
    let socket = unsafe {
        match libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) {
            -1 => return Err(last()),
            descriptor => OwnedFd::from_raw_fd(descriptor),
        }
    };
    // SAFETY: all three requests read and write an ifreq, which outlives the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), request, &raw mut argument) } {
        0 => Ok(argument),
        _ => Err(last()),
    }
}

fn last() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_has_one() {
        assert!(get(1).unwrap() >= 1280, "interface 1 is lo");
        assert_eq!(get(u32::MAX), Err(Errno(libc::ENXIO)));
        assert_eq!(running(u32::MAX), Err(Errno(libc::ENXIO)));
        running(1).unwrap();
    }
}
