//! Owns a small web server for the hosts of a test: one page that says who asked, one large file.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crate::Namespace;

/// Starts a web server in `namespace` that lives as long as the test process.
///
/// `GET /` answers `NAME saw ADDRESS`, with the address the server sees the client under;
/// `GET /file` answers `file`.
pub fn serve(namespace: &Namespace, address: &str, name: &str, file: Vec<u8>) -> SocketAddr {
    let listener = namespace.enter(|| TcpListener::bind(address).expect("cannot listen"));
    let local = listener.local_addr().expect("a bound socket has an address");
    let (name, file) = (Arc::<str>::from(name), Arc::new(file));
    // The socket belongs to the namespace, so the threads need not be inside.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (name, file) = (Arc::clone(&name), Arc::clone(&file));
            // A client that goes away in the middle is its own trouble.
            thread::spawn(move || answer(stream, &name, &file).ok());
        }
    });
    local
}

fn answer(mut stream: TcpStream, name: &str, file: &[u8]) -> std::io::Result<()> {
    let peer = stream.peer_addr()?.ip();
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let page = format!("{name} saw {peer}\n");
    let body = if request.starts_with("GET /file") { file } else { page.as_bytes() };
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    // Wait for the client's end, so that the kernel does not reset what is still in flight.
    stream.shutdown(std::net::Shutdown::Write)?;
    while lines.next().transpose()?.is_some() {}
    Ok(())
}

/// `length` bytes that repeat nowhere near: every displaced segment changes the hash.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}
