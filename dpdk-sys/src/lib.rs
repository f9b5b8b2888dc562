//! Raw bindings to DPDK 22.11, as Debian 12 ships it.
//!
//! ```text
//! wrapper.h ── bindgen ──► bindings.rs     what the libraries export
//! shim.c    ── cc ───────► libshim.a       static inlines and thread-locals, given a symbol
//! ```
//!
//! Nothing here is safe to call without reading DPDK's manual; the `dpdk` crate is the one caller.

#![allow(
    non_camel_case_types,
    non_upper_case_globals,
    non_snake_case,
    unsafe_op_in_unsafe_fn,
    unnecessary_transmutes,
    clippy::all
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
