//! The processor: prefetching and the time-stamp counter.

use dpdk_sys as sys;

/// Bytes of a cache line.
pub const CACHE_LINE: usize = 64;

/// Brings the first cache line of `value` towards L1; never faults, and changes nothing but time.
#[inline(always)]
pub fn prefetch<T: ?Sized>(value: &T) {
    prefetch_line(std::ptr::from_ref(value).cast());
}

/// As [`prefetch`], for one element of a slice; one that is not there is no error.
#[inline(always)]
pub fn prefetch_element<T>(slice: &[T], index: usize) {
    prefetch_line(slice.as_ptr().wrapping_add(index).cast());
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

/// Bit `n` is set where element `n` is `value`.
#[inline(always)]
pub fn equal_lanes(elements: &[u16; 16], value: u16) -> u32 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{
            __m128i, _mm_cmpeq_epi16, _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi16,
            _mm_set1_epi16,
        };
        let halves: *const __m128i = elements.as_ptr().cast();
        // SAFETY: every x86-64 processor has SSE2; the loads are of the 32 bytes of `elements`, and need not be
        // aligned.
        unsafe {
            let value = _mm_set1_epi16(value.cast_signed());
            let low = _mm_cmpeq_epi16(_mm_loadu_si128(halves), value);
            let high = _mm_cmpeq_epi16(_mm_loadu_si128(halves.add(1)), value);
            _mm_movemask_epi8(_mm_packs_epi16(low, high)).cast_unsigned()
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    elements.iter().rev().fold(0, |bits, &element| bits << 1 | u32::from(element == value))
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
        prefetch_element(&[0u64; 10], 10_000_000);
        prefetch_line(std::ptr::null());
        assert!(cycles() > before);
    }

    #[test]
    fn equal_elements_are_found() {
        let some = [7, 0, 7, 1, 0xffff, 2, 3, 7, 0x7fff, 0x8000, 0xffff, 0, 1, 2, 7, 4];
        assert_eq!(equal_lanes(&some, 7), 0b0100_0000_1000_0101);
        assert_eq!(equal_lanes(&some, 0xffff), 0b0000_0100_0001_0000);
        assert_eq!(equal_lanes(&some, 0x8000), 1 << 9);
        assert_eq!(equal_lanes(&[0; 16], 0), 0xffff);
        assert_eq!(equal_lanes(&[1; 16], 2), 0);
    }
}
