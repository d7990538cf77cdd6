//! A connection to one broker: a request, then its answer.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::request::{self, Api, Known};
use super::sasl;
use super::settings::{Address, Settings, shown};
use super::trouble::{Trouble, broken, garbled, refused};
use super::wire::{Garbled, Parser, Writer};
use crate::diagnostic::{Code, Fault};

const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long an answer may take, beside what the request itself allows.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// No answer is larger, since what is asked for is less: something else than a broker speaks.
const ANSWER_BYTES_MAX: u32 = 256 << 20;
/// What brokers call us in their logs.
const CLIENT: &str = "sluicegate";

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Exactly `length` bytes.
    fn read(&mut self, length: usize) -> io::Result<Vec<u8>> {
        // What an answer says of its length costs no memory until the bytes are there.
        let mut bytes = Vec::with_capacity(length.min(16 << 20));
        match self {
            Self::Plain(socket) => socket.take(length as u64).read_to_end(&mut bytes)?,
            Self::Tls(stream) => stream.take(length as u64).read_to_end(&mut bytes)?,
        };
        if bytes.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }
}

/// A broker that listens, and who we are for it.
pub(super) struct Connection {
    stream: Stream,
    /// The broker, for people.
    name: String,
    requests: i32,
    /// What it can be asked.
    known: Vec<Known>,
}

impl Connection {
    /// # Errors
    /// Nobody listens there, or who listens is no broker, is not to be believed, or does not believe us.
    pub(super) fn open(address: &Address, settings: &Settings) -> Result<Self, Trouble> {
        let name = shown(address);
        let socket = connected(address).map_err(|e| Trouble::Passing(format!("cannot connect to the broker {name}: {e}")))?;
        let prepared = socket.set_nodelay(true).and_then(|()| socket.set_write_timeout(Some(ANSWER_MAX)));
        prepared.and_then(|()| socket.set_read_timeout(Some(ANSWER_MAX))).map_err(|e| broken(&name, &e))?;
        let stream = match &settings.tls {
            None => Stream::Plain(socket),
            Some(config) => {
                let host = ServerName::try_from(address.0.clone())
                    .map_err(|_| Fault::new(Code::InvalidLocation, format!("the broker {name} has no name that TLS could check")))?;
                let client = ClientConnection::new(config.clone(), host)
                    .map_err(|e| Fault::new(Code::Unreadable, format!("the broker {name}: TLS: {e}")))?;
                Stream::Tls(Box::new(shaken(client, socket, &name)?))
            }
        };
        let mut connection = Self { stream, name, requests: 0, known: Vec::new() };
        let answer = connection.call_in(Api::Versions, 0, &[], Duration::ZERO)?;
        let (error, known) = connection.understood(request::api_versions(&answer))?;
        if error != 0 {
            return Err(refused(error, &connection.name));
        }
        connection.known = known;
        connection.authenticate(settings)?;
        Ok(connection)
    }

    /// The highest version of a request that both sides speak.
    pub(super) fn version(&self, api: Api) -> Result<i16, Trouble> {
        let (lowest, highest) = api.versions();
        let both = self.known.iter().find(|(key, ..)| *key == api.key()).map(|(_, from, to)| (lowest.max(*from), highest.min(*to)));
        match both {
            Some((from, to)) if from <= to => Ok(to),
            Some(_) | None => {
                let fault =
                    Fault::new(Code::Unsupported, format!("the broker {} does not know the request {api:?} as it is made", self.name));
                Err(fault.hint("brokers of Kafka 1.0 and later are supported").into())
            }
        }
    }

    /// Sends a request and waits for its answer, which may take `wait` and a little more.
    ///
    /// # Errors
    /// The connection broke; it can be asked nothing more.
    pub(super) fn call(&mut self, api: Api, body: &[u8], wait: Duration) -> Result<Vec<u8>, Trouble> {
        let version = self.version(api)?;
        self.call_in(api, version, body, wait)
    }

    fn call_in(&mut self, api: Api, version: i16, body: &[u8], wait: Duration) -> Result<Vec<u8>, Trouble> {
        let answer = self.exchange(api, version, body, wait).map_err(|e| self.said(&e))?;
        answer.map_err(|why| garbled(&self.name, why))
    }

    fn exchange(&mut self, api: Api, version: i16, body: &[u8], wait: Duration) -> io::Result<Result<Vec<u8>, Garbled>> {
        self.requests = self.requests.wrapping_add(1);
        let mut frame = Writer::default();
        frame.i32(0).i16(api.key()).i16(version).i32(self.requests).text(CLIENT);
        frame.0.extend(body);
        let length = (frame.0.len() as u32 - 4).to_be_bytes();
        frame.0[..4].copy_from_slice(&length);
        self.stream.socket().set_read_timeout(Some(ANSWER_MAX + wait))?;
        self.stream.write_all(&frame.0)?;
        let head = self.stream.read(8)?;
        let mut head = Parser(&head);
        let (Ok(length), Ok(answers)) = (head.u32(), head.i32()) else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        if !(4..=ANSWER_BYTES_MAX).contains(&length) {
            return Ok(Err(Garbled("it is no answer of a Kafka broker; if this port speaks TLS, write `kafkas://`")));
        }
        if answers != self.requests {
            return Ok(Err(Garbled("it answers another request")));
        }
        self.stream.read(length as usize - 4).map(Ok)
    }

    /// What a broken connection says. TLS has reasons that do not pass.
    fn said(&self, error: &io::Error) -> Trouble {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(reason) => untrusted(&self.name, reason).into(),
            None => broken(&self.name, error),
        }
    }

    /// What an answer says.
    pub(super) fn understood<T>(&self, read: Result<T, Garbled>) -> Result<T, Trouble> {
        read.map_err(|why| garbled(&self.name, why))
    }

    fn authenticate(&mut self, settings: &Settings) -> Result<(), Trouble> {
        let Some(user) = &settings.user else { return Ok(()) };
        let mut body = Writer::default();
        body.text(user.mechanism.name());
        let answer = self.call(Api::SaslHandshake, &body.0, Duration::ZERO)?;
        let mut parser = Parser(&answer);
        let read = parser.i16().and_then(|error| Ok((error, parser.array(|p| p.name().map(str::to_owned))?)));
        let (error, offered) = self.understood(read)?;
        if error != 0 {
            let what = format!("the broker {} does not take the mechanism {}", self.name, user.mechanism.name());
            return Err(Fault::new(Code::InvalidEnvironment, what).hint(format!("it takes {}", offered.join(", "))).into());
        }
        let refused = |broker: &str, why: &str| {
            let fault = Fault::new(Code::PermissionDenied, format!("the broker {broker} does not believe the user {}: {why}", user.name));
            fault.hint("check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM")
        };
        let said = sasl::authenticate(user, |message| {
            let mut body = Writer::default();
            body.bytes(message);
            let answer = self.call(Api::SaslAuthenticate, &body.0, Duration::ZERO)?;
            let mut parser = Parser(&answer);
            let (error, why) = self.understood(parser.i16().and_then(|error| Ok((error, parser.text()?.unwrap_or_default()))))?;
            if error != 0 {
                return Err(Trouble::Lasting(refused(&self.name, if why.is_empty() { "authentication failed" } else { why })));
            }
            self.understood(parser.bytes().map(<[u8]>::to_vec))
        })?;
        said.map_err(|why| refused(&self.name, &why).into())
    }
}

fn connected((host, port): &Address) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in (host.as_str(), *port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Agrees on keys before anything is sent, so that a broker which is not to be believed learns nothing.
fn shaken(mut client: ClientConnection, mut socket: TcpStream, name: &str) -> Result<StreamOwned<ClientConnection, TcpStream>, Trouble> {
    while client.is_handshaking() {
        if let Err(error) = client.complete_io(&mut socket) {
            return Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(reason) => untrusted(name, reason).into(),
                // What speaks no TLS hangs up on it.
                None => Trouble::Passing(format!("the broker {name}: TLS: {error}; does this port speak TLS?")),
            });
        }
    }
    Ok(StreamOwned::new(client, socket))
}

fn untrusted(name: &str, reason: &rustls::Error) -> Fault {
    let hint = match reason {
        rustls::Error::InvalidCertificate(_) => "KAFKA_SSL_CA_FILE names the authorities that are believed",
        rustls::Error::InvalidMessage(_) => "does this port speak TLS? if not, write `kafka://`",
        rustls::Error::AlertReceived(_) => "brokers may ask for a certificate: KAFKA_SSL_CERTIFICATE_FILE and KAFKA_SSL_KEY_FILE",
        _ => "the broker's log says more",
    };
    Fault::new(Code::Unreadable, format!("the broker {name}: TLS: {reason}")).hint(hint)
}
