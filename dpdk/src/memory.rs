//! Where large tables lie.

/// Bytes of a page, and of a huge one.
const PAGE: usize = 4096;
const HUGE_PAGE: usize = 2 << 20;

/// Asks the system to put the memory of `table` on huge pages (`madvise(2)`, `MADV_HUGEPAGE`): a table
/// far larger than the TLB reaches, read at random, then misses it less often. A hint: where transparent huge
/// pages are off nothing changes. Tables below one huge page are left as they are.
pub fn prefer_huge_pages<T>(table: &Vec<T>) {
    advise(table, HUGE_PAGE, libc::MADV_HUGEPAGE);
}

/// As [`prefer_huge_pages`], and has the pages given now (`MADV_POPULATE_WRITE`), so that nobody waits for one when
/// it is first written. Where the system cannot, they are given then.
pub fn populate<T>(table: &Vec<T>) {
    prefer_huge_pages(table);
    advise(table, PAGE, libc::MADV_POPULATE_WRITE);
}

fn advise<T>(table: &Vec<T>, page: usize, advice: i32) {
    let bytes = table.capacity() * size_of::<T>();
    let start = table.as_ptr().addr();
    // Only what lies wholly within the allocation.
    let first = start.next_multiple_of(page);
    let last = (start + bytes) / page * page;
    if first >= last {
        return;
    }
    let from = table.as_ptr().cast::<u8>().wrapping_add(first - start);
    // SAFETY: the range lies within memory that `table` owns, and neither advice changes its content.
    unsafe { libc::madvise(from.cast_mut().cast(), last - first, advice) };
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
        populate(&table);
        assert_eq!(table.last(), Some(&8));
        populate(&Vec::<u8>::new());
        populate(&vec![1_u8]);
    }
}
