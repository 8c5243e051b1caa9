//! The `portolan` binary.

fn main() -> std::process::ExitCode {
    portolan::cli::run(std::env::args_os()).into()
}
