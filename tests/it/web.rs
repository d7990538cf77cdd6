//! A small server of the tests: each answer is written byte by byte as a test says, so that it can lie, stall and break.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// How many requests came before it.
    pub number: usize,
}

impl Request {
    pub fn path(&self) -> &str {
        self.target.split('?').next().expect("a path")
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Listens on loopback as long as the tests run.
pub struct Web {
    pub port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Web {
    /// A server whose connections `answer` takes over once a request is read.
    pub fn new(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::<Mutex<Vec<Request>>>::default();
        let (answer, kept) = (Arc::new(answer), seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (answer.clone(), kept.clone());
                std::thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Self { port, seen }
    }

    /// A server with the same whole answer for every request.
    pub fn of(head: &str, body: impl Into<Vec<u8>>) -> Self {
        let (head, body) = (head.to_owned(), body.into());
        Self::new(move |_, out| whole(out, &head, &body))
    }

    pub fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }

    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("requests").clone()
    }
}

fn serve(mut stream: TcpStream, answer: &(impl Fn(&Request, &mut TcpStream) + ?Sized), seen: &Mutex<Vec<Request>>) {
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    stream.set_write_timeout(Some(Duration::from_secs(30))).expect("a limit");
    let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
    let Some(Ok(first)) = lines.next() else { return };
    let Some(target) = first.split(' ').nth(1) else { return };
    let headers = lines.map_while(|line| line.ok().filter(|line| !line.is_empty()));
    let headers = headers.filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())));
    let mut request = Request { target: target.to_owned(), headers: headers.collect(), number: 0 };
    {
        let mut seen = seen.lock().expect("requests");
        request.number = seen.len();
        seen.push(request.clone());
    }
    answer(&request, &mut stream);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    // What is still unread would reset the connection, and with it what was sent.
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Writes what the other side may no longer want.
pub fn write(out: &mut TcpStream, bytes: impl AsRef<[u8]>) -> bool {
    out.write_all(bytes.as_ref()).and_then(|()| out.flush()).is_ok()
}

/// An answer with its length: `head` is the status and further headers, one a line.
pub fn whole(out: &mut TcpStream, head: &str, body: &[u8]) {
    let head = head.trim().replace('\n', "\r\n");
    write(out, format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len()));
    write(out, body);
}

/// JSON with its length.
pub fn json(out: &mut TcpStream, body: &str) {
    whole(out, "200 OK\nContent-Type: application/json", body.as_bytes());
}
