//! A broad track that narrow trains run on, too.

#[path = "parts/track.rs"]
#[macro_use]
mod track;

use track::Rails;

broad!(, replaces(1));
