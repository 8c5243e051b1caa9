//! A blocking HTTP/1.1 connection that is kept open.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// The largest head of an answer, in bytes.
const HEAD_MAX_BYTES: usize = 16 * 1024;

/// The head of an answer.
pub struct Head {
    pub status: u16,
    pub length: u64,
    /// Whether the length is told by the body itself.
    pub is_chunked: bool,
    /// Path, without scheme and host.
    pub location: Option<String>,
}

impl Head {
    /// Reads a head at the start of `bytes`; `None` where its end has not arrived yet. Also tells how
    /// long it is.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, String> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&bytes[..end]).map_err(|error| error.to_string())?;
        let status = text.get(9..12).and_then(|status| status.parse().ok()).ok_or("not an answer")?;
        let mut head = Self { status, length: 0, is_chunked: false, location: None };
        for line in text.split("\r\n").skip(1) {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                head.length = value.trim().parse().map_err(|_| "a bad length")?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                head.is_chunked = true;
            } else if name.eq_ignore_ascii_case("location") {
                let value = value.trim();
                let path = value.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
                head.location = Some(path.unwrap_or(value).to_owned());
            }
        }
        Ok(Some((head, end + 4)))
    }
}

/// A connection, and what goes into every request on it.
pub struct Connection {
    stream: TcpStream,
    host: String,
    headers: String,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(host: &str, headers: &str, buffer_bytes: usize) -> Result<Self, String> {
        let stream = TcpStream::connect(host).map_err(|error| format!("{host}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let buffer = vec![0; buffer_bytes.max(HEAD_MAX_BYTES)];
        Ok(Self { stream, host: host.to_owned(), headers: headers.to_owned(), buffer })
    }

    /// Sends a request whose body comes in pieces.
    pub fn send<'a>(
        &mut self,
        (method, path): (&str, &str),
        extra: &str,
        length: u64,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), String> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{}{extra}Content-Length: {length}\r\n\r\n",
            self.host, self.headers
        );
        self.stream.write_all(head.as_bytes()).map_err(|error| error.to_string())?;
        for piece in pieces {
            self.stream.write_all(piece).map_err(|error| format!("{method} {path}: {error}"))?;
        }
        Ok(())
    }

    /// Reads an answer whose body is thrown away; tells how long that was.
    pub fn answer(&mut self, is_head: bool) -> Result<(Head, u64), String> {
        let mut filled = 0;
        let (head, mut received) = loop {
            let count = self.stream.read(&mut self.buffer[filled..]).map_err(|error| error.to_string())?;
            if count == 0 {
                return Err("the connection was closed before the answer".to_owned());
            }
            filled += count;
            if let Some((head, end)) = Head::parse(&self.buffer[..filled])? {
                break (head, (filled - end) as u64);
            }
        };
        if head.is_chunked {
            return Err("an answer in chunks is not expected here".to_owned());
        }
        let wanted = if is_head { 0 } else { head.length };
        while received < wanted {
            let count = self.stream.read(&mut self.buffer).map_err(|error| error.to_string())?;
            if count == 0 {
                return Err(format!("{received} of {wanted} bytes arrived"));
            }
            received += count as u64;
        }
        Ok((head, received))
    }

    /// Sends a small request and reads its answer, which must have a given status.
    pub fn call(&mut self, method: &str, path: &str, extra: &str, body: &[u8], want: u16) -> Result<Head, String> {
        self.send((method, path), extra, body.len() as u64, [body])?;
        let (head, _) = self.answer(method == "HEAD")?;
        if head.status != want {
            return Err(format!("{method} {path}: {} instead of {want}", head.status));
        }
        Ok(head)
    }
}
