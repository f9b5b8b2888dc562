//! The machine under the harness: memory, EAL, and the pool the frames come from.

use anyhow::{Context, Result, ensure};
use dpdk::cpu::CACHE_LINE;
use dpdk::{Eal, EalConfig, HEADROOM, MemoryMode, Mempool, PoolConfig};
use std::fs;
use std::path::Path;

/// Mbufs of the pool: those of a round, and some that the worker may take for packets of its own.
const MBUFS: u32 = 18 * 1024;
/// Bytes for a frame in each; DPDK pads the whole to an odd number of cache lines.
const DATA_ROOM: u16 = 2048 + HEADROOM;
/// Megabytes for EAL: the pool, with room for alignment.
const MEGABYTES: u32 = 128;
const PAGES_2M: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

/// EAL and a pool of mbufs, without devices.
///
/// The order of the fields is the order in which they go: pages are given back last.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) pool: Mempool,
    pub(crate) eal: Eal,
    /// Cores there were before EAL took the last one for this thread.
    pub(crate) cores: usize,
    _pages: Option<ReservedPages>,
}

impl Machine {
    /// Starts EAL with room for `more` megabytes beside the pool, on 2 MB pages, reserving them where this process may, and else on ordinary ones.
    ///
    /// # Errors
    /// EAL does not start, or the pool's stride would alias in the first-level cache.
    pub(crate) fn start(more: u32) -> Result<Self> {
        let memory_mb = MEGABYTES + more;
        let pages = ReservedPages::reserve(Path::new(PAGES_2M), u64::from(memory_mb) / 2 + 2);
        // DPDK's tables use AVX-512 only when told that they may.
        let extra = vec!["--force-max-simd-bitwidth=512".into()];
        Self::with(EalConfig { memory_mb, main_core: last_core(), extra, ..named() }, pages)
    }

    /// As [`Self::start`], on ordinary pages and any core: for tests and under valgrind.
    pub(crate) fn plain(more: u32) -> Result<Self> {
        Self::with(EalConfig { memory_mb: MEGABYTES + more, no_huge: true, ..named() }, None)
    }

    fn with(config: EalConfig, pages: Option<ReservedPages>) -> Result<Self> {
        let cores = cores();
        let eal = Eal::init(&config)?;
        let pool = PoolConfig { data_room: DATA_ROOM, ..PoolConfig::new("bench", MBUFS - 1) };
        let pool = Mempool::new(&eal, &pool)?;
        let lines = pool.stride() as usize / CACHE_LINE;
        ensure!(
            !lines.is_multiple_of(2),
            "mbufs lie {lines} cache lines apart, an even number: their headers would share sets of the first-level cache"
        );
        Ok(Self { pool, eal, cores, _pages: pages })
    }

    /// A pool of its own for the worker of that number, of the same shape.
    pub(crate) fn second_pool(&self, number: usize) -> Result<Mempool> {
        let name = format!("bench-{number}");
        let config = PoolConfig { data_room: DATA_ROOM, ..PoolConfig::new(name, MBUFS - 1) };
        Ok(Mempool::new(&self.eal, &config)?)
    }

    /// What carries the packets, for reports.
    pub(crate) fn harness(&self) -> &'static str {
        match self.eal.memory_mode() {
            MemoryMode::HugePages => "in-process, mbufs on 2 MB pages",
            MemoryMode::NoHuge { .. } => "in-process, mbufs on 4 KB pages",
        }
    }

    /// One line about it.
    pub(crate) fn describe(&self) -> String {
        format!(
            "{}; {} mbufs {} bytes apart; {}; TSC {:.2} GHz",
            dpdk::version(),
            MBUFS - 1,
            self.pool.stride(),
            self.harness(),
            gigahertz()
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn gigahertz() -> f64 {
    dpdk::cpu::cycles_per_second() as f64 / 1e9
}

fn named() -> EalConfig {
    EalConfig { program: "sluice-bench".into(), ..EalConfig::default() }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Interrupts and other processes prefer the first core.
fn last_core() -> Option<usize> {
    Some(cores() - 1)
}

/// Moves the calling thread to a core; false where it may not run there.
pub(crate) fn move_to(core: usize) -> bool {
    core_affinity::set_for_current(core_affinity::CoreId { id: core })
}

/// How often another process got the core of the calling thread, which would have gone on.
pub(crate) fn preemptions() -> Result<u64> {
    let status = fs::read_to_string("/proc/thread-self/status")?;
    let field = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    Ok(field.context("/proc/thread-self/status counts no preemptions")?.trim().parse()?)
}

/// Huge pages reserved for this run; the number there was before returns on drop.
#[derive(Debug)]
struct ReservedPages {
    file: &'static Path,
    before: u64,
}

impl ReservedPages {
    /// Asks the kernel for `more` pages than there are; none where it refuses or gives fewer.
    fn reserve(file: &'static Path, more: u64) -> Option<Self> {
        let before: u64 = read(file).ok()?;
        let reserved = Self { file, before };
        fs::write(file, format!("{}\n", before + more)).ok()?;
        (read(file).ok()? >= before + more).then_some(reserved)
    }
}

impl Drop for ReservedPages {
    fn drop(&mut self) {
        // Nothing depends on it, and there is nobody to tell.
        let _ = fs::write(self.file, format!("{}\n", self.before));
    }
}

fn read(file: &Path) -> Result<u64> {
    let text = fs::read_to_string(file)?;
    text.trim().parse().with_context(|| format!("{}: {text:?} is no number", file.display()))
}
