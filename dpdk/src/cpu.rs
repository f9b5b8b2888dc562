//! The processor: prefetching and the time-stamp counter.

use dpdk_sys as sys;

/// Bytes of a cache line.
pub const CACHE_LINE: usize = 64;

/// Brings the first cache line of `value` towards L1; never faults, and changes nothing but time.
#[inline(always)]
pub fn prefetch<T: ?Sized>(value: &T) {
    prefetch_line(std::ptr::from_ref(value).cast());
}

/// As [`prefetch`], for every cache line of the slice.
#[inline(always)]
pub fn prefetch_slice<T>(slice: &[T]) {
    for offset in (0..size_of_val(slice)).step_by(CACHE_LINE) {
        prefetch_line(slice.as_ptr().cast::<u8>().wrapping_add(offset));
    }
}

#[inline(always)]
pub(crate) fn prefetch_line(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: prefetching is a hint; the processor ignores it for an address it cannot read.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// The time-stamp counter: constant rate, comparable between cores of one machine.
#[inline(always)]
pub fn cycles() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: every x86-64 processor has RDTSC, and Linux lets user space read it.
        unsafe { std::arch::x86_64::_rdtsc() }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        // SAFETY: reads a counter register.
        unsafe { sys::shim_tsc() }
    }
}

/// Rate of [`cycles`], as EAL measured it at start; 0 before that.
pub fn cycles_per_second() -> u64 {
    // SAFETY: reads a variable that EAL sets once.
    unsafe { sys::rte_get_tsc_hz() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_runs_and_prefetch_is_harmless() {
        let before = cycles();
        prefetch(&before);
        prefetch_slice(&[0u64; 100]);
        prefetch_slice::<u8>(&[]);
        prefetch_line(std::ptr::null());
        assert!(cycles() > before);
    }
}
