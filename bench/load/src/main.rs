//! The load generator of the benchmark: small, so that the server gets most of the shared machine.
//!
//! ```text
//! load flood  --url URL [--method HEAD] [--header 'A: b']… [--connections 32] [--threads 2] [--seconds 3] [--warm 0.3]
//! load stream --url URL [--header …] [--streams 1]
//! load blob   --url http://HOST:PORT --name IMAGE --block FILE --repeat 16 --nonce TEXT --digest sha256:… [--header …]
//! load images --url http://HOST:PORT --name PREFIX [--images 200] [--layers 3] [--layer-bytes 102400] [--workers 8] [--header …]
//! ```
//!
//! Each prints one JSON object. `blob` sends the block `repeat` times, its first bytes replaced by the
//! nonce the first time.

mod arguments;
mod connection;
mod flood;
mod push;
mod stream;

use std::process::ExitCode;

use arguments::Arguments;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let result = Arguments::read(words).and_then(|arguments| match command.as_str() {
        "flood" => flood::run(&arguments),
        "stream" => stream::run(&arguments),
        "blob" => push::blob(&arguments),
        "images" => push::images(&arguments),
        _ => Err("the first word is `flood`, `stream`, `blob` or `images`".to_owned()),
    });
    match result {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}
