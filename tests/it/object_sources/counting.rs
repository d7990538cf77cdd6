//! A proxy before the store that notes what is asked for, and may spoil answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::s3::Store;

/// A request, and how much was sent for it.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub range: Option<String>,
    pub sent: u64,
}

/// What becomes of a request before the store sees it: an answer of the proxy's own, or nothing.
type Before = dyn Fn(&Request) -> Option<String> + Send + Sync;

pub struct Proxy {
    port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Proxy {
    pub fn before(store: &Store) -> Self {
        Self::with(store, |_| None)
    }

    /// The same with some requests answered here.
    pub fn with(store: &Store, before: impl Fn(&Request) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (seen, to, before) = (Arc::new(Mutex::new(Vec::new())), store.port(), Arc::new(before));
        let noted = seen.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (noted, before) = (noted.clone(), before.clone());
                std::thread::spawn(move || {
                    // Whoever hangs up early has what it wanted.
                    let _ended = forward(client, to, &noted, &*before);
                });
            }
        });
        Self { port, seen }
    }

    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))]
    }

    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no panic").clone()
    }
}

/// One request a connection: the store's server closes each.
fn forward(mut client: TcpStream, to: u16, noted: &Mutex<Vec<Request>>, before: &Before) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
        let line = head[start..].trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let range = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("range:").map(|range| range.trim().to_owned()));
    let mut request = Request { method, path, range, sent: 0 };
    if let Some(answer) = before(&request) {
        noted.lock().expect("no panic").push(request);
        return client.write_all(answer.as_bytes());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut store = TcpStream::connect(("127.0.0.1", to))?;
    store.write_all(head.as_bytes())?;
    store.write_all(&body)?;
    let mut answer = Vec::new();
    store.read_to_end(&mut answer)?;
    let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    request.sent = (answer.len() - head_end) as u64;
    noted.lock().expect("no panic").push(request);
    client.write_all(&answer)
}
