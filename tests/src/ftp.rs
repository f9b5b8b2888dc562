//! Owns a small FTP server for the hosts of a test (RFC 959, RFC 2428): one file to fetch, and whatever is stored is kept.
//! Clients choose how the data connection is made: PORT, EPRT, PASV or EPSV.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::Namespace;

/// Files by name.
type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A server that lives as long as the test process.
#[derive(Debug)]
pub struct Server {
    files: Files,
}

impl Server {
    /// Starts it in `namespace`, listening on `address`, with one file called `file`.
    pub fn start(namespace: &Namespace, address: &str, file: Vec<u8>) -> Self {
        let files: Files = Arc::new(Mutex::new([("file".to_owned(), file)].into()));
        let shared = Arc::clone(&files);
        // Data connections are made by its threads, which stay inside.
        namespace.enter(|| {
            let listener = TcpListener::bind(address).expect("cannot listen");
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let files = Arc::clone(&shared);
                    // A client that goes away in the middle is its own trouble.
                    thread::spawn(move || serve(stream, &files).ok());
                }
            });
        });
        Self { files }
    }

    /// What a client has stored under `name`.
    pub fn stored(&self, name: &str) -> Option<Vec<u8>> {
        self.files.lock().unwrap().get(name).cloned()
    }
}

/// How the next data connection comes to be.
enum Data {
    None,
    Listening(TcpListener),
    Connecting(SocketAddr),
}

impl Data {
    fn open(self) -> std::io::Result<TcpStream> {
        match self {
            Self::None => Err(std::io::ErrorKind::NotConnected.into()),
            Self::Listening(listener) => Ok(listener.accept()?.0),
            Self::Connecting(address) => TcpStream::connect(address),
        }
    }
}

fn serve(control: TcpStream, files: &Files) -> std::io::Result<()> {
    let own = control.local_addr()?.ip();
    let mut say = control.try_clone()?;
    let mut data = Data::None;
    say.write_all(b"220 a test\r\n")?;
    for line in BufReader::new(control).lines() {
        let line = line?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match word.to_ascii_uppercase().as_str() {
            "USER" => "331 and the password?".to_owned(),
            "PASS" => "230 welcome".to_owned(),
            "PWD" => "257 \"/\"".to_owned(),
            "TYPE" | "MODE" | "STRU" | "CWD" | "NOOP" => "200 as you like".to_owned(),
            "SIZE" => match files.lock().unwrap().get(rest) {
                Some(file) => format!("213 {}", file.len()),
                None => "550 no such file".to_owned(),
            },
            "PASV" | "EPSV" => {
                let listener = TcpListener::bind((own, 0))?;
                let port = listener.local_addr()?.port();
                data = Data::Listening(listener);
                passive(word, own, port)
            }
            "PORT" | "EPRT" => match active(rest) {
                Some(address) => {
                    data = Data::Connecting(address);
                    "200 I shall".to_owned()
                }
                None => "501 where?".to_owned(),
            },
            "RETR" | "STOR" => {
                say.write_all(b"150 here it comes\r\n")?;
                let mut stream = std::mem::replace(&mut data, Data::None).open()?;
                if word == "RETR" {
                    let file = files.lock().unwrap().get(rest).cloned().unwrap_or_default();
                    stream.write_all(&file)?;
                } else {
                    let mut file = Vec::new();
                    stream.read_to_end(&mut file)?;
                    files.lock().unwrap().insert(rest.to_owned(), file);
                }
                drop(stream);
                "226 done".to_owned()
            }
            "QUIT" => {
                say.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => "502 not here".to_owned(),
        };
        say.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}

fn passive(word: &str, own: IpAddr, port: u16) -> String {
    match (word, own) {
        ("PASV", IpAddr::V4(own)) => {
            let ([a, b, c, d], [high, low]) = (own.octets(), port.to_be_bytes());
            format!("227 Entering Passive Mode ({a},{b},{c},{d},{high},{low}).")
        }
        _ => format!("229 Entering Extended Passive Mode (|||{port}|)"),
    }
}

/// `10,0,0,2,4,1` or `|1|10.0.0.2|1025|`
fn active(text: &str) -> Option<SocketAddr> {
    if let Some(rest) = text.strip_prefix('|') {
        let parts: Vec<&str> = rest.split('|').collect();
        return Some(SocketAddr::new(parts.get(1)?.parse().ok()?, parts.get(2)?.parse().ok()?));
    }
    let numbers: Vec<u8> = text.split(',').map_while(|number| number.trim().parse().ok()).collect();
    let [a, b, c, d, high, low] = numbers.try_into().ok()?;
    Some((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into())
}

/// A control connection that a test speaks itself.
#[derive(Debug)]
pub struct Client {
    say: TcpStream,
    hear: BufReader<TcpStream>,
}

impl Client {
    /// Connects from `namespace` and logs in.
    pub fn connect(namespace: &Namespace, server: &str) -> Self {
        let say = namespace.enter(|| TcpStream::connect(server).expect("cannot connect"));
        say.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let hear = BufReader::new(say.try_clone().unwrap());
        let mut client = Self { say, hear };
        client.hear();
        client.ask("USER me");
        client.ask("PASS me");
        client
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.say.local_addr().unwrap().port()
    }

    /// Says a line; what the server answers.
    pub fn ask(&mut self, line: &str) -> String {
        self.say.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.hear()
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.hear.read_line(&mut line).expect("the server has fallen silent");
        line.trim_end().to_owned()
    }
}
