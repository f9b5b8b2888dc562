//! The gRPC interface, generated from `proto/sluice/v1/*.proto`: messages, clients and servers.
//!
//! The comments of the `.proto` files are the documentation; units and byte order are said there.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used, clippy::expect_used)]

tonic::include_proto!("sluice.v1");

/// The services' file descriptor set in protobuf encoding, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/sluice_descriptor.bin"));
