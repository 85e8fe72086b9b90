//! Values that cross an image border and need std, serde, another crate or the derive.
//! [`abi::value`](crate::abi::value) has all others, and says how to add one.
//!
//! | file | types |
//! |---|---|
//! | `form` | how a type crosses in the form of another value |
//! | `collections` | maps, sets, `VecDeque`; `elements` has the buffer of what is on its way |
//! | `cow` | `Cow` of what crosses both lent and owned |
//! | `path` | `&Path`, `&OsStr`, `PathBuf`, `OsString` |
//! | `time` | `SystemTime` |
//! | `number` | `NonZero`, `Ordering` |
//! | `range` | `Range` and its relatives, `Bound` |
//! | `net` | `IpAddr`, `SocketAddr` and their variants |
//! | `io_error` | `std::io::Error` |
//! | `bytes` | `lcr::Bytes` with an owner of the author's |
//! | `uuid`, `shared_bytes` | `uuid::Uuid`, `bytes::Bytes`, behind features |
//! | [`serde`] | `lcr::Serde<T>` |

mod bytes;
mod collections;
mod cow;
mod elements;
pub(crate) mod form;
mod io_error;
mod net;
mod number;
mod path;
mod range;
pub mod serde;
#[cfg(feature = "bytes")]
mod shared_bytes;
#[cfg(all(test, not(loom)))]
mod tests;
mod time;
#[cfg(feature = "uuid")]
mod uuid;
