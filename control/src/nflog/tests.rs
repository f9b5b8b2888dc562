//! The frame of records, and places that programs read from.

use super::PacketSink;
use pcap_file::DataLink;
use pcap_file::pcapng::{Block, PcapNgReader};
use sluice_config::gateway::PacketLog;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sluice-nflog-{name}-{}", std::process::id()))
}

#[test]
fn a_file_goes_on_with_another_section() {
    let path = scratch("file");
    for _ in 0..2 {
        PacketSink::open(&PacketLog::File(path.clone())).unwrap().flush().unwrap();
    }
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    assert_eq!(first, second);
    let mut reader = PcapNgReader::new(first).unwrap();
    let Some(Ok(Block::InterfaceDescription(interface))) = reader.next_block() else {
        panic!("no interface")
    };
    assert_eq!(interface.linktype, DataLink::NFLOG);
    assert!(reader.next_block().is_none());
}

#[test]
fn every_reader_of_a_socket_gets_the_header_and_the_socket_goes_away() {
    let path = scratch("socket");
    let mut sink = PacketSink::open(&PacketLog::Unix(path.clone())).unwrap();
    let mut reader = UnixStream::connect(&path).unwrap();
    reader.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    sink.flush().unwrap();
    let mut head = [0; 4];
    reader.read_exact(&mut head).unwrap();
    assert_eq!(head, [0x0a, 0x0d, 0x0d, 0x0a], "a section header");
    assert!(PacketSink::open(&PacketLog::Unix(path.clone())).is_err(), "somebody answers there");
    drop(sink);
    assert!(!path.exists());
}

#[test]
fn a_place_that_cannot_be_had_is_named_with_what_to_write() {
    let place = PacketLog::File("/nonexistent/packets".into());
    let error = PacketSink::open(&place).err().unwrap().to_string();
    assert!(error.contains("file:/nonexistent/packets") && error.contains("nflog = "), "{error}");
}
