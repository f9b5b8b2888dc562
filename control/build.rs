//! Compiles `proto/` with protox (no protoc needed) into tonic services and messages, and leaves the
//! file descriptor set beside them for server reflection.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const PROTO_FILES: [&str; 9] =
    ["common", "config", "conntrack", "network", "recent", "rules", "sets", "stats", "trace"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = PROTO_FILES.map(|name| format!("sluice/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("sluice_descriptor.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
