//! A key-value server whose command layer and storage engine are replaced while it serves.
//!
//! It speaks Redis's protocol. The host ([`server`]) knows sockets and framing only; what
//! a request means is the business of a command layer, and what it works on that of a
//! storage engine, both components in libraries of their own under `components/`.
//!
//! - [`drive`]: the program is its own client too, replaces both again and again, offers
//!   candidates that must be refused, and checks every acknowledged write.
//! - [`serve`]: for `redis-cli`, `redis-benchmark` and others.
//! - [`check`]: the checking client alone.

mod args;
mod artifacts;
mod check;
mod drive;
mod load;
mod replace;
mod report;
mod serve;
mod server;
mod site;

use std::{env, process::ExitCode};

use args::{Args, HELP, Mode};

fn main() -> ExitCode {
    let args = match Args::parse(env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("live_kv: {error}");
            return ExitCode::from(2);
        }
    };
    let result = match &args.mode {
        Mode::Drive => drive::run(&args),
        Mode::Serve(address) => serve::run(&args, address),
        Mode::Check(address) => check::run(&args, address),
        Mode::Help => {
            print!("{HELP}");
            Ok(true)
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("live_kv: {error}");
            ExitCode::FAILURE
        }
    }
}
