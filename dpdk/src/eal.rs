//! DPDK's environment abstraction layer: started once, shared by handles, cleaned up after the last.

use std::{
    collections::HashSet,
    ffi::{CString, c_char, c_int},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use dpdk_sys as sys;

use crate::{
    error::{Errno, Error, Result, c_string},
    hugepages,
    thread::ThreadGuard,
};

/// How to start EAL.
#[derive(Debug, Clone)]
pub struct EalConfig {
    /// Name for EAL's log lines.
    pub program: String,
    /// The core for EAL's main thread; `None` leaves the calling thread on all its cores.
    pub main_core: Option<usize>,
    /// Never use huge pages, even where there are some.
    pub no_huge: bool,
    /// Megabytes to reserve without huge pages, and to find free before choosing huge pages.
    pub memory_mb: u32,
    /// Virtual devices to attach at once, as EAL devargs (`net_null0,copy=1`).
    pub vdevs: Vec<String>,
    /// PCI devices to take (`0000:01:00.0`, devargs may follow); none leaves the PCI bus alone.
    pub allow: Vec<String>,
    /// EAL's log level: `error`, `warning`, `info`, `debug`, or `pattern:level`.
    pub log_level: String,
    /// More EAL arguments, as they are.
    pub extra: Vec<String>,
}

impl Default for EalConfig {
    fn default() -> Self {
        Self {
            program: "sluice".into(),
            main_core: None,
            no_huge: false,
            memory_mb: 256,
            vdevs: Vec::new(),
            allow: Vec::new(),
            log_level: "error".into(),
            extra: Vec::new(),
        }
    }
}

/// Where packet memory comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryMode {
    /// Huge pages, taken as needed and given back at exit.
    HugePages,
    /// Ordinary pages, so many megabytes of them: correct, but slower.
    NoHuge {
        /// Megabytes reserved at start.
        megabytes: u32,
    },
}

impl fmt::Display for MemoryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HugePages => f.write_str("huge pages"),
            Self::NoHuge { megabytes } => write!(
                f,
                "no huge pages: running on {megabytes} MB of ordinary pages, which is slower; \
                 `sysctl -w vm.nr_hugepages=1024` before the start cures it"
            ),
        }
    }
}

/// A handle to the running EAL; clones share it, and the last one dropped cleans up.
#[derive(Clone)]
pub struct Eal(Arc<Inner>);

struct Inner {
    mode: MemoryMode,
    /// Ethernet ports that a `Port` owns: each id at most once. Also orders attach and detach.
    ports: Mutex<HashSet<u16>>,
}

/// EAL starts once in a process, and cannot be started again after its cleanup.
static STARTED: AtomicBool = AtomicBool::new(false);

impl Eal {
    /// Starts EAL on huge pages where `memory_mb` of them can be had, and else without.
    ///
    /// # Errors
    /// [`Error::HugePagesTaken`] where another process was faster: EAL cannot be started again in this
    /// one, and a new one is to set `no_huge`. Otherwise what EAL or a device of `vdevs` lacks.
    pub fn init(config: &EalConfig) -> Result<Self> {
        Self::init_on(config, choose_memory(config)?)
    }

    fn init_on(config: &EalConfig, mode: MemoryMode) -> Result<Self> {
        let arguments = arguments(config, mode);
        let strings = arguments
            .iter()
            .map(|text| c_string("the EAL argument", text))
            .collect::<Result<Vec<_>>>()?;
        if STARTED.swap(true, Ordering::AcqRel) {
            return Err(Error::AlreadyInitialised);
        }
        start(strings).map_err(|errno| {
            // EAL itself refuses a second attempt where it cannot make one.
            STARTED.store(false, Ordering::Release);
            match mode {
                // The first means that no page is free, the second that none was left for EAL's own use.
                MemoryMode::HugePages if matches!(errno.0, libc::EACCES | libc::ENOMEM) => {
                    Error::HugePagesTaken { errno }
                }
                MemoryMode::HugePages | MemoryMode::NoHuge { .. } => {
                    Error::Init { errno, arguments: arguments.join(" ") }
                }
            }
        })?;
        // SAFETY: does nothing; the call has the linker take in setsockopt.c.
        unsafe { sys::shim_keep_fragments() };
        let eal = Self(Arc::new(Inner { mode, ports: Mutex::default() }));
        // Not by --vdev: of a device that fails there, EAL tells its log and nobody else.
        for devargs in &config.vdevs {
            eal.probe(devargs, devargs)?;
        }
        Ok(eal)
    }

    /// Where packet memory comes from.
    pub fn memory_mode(&self) -> MemoryMode {
        self.0.mode
    }

    /// Registers the calling thread, which gives it a mempool cache; see also `spawn_worker`.
    pub fn register_thread(&self) -> Result<ThreadGuard> {
        ThreadGuard::new(self.clone())
    }

    /// Has a driver take the device `devargs`, called `device` in errors.
    pub(crate) fn probe(&self, device: &str, devargs: &str) -> Result<()> {
        let text = c_string("the device arguments", devargs)?;
        // SAFETY: EAL runs, and the text is copied.
        Errno::check(unsafe { sys::rte_dev_probe(text.as_ptr()) }).map(drop).map_err(|errno| {
            let (device, devargs) = (device.into(), devargs.into());
            Error::Attach { device, devargs, errno, remedy: remedy(errno) }
        })
    }

    /// The ports in use; held while one is attached or detached.
    pub(crate) fn ports(&self) -> MutexGuard<'_, HashSet<u16>> {
        self.0.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Eal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eal").field("mode", &self.0.mode).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: ports, pools and registered threads hold an Eal, so none is left. A pool that
        // cannot be freed because packets are still out keeps its handle for ever instead.
        unsafe { sys::rte_eal_cleanup() };
    }
}

/// Decides before EAL starts, which it does once only. EAL does not survive being promised more
/// ordinary memory than there is.
fn choose_memory(config: &EalConfig) -> Result<MemoryMode> {
    let wanted = config.memory_mb;
    if !config.no_huge && hugepages::can_reserve(wanted) {
        return Ok(MemoryMode::HugePages);
    }
    match hugepages::available_megabytes() {
        Some(available) if available < wanted.into() => Err(Error::Memory { wanted, available }),
        Some(_) | None => Ok(MemoryMode::NoHuge { megabytes: wanted }),
    }
}

fn start(strings: Vec<CString>) -> std::result::Result<(), Errno> {
    let count = strings.len() as c_int;
    // EAL may keep pointers into its arguments; it starts once, so they are given to it for good.
    let mut pointers: Vec<*mut c_char> = strings.into_iter().map(CString::into_raw).collect();
    pointers.push(std::ptr::null_mut());
    // SAFETY: argc strings and a null pointer, all writable and never freed.
    Errno::check(unsafe { sys::rte_eal_init(count, pointers.leak().as_mut_ptr()) }).map(drop)
}

fn arguments(config: &EalConfig, mode: MemoryMode) -> Vec<String> {
    let mut arguments = vec![config.program.clone(), "--no-telemetry".into()];
    arguments.push(format!("--log-level={}", config.log_level));
    // The TAP driver calls it an error that a kernel lacks the multiq qdisc, which nothing here needs.
    arguments.push("--log-level=pmd.net.tap:critical".into());
    arguments.push(format!("--lcores=0@{}", main_cores(config.main_core)));
    match mode {
        MemoryMode::HugePages => arguments.push("--in-memory".into()),
        MemoryMode::NoHuge { megabytes } => {
            // No files in the runtime folder, as with --in-memory (which excludes --no-huge).
            let no_huge = ["--no-huge".into(), "--no-shconf".into(), format!("-m{megabytes}")];
            arguments.extend(no_huge);
        }
    }
    if config.allow.is_empty() {
        // Physical addresses matter to devices only, and reading them needs CAP_SYS_ADMIN.
        arguments.extend(["--no-pci".into(), "--iova-mode=va".into()]);
    }
    for device in &config.allow {
        arguments.extend(["-a".into(), device.clone()]);
    }
    arguments.extend(config.extra.iter().cloned());
    arguments
}

/// The main lcore's CPU set. EAL pins the thread that starts it; pinned to all the cores it has
/// already, the threads it starts later inherit nothing unexpected.
fn main_cores(wanted: Option<usize>) -> String {
    let all = || core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id);
    let cores: Vec<usize> = wanted.map_or_else(|| all().collect(), |core| vec![core]);
    match cores.as_slice() {
        [] => "0".into(),
        cores => {
            format!("({})", cores.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
        }
    }
}

/// What to do about a device that a driver refused.
fn remedy(errno: Errno) -> &'static str {
    match errno.0 {
        libc::EPERM | libc::EACCES => "run as root, or with CAP_NET_ADMIN and CAP_NET_RAW",
        libc::EEXIST | libc::EBUSY => "a device of this name exists already; choose another name",
        libc::ENOMEM => "give EAL more memory, or make frames and rings smaller",
        libc::ENODEV | libc::ENOENT => {
            "check its name; `sluice doctor` lists drivers and interfaces"
        }
        _ => {
            "check its name and arguments; EAL's log above says more (a ring that cannot be \
             mapped wants CAP_IPC_LOCK, or a higher `ulimit -l`)"
        }
    }
}

/// The version of the DPDK library, such as `DPDK 22.11.11`.
pub fn version() -> String {
    // SAFETY: returns a static NUL-terminated string; needs no EAL.
    unsafe { std::ffi::CStr::from_ptr(sys::rte_version()) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_mode_decides_the_arguments() {
        let config = EalConfig { main_core: Some(1), ..EalConfig::default() };
        assert_eq!(
            arguments(&config, MemoryMode::HugePages).join(" "),
            "sluice --no-telemetry --log-level=error --log-level=pmd.net.tap:critical \
             --lcores=0@(1) --in-memory --no-pci --iova-mode=va"
        );
        let config = EalConfig { allow: vec!["0000:01:00.0".into()], ..config };
        assert_eq!(
            arguments(&config, MemoryMode::NoHuge { megabytes: 64 }).join(" "),
            "sluice --no-telemetry --log-level=error --log-level=pmd.net.tap:critical \
             --lcores=0@(1) --no-huge --no-shconf -m64 -a 0000:01:00.0"
        );
    }

    const PART: &str = "SLUICE_TEST_PART";

    /// In a process of its own, as EAL starts once; there no file grows, not even one of huge pages. So they are
    /// gone for EAL, whether the machine has some or not.
    #[test]
    fn huge_pages_that_others_took_are_told_from_other_failures() {
        if std::env::var_os(PART).is_none() {
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "--nocapture"])
                .arg("eal::tests::huge_pages_that_others_took_are_told_from_other_failures")
                .env(PART, "taken")
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            return;
        }
        let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a limit and a signal of this process, which is there for this test alone.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
        }
        let config = EalConfig { memory_mb: 64, ..EalConfig::default() };
        let error = Eal::init_on(&config, MemoryMode::HugePages).unwrap_err();
        assert!(matches!(error, Error::HugePagesTaken { .. }), "{error}");
    }

    #[test]
    fn version_is_the_one_bound() {
        assert!(version().starts_with("DPDK 22.11"), "{}", version());
    }
}
