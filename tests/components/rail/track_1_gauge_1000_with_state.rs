//! A narrow track with state.

#[path = "parts/track.rs"]
#[macro_use]
mod track;

use track::Rails;

narrow!(, state);
