//! The larder, version 3, whose calls under way end when it is replaced.

#[path = "shelf.rs"]
mod shelf;

use std::sync::atomic::Ordering;

use lcr_tests::{
    kitchen::give_way,
    larder::{Larder, Spoiled},
};
use shelf::{Shelf, larder};

larder!(3, "3.0.0", cancel);
