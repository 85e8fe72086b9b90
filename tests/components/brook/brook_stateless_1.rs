//! The brook, version 1, without state.

#[path = "bed.rs"]
mod bed;

use bed::{Bed, brook};
use lcr::{Serde, Stream};
use lcr_tests::brook::{Brook, Dry, Leaf};

brook!(1, "1.0.0");
