//! Values that cross an image border and need std or serde. [`abi::value`](crate::abi::value) has
//! all others, and says how to add one.

mod bytes;
mod path;
pub mod serde;
