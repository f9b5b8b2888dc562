//! Memory for packets: huge pages, as `/sys/kernel/mm/hugepages` reports them, and ordinary ones.

use std::{fs, path::Path};

/// The pages of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HugePages {
    /// Bytes of a page.
    pub size: u64,
    /// Pages reserved at all.
    pub total: u64,
    /// Pages nobody uses.
    pub free: u64,
}

/// All sizes the kernel has, smallest first; empty where it has none.
pub fn huge_pages() -> Vec<HugePages> {
    read(Path::new("/sys/kernel/mm/hugepages"))
}

/// Whether so many megabytes of huge pages can be had now, by asking the kernel for them.
///
/// The counts in `/sys` do not say what others have reserved but not touched; a mapping does.
pub(crate) fn can_reserve(megabytes: u32) -> bool {
    let bytes = u64::from(megabytes) << 20;
    huge_pages().iter().any(|pages| {
        let length = bytes.next_multiple_of(pages.size) as usize;
        pages.size > 0 && pages.free > 0 && reserve(length, pages.size)
    })
}

fn reserve(length: usize, page: u64) -> bool {
    let size = (page.trailing_zeros() as i32) << libc::MAP_HUGE_SHIFT;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB | size;
    // SAFETY: a fresh anonymous mapping that nothing else knows of, unmapped at once.
    unsafe {
        let address = libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, flags, -1, 0);
        address != libc::MAP_FAILED && libc::munmap(address, length) == 0
    }
}

/// Megabytes of ordinary memory available, by `/proc/meminfo`; `None` where that does not say.
pub(crate) fn available_megabytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? >> 10)
}

fn read(folder: &Path) -> Vec<HugePages> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut sizes: Vec<HugePages> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let kilobytes: u64 =
                name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
            Some(HugePages {
                size: kilobytes.checked_mul(1024)?,
                total: number(&entry.path().join("nr_hugepages"))?,
                free: number(&entry.path().join("free_hugepages"))?,
            })
        })
        .collect();
    sizes.sort_by_key(|pages| pages.size);
    sizes
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_folder() {
        let folder = std::env::temp_dir().join(format!("sluice-hugepages-{}", std::process::id()));
        for (name, total, free) in [("hugepages-1048576kB", 2, 1), ("hugepages-2048kB", 8, 5)] {
            let size = folder.join(name);
            fs::create_dir_all(&size).unwrap();
            fs::write(size.join("nr_hugepages"), format!("{total}\n")).unwrap();
            fs::write(size.join("free_hugepages"), format!("{free}\n")).unwrap();
        }
        let pages = read(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            pages,
            [
                HugePages { size: 2 << 20, total: 8, free: 5 },
                HugePages { size: 1 << 30, total: 2, free: 1 }
            ]
        );
        assert_eq!(read(Path::new("/nonexistent")), []);
    }
}
