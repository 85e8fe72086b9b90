//! A broad track without state.

#[path = "parts/track.rs"]
#[macro_use]
mod track;

use track::Rails;

broad!();
