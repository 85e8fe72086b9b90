//! A train for the narrow track, with state, which pins the track whenever it looks at it.

#[path = "parts/train.rs"]
#[macro_use]
mod train;

use lcr::Handle;
use lcr_tests::rail::{Narrow, narrow::Track};

const GAUGE: u32 = 1000;

fn gauge(track: &Handle<dyn Track>) -> u32 {
    match Handle::pin(track) {
        Ok(track) => track.gauge(),
        Err(fault) => panic!("{fault}"),
    }
}

fn lend(track: &Handle<dyn Track>) -> Option<Narrow> {
    Some(track.clone())
}

train!("1.5.0", state);
