//! One small request again and again on many connections: requests per second and latencies.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::ToSocketAddrs as _;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::arguments::Arguments;
use crate::connection::Head;

/// Room for an answer's head and what comes of its body in one read.
const READ_BYTES: usize = 64 * 1024;

pub fn run(arguments: &Arguments) -> Result<String, String> {
    let (host, path) = arguments.url()?;
    let method = arguments.text("method").unwrap_or("GET");
    let connections: usize = arguments.number("connections", 32)?;
    let threads = arguments.number("threads", 2)?.min(connections);
    let warm = Duration::from_secs_f64(arguments.number("warm", 0.3)?);
    let time = Duration::from_secs_f64(arguments.number("seconds", 3.0)?);
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{}\r\n", arguments.headers());
    let flood = Flood { host, request: request.as_bytes(), is_head: method == "HEAD", warm, time };
    let ready = Barrier::new(threads);
    let mut latencies = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|number| {
                let share = connections / threads + usize::from(number < connections % threads);
                let (flood, ready) = (&flood, &ready);
                scope.spawn(move || {
                    let worker = Worker::connect(flood, share);
                    ready.wait();
                    worker?.run()
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.append(&mut worker.join().map_err(|_| "a worker panicked".to_owned())??);
        }
        Ok::<Vec<u32>, String>(all)
    })?;
    latencies.sort_unstable();
    let at = |part: f64| {
        let place = ((latencies.len() as f64 * part) as usize).min(latencies.len().saturating_sub(1));
        latencies.get(place).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    };
    Ok(format!(
        "{{\"requests\": {}, \"per_second\": {:.1}, \"p50_ms\": {:.3}, \"p99_ms\": {:.3}, \"max_ms\": {:.3}}}",
        latencies.len(),
        latencies.len() as f64 / time.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0)
    ))
}

struct Flood<'a> {
    host: &'a str,
    request: &'a [u8],
    is_head: bool,
    warm: Duration,
    time: Duration,
}

/// What a connection waits for.
struct Client {
    stream: TcpStream,
    sent: Instant,
    /// Bytes of a head that is not whole yet.
    partial: Vec<u8>,
    /// What is still to come of the body; `None` before the head.
    rest: Option<Rest>,
}

/// The end of a body in chunks.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What is still to come of a body.
#[derive(Clone, Copy)]
enum Rest {
    Bytes(u64),
    /// Until the last chunk.
    Chunks,
}

impl Rest {
    /// What is still to come after these bytes.
    fn after(self, bytes: &[u8]) -> Self {
        match self {
            Self::Bytes(rest) => Self::Bytes(rest.saturating_sub(bytes.len() as u64)),
            // Answers here are small: the last chunk comes in one piece with what is before it.
            Self::Chunks if bytes.ends_with(LAST_CHUNK) => Self::Bytes(0),
            Self::Chunks => Self::Chunks,
        }
    }
}

struct Worker<'a> {
    flood: &'a Flood<'a>,
    poll: Poll,
    clients: Vec<Client>,
    buffer: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn connect(flood: &'a Flood<'a>, share: usize) -> Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        let address = flood.host.to_socket_addrs().map_err(text)?.next().ok_or("no such host")?;
        let poll = Poll::new().map_err(text)?;
        let mut clients = Vec::with_capacity(share);
        for number in 0..share {
            let stream = std::net::TcpStream::connect(address).map_err(text)?;
            stream.set_nodelay(true).map_err(text)?;
            stream.set_nonblocking(true).map_err(text)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE).map_err(text)?;
            clients.push(Client { stream, sent: Instant::now(), partial: Vec::new(), rest: None });
        }
        Ok(Self { flood, poll, clients, buffer: vec![0; READ_BYTES] })
    }

    /// Runs for the time that was asked for; gives the latencies in microseconds.
    fn run(mut self) -> Result<Vec<u32>, String> {
        let counted_from = Instant::now() + self.flood.warm;
        let end = counted_from + self.flood.time;
        let mut latencies = Vec::with_capacity(1 << 18);
        let mut events = Events::with_capacity(256);
        for client in &mut self.clients {
            client.send(self.flood.request)?;
        }
        loop {
            self.poll.poll(&mut events, Some(Duration::from_secs(10))).map_err(|error| error.to_string())?;
            if events.is_empty() {
                return Err("no answer for ten seconds".to_owned());
            }
            for event in &events {
                let client = &mut self.clients[event.token().0];
                if client.receive(&mut self.buffer, self.flood.is_head)? {
                    let now = Instant::now();
                    if now >= end {
                        return Ok(latencies);
                    }
                    if now >= counted_from {
                        latencies.push((now - client.sent).as_micros() as u32);
                    }
                    client.send(self.flood.request)?;
                }
            }
        }
    }
}

impl Client {
    fn send(&mut self, request: &[u8]) -> Result<(), String> {
        self.sent = Instant::now();
        // The socket is empty: nothing else was sent since the last answer.
        self.stream.write_all(request).map_err(|error| error.to_string())
    }

    /// Takes what has arrived; whether the answer is whole.
    fn receive(&mut self, buffer: &mut [u8], is_head: bool) -> Result<bool, String> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Err("the connection was closed".to_owned()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.to_string()),
            };
            let rest = match self.rest {
                Some(rest) => rest.after(&buffer[..count]),
                None => {
                    let bytes = if self.partial.is_empty() {
                        &buffer[..count]
                    } else {
                        self.partial.extend_from_slice(&buffer[..count]);
                        &self.partial
                    };
                    let Some((head, end)) = Head::parse(bytes)? else {
                        if self.partial.is_empty() {
                            self.partial.extend_from_slice(&buffer[..count]);
                        }
                        continue;
                    };
                    if !(200..300).contains(&head.status) {
                        return Err(format!("the answer is {}", head.status));
                    }
                    let rest = match (is_head, head.is_chunked) {
                        (true, _) => Rest::Bytes(0),
                        (false, true) => Rest::Chunks.after(&bytes[end..]),
                        (false, false) => Rest::Bytes(head.length).after(&bytes[end..]),
                    };
                    self.partial.clear();
                    rest
                }
            };
            if let Rest::Bytes(0) = rest {
                self.rest = None;
                return Ok(true);
            }
            self.rest = Some(rest);
        }
    }
}
