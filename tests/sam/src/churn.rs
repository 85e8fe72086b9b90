//! The words of the page that the program `churn` shares with its test.

/// When the newest instance began.
pub const BORN: usize = 0;
/// The version of the stored data that was acknowledged.
pub const ACKNOWLEDGED: usize = 1;
/// How many descriptors an instance begins with.
pub const DESCRIPTORS: usize = 2;
/// The process that the instance forked, if it did.
pub const CHILD: usize = 3;
/// How often an instance has stored and kept.
pub const ROUNDS: usize = 4;
/// Whether the instance is to hold still.
pub const HOLD: usize = 5;
/// Which instance holds still, by when it began.
pub const HELD: usize = 6;
/// The versions of the descriptors that were acknowledged, one word for each name.
pub const KEPT: usize = 8;
/// How many names there are.
pub const NAMES: usize = 4;
