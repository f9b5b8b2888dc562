//! DPDK's own tables, for benchmarks to compare with; nothing that ships uses them.

use std::{ffi::CStr, ptr::NonNull};

use dpdk_sys as sys;

use crate::{eal::Eal, error::Errno};

/// A table refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table}: {what} failed: {errno}; EAL may need more memory")]
pub struct Refused {
    table: &'static str,
    what: &'static str,
    errno: Errno,
}

fn refused(table: &'static str, what: &'static str, errno: Errno) -> Refused {
    Refused { table, what, errno }
}

fn check(table: &'static str, what: &'static str, code: i32) -> Result<(), Refused> {
    Errno::check(code).map(drop).map_err(|errno| refused(table, what, errno))
}

/// What a lookup returns where no route is.
pub const NO_ROUTE: u64 = 0xffff;

/// `rte_fib` of type DIR24_8: IPv4 routes, next hops of 4 bytes.
#[derive(Debug)]
pub struct Fib4 {
    raw: NonNull<sys::rte_fib>,
    _eal: Eal,
}

impl Fib4 {
    /// An empty table for `routes` routes and so many groups of 256 addresses with routes longer than /24.
    pub fn new(eal: &Eal, name: &CStr, routes: u32, groups: u32) -> Result<Self, Refused> {
        // SAFETY: the structure is plain numbers, for all of which zero is valid.
        let mut config: sys::rte_fib_conf = unsafe { std::mem::zeroed() };
        config.type_ = sys::RTE_FIB_DIR24_8;
        config.default_nh = NO_ROUTE;
        config.max_routes = routes as i32;
        config.__bindgen_anon_1.dir24_8.nh_sz = sys::RTE_FIB_DIR24_8_4B;
        config.__bindgen_anon_1.dir24_8.num_tbl8 = groups;
        // SAFETY: EAL runs, as `eal` witnesses; name and configuration are copied.
        let raw = unsafe { sys::rte_fib_create(name.as_ptr(), -1, &mut config) };
        let raw = NonNull::new(raw).ok_or_else(|| refused("rte_fib", "create", Errno::last()))?;
        Ok(Self { raw, _eal: eal.clone() })
    }

    /// Adds or replaces a route; the address is in host byte order.
    pub fn add(&mut self, address: u32, length: u8, next_hop: u64) -> Result<(), Refused> {
        // SAFETY: self owns the table.
        let code = unsafe { sys::rte_fib_add(self.raw.as_ptr(), address, length, next_hop) };
        check("rte_fib", "add", code)
    }

    /// Removes a route.
    pub fn delete(&mut self, address: u32, length: u8) -> Result<(), Refused> {
        // SAFETY: self owns the table.
        check("rte_fib", "delete", unsafe {
            sys::rte_fib_delete(self.raw.as_ptr(), address, length)
        })
    }

    /// Next hops of as many addresses as there is room for.
    #[inline]
    pub fn lookup(&self, addresses: &[u32], next_hops: &mut [u64]) {
        let count = addresses.len().min(next_hops.len()) as i32;
        // SAFETY: both slices have `count` elements; the addresses are read only, whatever their type
        // says.
        unsafe {
            let addresses = addresses.as_ptr().cast_mut();
            sys::rte_fib_lookup_bulk(self.raw.as_ptr(), addresses, next_hops.as_mut_ptr(), count);
        }
    }
}

impl Drop for Fib4 {
    fn drop(&mut self) {
        // SAFETY: self owns the table.
        unsafe { sys::rte_fib_free(self.raw.as_ptr()) };
    }
}

/// `rte_fib6` of type TRIE: IPv6 routes, next hops of 4 bytes.
#[derive(Debug)]
pub struct Fib6 {
    raw: NonNull<sys::rte_fib6>,
    _eal: Eal,
}

impl Fib6 {
    /// An empty table for `routes` routes and so many nodes of 256 entries below the first 24 bits.
    pub fn new(eal: &Eal, name: &CStr, routes: u32, nodes: u32) -> Result<Self, Refused> {
        // SAFETY: the structure is plain numbers, for all of which zero is valid.
        let mut config: sys::rte_fib6_conf = unsafe { std::mem::zeroed() };
        config.type_ = sys::RTE_FIB6_TRIE;
        config.default_nh = NO_ROUTE;
        config.max_routes = routes as i32;
        config.__bindgen_anon_1.trie.nh_sz = sys::RTE_FIB6_TRIE_4B;
        config.__bindgen_anon_1.trie.num_tbl8 = nodes;
        // SAFETY: EAL runs, as `eal` witnesses; name and configuration are copied.
        let raw = unsafe { sys::rte_fib6_create(name.as_ptr(), -1, &mut config) };
        let raw = NonNull::new(raw).ok_or_else(|| refused("rte_fib6", "create", Errno::last()))?;
        Ok(Self { raw, _eal: eal.clone() })
    }

    /// Adds or replaces a route.
    pub fn add(&mut self, address: [u8; 16], length: u8, next_hop: u64) -> Result<(), Refused> {
        // SAFETY: self owns the table; the call reads 16 bytes.
        let code =
            unsafe { sys::rte_fib6_add(self.raw.as_ptr(), address.as_ptr(), length, next_hop) };
        check("rte_fib6", "add", code)
    }

    /// Next hops of as many addresses as there is room for.
    #[inline]
    pub fn lookup(&self, addresses: &[[u8; 16]], next_hops: &mut [u64]) {
        let count = addresses.len().min(next_hops.len()) as i32;
        // SAFETY: both slices have `count` elements; the addresses are read only, whatever their type
        // says.
        unsafe {
            let addresses = addresses.as_ptr().cast_mut();
            sys::rte_fib6_lookup_bulk(self.raw.as_ptr(), addresses, next_hops.as_mut_ptr(), count);
        }
    }
}

impl Drop for Fib6 {
    fn drop(&mut self) {
        // SAFETY: self owns the table.
        unsafe { sys::rte_fib6_free(self.raw.as_ptr()) };
    }
}

/// `rte_hash` with keys of 16 bytes and its own choice of hash function.
#[derive(Debug)]
pub struct Hash {
    raw: NonNull<sys::rte_hash>,
    _eal: Eal,
}

impl Hash {
    /// Keys of one lookup at most.
    pub const BULK: usize = 64;

    /// An empty table for `entries` keys.
    pub fn new(eal: &Eal, name: &CStr, entries: u32) -> Result<Self, Refused> {
        // SAFETY: the structure is plain numbers and pointers, for all of which zero is valid.
        let mut parameters: sys::rte_hash_parameters = unsafe { std::mem::zeroed() };
        parameters.name = name.as_ptr();
        parameters.entries = entries;
        parameters.key_len = 16;
        // SAFETY: EAL runs, as `eal` witnesses; name and parameters are copied.
        let raw = NonNull::new(unsafe { sys::rte_hash_create(&parameters) });
        let raw = raw.ok_or_else(|| refused("rte_hash", "create", Errno::last()))?;
        Ok(Self { raw, _eal: eal.clone() })
    }

    /// Adds a key; returns its position.
    pub fn add(&mut self, key: &[u8; 16]) -> Result<u32, Refused> {
        // SAFETY: self owns the table; the call reads 16 bytes.
        let code = unsafe { sys::rte_hash_add_key(self.raw.as_ptr(), key.as_ptr().cast()) };
        Errno::check(code)
            .map(i32::cast_unsigned)
            .map_err(|errno| refused("rte_hash", "add", errno))
    }

    /// Positions of up to [`Self::BULK`] keys, negative where a key is not there.
    #[inline]
    pub fn lookup(&self, keys: &[[u8; 16]], positions: &mut [i32]) {
        let count = keys.len().min(positions.len()).min(Self::BULK);
        let mut pointers = [std::ptr::null(); Self::BULK];
        for (pointer, key) in pointers.iter_mut().zip(keys) {
            *pointer = key.as_ptr().cast();
        }
        // SAFETY: `count` pointers to keys of 16 bytes, and room for as many positions.
        unsafe {
            let (keys, positions) = (pointers.as_mut_ptr(), positions.as_mut_ptr());
            sys::rte_hash_lookup_bulk(self.raw.as_ptr(), keys, count as u32, positions);
        }
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        // SAFETY: self owns the table.
        unsafe { sys::rte_hash_free(self.raw.as_ptr()) };
    }
}
