//! Large answers: some connections, each reading one answer to its end.

use std::sync::Barrier;
use std::time::Instant;

use crate::arguments::Arguments;
use crate::connection::Connection;

/// How much is read at once, in bytes.
const READ_BYTES: usize = 1024 * 1024;

pub fn run(arguments: &Arguments) -> Result<String, String> {
    let (host, path) = arguments.url()?;
    let headers = arguments.headers();
    let streams: usize = arguments.number("streams", 1)?;
    let ready = Barrier::new(streams + 1);
    let (bytes, seconds) = std::thread::scope(|scope| {
        let begun: Vec<_> = (0..streams)
            .map(|_| {
                scope.spawn(|| {
                    let connection = Connection::open(host, &headers, READ_BYTES);
                    ready.wait();
                    let mut connection = connection?;
                    connection.send(("GET", path), "", 0, [])?;
                    let (head, received) = connection.answer(false)?;
                    if head.status == 200 { Ok(received) } else { Err(format!("GET {path}: {}", head.status)) }
                })
            })
            .collect();
        ready.wait();
        let start = Instant::now();
        let mut bytes = 0;
        for stream in begun {
            bytes += stream.join().map_err(|_| "a stream panicked".to_owned())??;
        }
        Ok::<_, String>((bytes, start.elapsed().as_secs_f64()))
    })?;
    Ok(format!("{{\"bytes\": {bytes}, \"seconds\": {seconds:.6}}}"))
}
