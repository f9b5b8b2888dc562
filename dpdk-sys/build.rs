//! Finds DPDK with pkg-config, compiles the shim and generates the bindings.
//!
//! Only what `dpdk` uses is bound, so that the generated file stays small enough to read.

use std::{env, error::Error, path::PathBuf};

/// Functions, as regular expressions.
const FUNCTIONS: &[&str] = &[
    "shim_.*",
    "rte_eal_(init|cleanup|has_hugepages)",
    "rte_strerror",
    "rte_version",
    "rte_socket_id",
    "rte_get_tsc_hz",
    "rte_thread_(register|unregister)",
    "rte_dev_(probe|remove|name)",
    "rte_pktmbuf_(pool_create|free_bulk)",
    "rte_mempool_(free|avail_count|in_use_count)",
    "rte_eth_dev_(get_port_by_name|get_name_by_port|info_get|configure|start|stop|close|set_mtu|get_mtu|adjust_nb_rx_tx_desc|socket_id|set_link_up|set_link_down|default_mac_addr_set|is_valid_port|count_avail)",
    "rte_eth_dev_default_mac_addr_set",
    "rte_eth_(rx|tx)_queue_setup",
    "rte_eth_(promiscuous|allmulticast)_(enable|disable|get)",
    "rte_eth_macaddr_get",
    "rte_eth_link_get_nowait",
    "rte_eth_stats_(get|reset)",
    "rte_eth_(add|remove)_(rx|tx)_callback",
];

/// With the feature `baselines`.
const BASELINES: &[&str] = &[
    "rte_fib_(create|free|add|delete|lookup_bulk|select_lookup)",
    "rte_fib6_(create|free|add|delete|lookup_bulk|select_lookup)",
    "rte_hash_(create|free|add_key|lookup_bulk)",
];

const TYPES: &[&str] = &["rte_mbuf", "rte_mempool", "rte_eth_fp_ops", "rte_eth_rxtx_callback"];

const VARIABLES: &[&str] = &[
    "rte_eth_fp_ops",
    "SHIM_RING_SOCKETS",
    "RTE_MAX_ETHPORTS",
    "RTE_MAX_LCORE",
    "RTE_PKTMBUF_HEADROOM",
    "RTE_CACHE_LINE_(MIN_)?SIZE",
    "RTE_MEMPOOL_CACHE_MAX_SIZE",
    "RTE_ETHDEV_QUEUE_STAT_CNTRS",
    "RTE_ETHER_.*",
    "RTE_MBUF_F_(RX|TX)_.*",
    "RTE_ETH_(RX|TX)_OFFLOAD_.*",
    "RTE_ETH_RSS_(IP|TCP|UDP|IPV4|IPV6)",
    "RTE_ETH_LINK_.*",
];

fn main() -> Result<(), Box<dyn Error>> {
    for file in ["build.rs", "wrapper.h", "shim.h", "shim.c", "setsockopt.c"] {
        println!("cargo:rerun-if-changed={file}");
    }
    let baselines = env::var_os("CARGO_FEATURE_BASELINES").is_some();
    let mut flags = compile_flags()?;
    if baselines {
        flags.push("-DSLUICE_BASELINES".into());
    }
    let mut shim = cc::Build::new();
    shim.file("shim.c").file("setsockopt.c").opt_level(2).warnings(false);
    for flag in &flags {
        shim.flag(flag);
    }
    shim.try_compile("sluice_dpdk_shim")?;

    // Drivers are not linked: EAL loads them from the distribution's driver folder at start.
    for library in ["rte_ethdev", "rte_mbuf", "rte_mempool", "rte_eal"] {
        println!("cargo:rustc-link-lib=dylib={library}");
    }
    if baselines {
        for library in ["rte_fib", "rte_hash"] {
            println!("cargo:rustc-link-lib=dylib={library}");
        }
    }
    bindings(&flags, baselines)
}

/// What `pkg-config --cflags libdpdk` says. The `pkg-config` crate drops `-include` and `-march`,
/// without which the headers do not compile, so the tool is asked for them directly.
fn compile_flags() -> Result<Vec<String>, Box<dyn Error>> {
    let found = pkg_config::Config::new()
        .range_version("22.11".."22.12")
        .cargo_metadata(false)
        .probe("libdpdk")
        .map_err(|error| {
            format!("DPDK 22.11 is needed: apt install libdpdk-dev pkg-config\n{error}")
        })?;
    for path in &found.link_paths {
        println!("cargo:rustc-link-search=native={}", path.display());
    }
    let tool = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".into());
    let output = std::process::Command::new(tool).args(["--cflags", "libdpdk"]).output()?;
    Ok(String::from_utf8(output.stdout)?.split_whitespace().map(str::to_owned).collect())
}

fn bindings(flags: &[String], baselines: bool) -> Result<(), Box<dyn Error>> {
    let mut builder = bindgen::Builder::default()
        .header("wrapper.h")
        .clang_args(flags)
        // Packed and aligned at once, which Rust has no word for.
        .opaque_type("rte_arp_hdr|rte_arp_ipv4|rte_l2tpv2_.*|rte_gtp_psc_.*")
        // Thread-locals: as plain statics they would read another address. The shim reads them.
        .blocklist_item("per_lcore_.*")
        // RTE_BIT64() macros need the C compiler to evaluate them.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(PathBuf::from(env::var("OUT_DIR")?))
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .generate_comments(false)
        .derive_default(true)
        .layout_tests(false);
    let baselines = if baselines { BASELINES } else { &[] };
    for item in FUNCTIONS.iter().chain(baselines) {
        builder = builder.allowlist_function(item);
    }
    for item in TYPES {
        builder = builder.allowlist_type(item);
    }
    for item in VARIABLES {
        builder = builder.allowlist_var(item);
    }
    let out = PathBuf::from(env::var("OUT_DIR")?).join("bindings.rs");
    builder.generate()?.write_to_file(out)?;
    Ok(())
}
