//! The brook, version 3, whose streams under way end when it is replaced.

#[path = "bed.rs"]
mod bed;

use bed::{Bed, brook};
use lcr::{Serde, Stream};
use lcr_tests::brook::{Brook, Dry, Leaf};

brook!(3, "3.0.0", state, cancel);
