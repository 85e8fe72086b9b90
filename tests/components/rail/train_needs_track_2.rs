//! A train for the broad track, without state.

#[path = "parts/train.rs"]
#[macro_use]
mod train;

use lcr::Handle;
use lcr_tests::rail::{Narrow, broad::Track};

const GAUGE: u32 = 1520;

fn gauge(track: &Handle<dyn Track>) -> u32 {
    track.width()
}

fn lend(_: &Handle<dyn Track>) -> Option<Narrow> {
    None
}

train!("2.0.0");
