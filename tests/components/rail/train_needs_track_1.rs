//! A train for the narrow track, without state.

#[path = "parts/train.rs"]
#[macro_use]
mod train;

use lcr::Handle;
use lcr_tests::rail::{Narrow, narrow::Track};

const GAUGE: u32 = 1000;

fn gauge(track: &Handle<dyn Track>) -> u32 {
    track.gauge()
}

fn lend(track: &Handle<dyn Track>) -> Option<Narrow> {
    Some(track.clone())
}

train!("1.0.0");
