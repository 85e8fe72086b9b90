//! A key-value server whose command layer and storage engine are replaced while it serves.
//!
//! It speaks Redis's protocol. The host ([`server`]) knows sockets and framing only. A command layer
//! understands requests, and a storage engine keeps the map; both are components, in libraries of their
//! own under `components/`.
//!
//! - [`drive`]: the program is its own client too, replaces both again and again, offers
//!   candidates that must be refused, puts versions on trial that go bad ([`trials`]), and checks
//!   every acknowledged write. Then it starts itself as a server in a process of its own, kills,
//!   stops, deadlocks and aborts that server ([`survive`]), and checks again.
//! - [`serve`]: a server for `redis-cli`, `redis-benchmark` and other clients. `sam` keeps its listener and
//!   its journal of writes ([`keep`]), so both outlive the process.
//! - [`check`]: the checking client alone.
//! - [`sizes`]: how long a replacement holds callers, for states of several sizes.
//!
//! `#[sam::main]` makes the process a supervisor and runs `main` in a child of it. With
//! `SAM_DISABLE=1` there is no supervisor, no journal, and nothing is restarted.

mod args;
mod artifacts;
mod check;
mod drive;
mod fault_injection;
mod keep;
mod load;
mod replace;
mod report;
mod serve;
mod server;
mod setup;
mod sizes;
mod survive;
mod trials;

use std::{env, process::ExitCode};

use args::{Args, HELP, Mode};

// A hung instance has nothing to put in order, so the warning may kill it. An instance that ends
// with one of these codes has printed why, and the next one would end the same way.
#[sam::main(
    interval = "500ms",
    warn_signal = "SIGKILL",
    backoff = "50ms..1s",
    healthy_after = "1s",
    budget = "30/60s",
    fatal_exits(1, 2, 101)
)]
fn main() -> ExitCode {
    let args = match Args::parse(env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("live_kv: {error}");
            return ExitCode::from(2);
        }
    };
    // Only a server is started again. Another mode that was ended by force has failed.
    if sam::app().instance() > 1 && !matches!(args.mode, Mode::Serve(_)) {
        eprintln!("live_kv: the program was ended by force");
        return ExitCode::FAILURE;
    }
    let result = match &args.mode {
        Mode::Drive => drive::run(&args),
        Mode::Serve(address) => serve::run(&args, address),
        Mode::Check(address) => check::run(&args, address),
        Mode::Sizes(sizes) => sizes::run(&args, sizes),
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
