//! The brook, version 2, without state.

#[path = "bed.rs"]
mod bed;

use bed::{Bed, brook};
use lcr::{Serde, Stream};
use lcr_tests::brook::{Brook, Dry, Leaf};

brook!(2, "2.0.0");
