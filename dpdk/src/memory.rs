//! Where large tables lie.

/// Bytes of a huge page.
const HUGE_PAGE: usize = 2 << 20;

/// Asks the system to put the memory of `table` on huge pages (`madvise(2)`, `MADV_HUGEPAGE`): a table
/// far larger than the TLB reaches, read at random, then misses it less often. A hint: where transparent huge
/// pages are off nothing changes. Tables below one huge page are left as they are.
pub fn prefer_huge_pages<T>(table: &Vec<T>) {
    let bytes = table.capacity() * size_of::<T>();
    let start = table.as_ptr().addr();
    // Only what lies wholly within the allocation.
    let first = start.next_multiple_of(HUGE_PAGE);
    let last = (start + bytes) / HUGE_PAGE * HUGE_PAGE;
    if first >= last {
        return;
    }
    let from = table.as_ptr().cast::<u8>().wrapping_add(first - start);
    // SAFETY: the range lies within memory that `table` owns, and MADV_HUGEPAGE changes no content.
    unsafe { libc::madvise(from.cast_mut().cast(), last - first, libc::MADV_HUGEPAGE) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_stays() {
        let mut table = vec![7_u64; 1 << 20];
        prefer_huge_pages(&table);
        table.push(8);
        assert!(table.iter().take(1 << 20).all(|&value| value == 7));
        prefer_huge_pages(&Vec::<u8>::new());
        prefer_huge_pages(&vec![1_u8]);
    }
}
