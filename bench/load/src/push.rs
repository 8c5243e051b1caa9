//! Pushes: one large blob, or many small images.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use crate::arguments::Arguments;
use crate::connection::Connection;

/// How much is sent at once, in bytes.
const SEND_BYTES: usize = 1024 * 1024;
/// Room for the head of an answer.
const ANSWER_BYTES: usize = 64 * 1024;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Pushes a blob by POST, PATCH and PUT.
pub fn blob(arguments: &Arguments) -> Result<String, String> {
    let (host, _) = arguments.url()?;
    let (name, digest) = (arguments.text("name")?, arguments.text("digest")?);
    let repeat: usize = arguments.number("repeat", 1)?;
    let block = std::fs::read(arguments.text("block")?).map_err(|error| error.to_string())?;
    let mut first = block.clone();
    let nonce = arguments.text("nonce")?.as_bytes();
    first.get_mut(..nonce.len()).ok_or("the nonce is longer than the block")?.copy_from_slice(nonce);
    let mut connection = Connection::open(host, &arguments.headers(), ANSWER_BYTES)?;

    let start = Instant::now();
    let location = begin(&mut connection, name)?;
    let pieces = (0..repeat).flat_map(|number| (if number == 0 { &first } else { &block }).chunks(SEND_BYTES));
    let length = (block.len() * repeat) as u64;
    connection.send(("PATCH", &location), "Content-Type: application/octet-stream\r\n", length, pieces)?;
    let (head, _) = connection.answer(false)?;
    let location = head.location.filter(|_| head.status == 202).ok_or_else(|| format!("PATCH: {}", head.status))?;
    connection.call("PUT", &with_digest(&location, digest), "", b"", 201)?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(format!("{{\"bytes\": {length}, \"seconds\": {seconds:.6}}}"))
}

/// Pushes images, each of its own name, by several workers, as containerd does: HEAD, POST and PUT for
/// each blob, then the manifest.
pub fn images(arguments: &Arguments) -> Result<String, String> {
    let (host, _) = arguments.url()?;
    let (prefix, headers) = (arguments.text("name")?, arguments.headers());
    let count: usize = arguments.number("images", 200)?;
    let layers: usize = arguments.number("layers", 3)?;
    let layer_bytes: usize = arguments.number("layer-bytes", 100 * 1024)?;
    let workers: usize = arguments.number("workers", 8)?;
    let images: Vec<Image> = (0..count).map(|number| Image::new(prefix, number, layers, layer_bytes)).collect();
    let next = AtomicUsize::new(0);

    let start = Instant::now();
    std::thread::scope(|scope| {
        let work = || {
            let mut connection = Connection::open(host, &headers, ANSWER_BYTES)?;
            while let Some(image) = images.get(next.fetch_add(1, Ordering::Relaxed)) {
                image.push(&mut connection)?;
            }
            Ok::<(), String>(())
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker panicked".to_owned())?)
    })?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(format!(
        "{{\"images\": {count}, \"seconds\": {seconds:.6}, \"per_second\": {:.1}}}",
        count as f64 / seconds
    ))
}

struct Image {
    name: String,
    blobs: Vec<(String, Vec<u8>)>,
    manifest: String,
}

impl Image {
    fn new(prefix: &str, number: usize, layers: usize, layer_bytes: usize) -> Self {
        let name = format!("{prefix}-{number}");
        let mut blobs: Vec<_> = (0..layers).map(|layer| noise(&format!("{name}/{layer}"), layer_bytes)).collect();
        blobs.push(format!("{{\"os\":\"linux\",\"architecture\":\"amd64\",\"author\":\"{name}\"}}").into_bytes());
        let blobs: Vec<(String, Vec<u8>)> = blobs.into_iter().map(|bytes| (digest(&bytes), bytes)).collect();
        let described = |kind: &str, (digest, bytes): &(String, Vec<u8>)| {
            let size = bytes.len();
            format!("{{\"mediaType\":\"application/vnd.oci.image.{kind}\",\"digest\":\"{digest}\",\"size\":{size}}}")
        };
        let listed: Vec<String> = blobs[..layers].iter().map(|blob| described("layer.v1.tar", blob)).collect();
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"config\":{},\"layers\":[{}]}}",
            described("config.v1+json", &blobs[layers]),
            listed.join(",")
        );
        Self { name, blobs, manifest }
    }

    fn push(&self, connection: &mut Connection) -> Result<(), String> {
        for (digest, bytes) in &self.blobs {
            connection.call("HEAD", &format!("/v2/{}/blobs/{digest}", self.name), "", b"", 404)?;
            let location = begin(connection, &self.name)?;
            let kind = "Content-Type: application/octet-stream\r\n";
            connection.call("PUT", &with_digest(&location, digest), kind, bytes, 201)?;
        }
        let path = format!("/v2/{}/manifests/v1", self.name);
        connection.call("PUT", &path, &format!("Content-Type: {MANIFEST}\r\n"), self.manifest.as_bytes(), 201)?;
        Ok(())
    }
}

fn begin(connection: &mut Connection, name: &str) -> Result<String, String> {
    let head = connection.call("POST", &format!("/v2/{name}/blobs/uploads/"), "", b"", 202)?;
    head.location.ok_or_else(|| "an upload without a location".to_owned())
}

fn with_digest(location: &str, digest: &str) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}

/// Bytes that nobody can compress, the same for the same name.
fn noise(name: &str, length: usize) -> Vec<u8> {
    let mut state = Sha256::digest(name.as_bytes())[..8].iter().fold(1_u64, |state, byte| state << 8 | u64::from(*byte)) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // Xorshift: any sequence without repetition will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
