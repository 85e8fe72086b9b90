//! Replace a component of a running native program: without stopping it, without losing
//! its state, and without betting the process on the new version.
//!
//! A *component* is a crate that implements *interfaces*, which are traits. It is linked
//! into the program or loaded from a library, from one source. Callers hold *handles*,
//! which implement the trait and go on working when what serves them is replaced.
//!
//! # Writing a component
//!
//! An interface is a trait with a name and a version. It belongs in a crate that both
//! sides use.
//!
//! ```
//! #[lcr::interface(name = "kv.store", version = 1)]
//! pub trait Store {
//!     fn get(&self, key: &str) -> Option<Vec<u8>>;
//!     fn put(&self, key: &str, value: &[u8]);
//!     fn len(&self) -> u64 {
//!         0 // a default body serves handles on components that lack the method
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A component implements it. An instance is shared between threads, so methods take
//! `&self`; use a lock or atomics inside.
//!
//! ```
//! # #[lcr::interface(name = "kv.store", version = 1)]
//! # pub trait Store {
//! #     fn get(&self, key: &str) -> Option<Vec<u8>>;
//! #     fn put(&self, key: &str, value: &[u8]);
//! # }
//! use std::{collections::HashMap, sync::Mutex};
//!
//! #[derive(Default)]
//! pub struct HashStore {
//!     entries: Mutex<HashMap<String, Vec<u8>>>,
//! }
//!
//! #[lcr::component(state)]
//! impl Store for HashStore {
//!     fn get(&self, key: &str) -> Option<Vec<u8>> {
//!         self.entries.lock().unwrap().get(key).cloned()
//!     }
//!     fn put(&self, key: &str, value: &[u8]) {
//!         self.entries.lock().unwrap().insert(key.to_owned(), value.to_owned());
//!     }
//! }
//!
//! // What `state` asks for: how the next version takes over.
//! impl lcr::Stateful for HashStore {
//!     type State = HashMap<String, Vec<u8>>;
//!
//!     fn save(&self) -> Result<Self::State, lcr::BoxError> {
//!         Ok(self.entries.lock().unwrap().clone())
//!     }
//!     fn restore(state: Self::State, _: &lcr::Context) -> Result<HashStore, lcr::BoxError> {
//!         Ok(HashStore { entries: Mutex::new(state) })
//!     }
//! }
//!
//! // In the program. This one has the component linked in; a library would be added
//! // with `rt.load("libstore.so")?`.
//! let rt = lcr::Runtime::new()?;
//! let store = rt.service::<dyn Store>()?;
//! store.put("a", b"1");
//! assert_eq!(store.get("a"), Some(b"1".to_vec()));
//! # Ok::<(), lcr::Error>(())
//! ```
//!
//! A component in a crate of its own is linked in only if the program names that crate. If
//! nothing else does, write `use kv_store as _;`: the compiler leaves out crates that nobody
//! uses, and the runtime then says that nothing provides the interface.
//!
//! To make it a library, give its crate `crate-type = ["cdylib", "rlib"]` and depend on
//! `lcr` with `default-features = false`: a component needs neither the runtime nor what
//! the runtime depends on. There is nothing else to write: no entry point, no build
//! script. Then `rt.replace("libstore_v2.so")?` puts the next version in place.
//!
//! A loaded component has a copy of the standard library of its own, and with it a buffer
//! of its own for standard output, which keeps what was printed behind the last line's end.
//! The runtime writes that buffer when the process ends, and when the runtime does, as Rust does
//! for a linked component. What a component with `unload` printed so is lost when it is replaced
//! and its library unmapped; and where its place between the output of others matters, end
//! the line (`println!`) or flush it. As in any Rust program, it is lost where
//! the process ends by a signal, an abort or `_exit`, and where a thread holds
//! `std::io::stdout().lock()` at that moment; the end of the process waits up to 200 ms for such a
//! thread, and up to 1 s for several.
//!
//! A library that a component needs may lie beside it, where its run path says so
//! (`-Wl,-rpath,$ORIGIN`): it comes with the component, after the same checks, and each version of
//! the component has one of its own, though the names be the same. What the program itself is
//! linked to is the program's, for components, too. A component with such libraries stays mapped,
//! whatever it says of `unload`.
//!
//! # What may cross
//!
//! Arguments and results are [`Abi`] values: integers, floats, `bool`, `char`, `()`,
//! `&str`, `&Path`, `&OsStr`, `String`, `&[T]` and `&mut [T]` of plain data, `Vec<T>`, arrays, `Option`,
//! `Result`, `Box<T>`, tuples of up to 8, `Duration`, structs and enums with
//! [`#[derive(Abi)]`](derive@Abi), [`Bytes`] (never copied), [`Handle`]s, callbacks
//! (`&dyn Fn(..)`, `Box<dyn Fn(..) + Send>`), and any serde type as [`Serde<T>`]. They
//! cross in `#[repr(C)]` form, so the two sides may come from different compilers.
//! What cannot cross is refused when the trait is compiled, with what to do instead.
//!
//! # What is compared
//!
//! Each method's signature is described field by field in the library's manifest, which
//! is read from the file before any of its code runs. Methods are linked by name and
//! signature: a new version may have more methods, and may lack those with a default
//! body; any other difference is refused with a line that names it. `replaces(1)` lets
//! implementations of version 2 serve handles of version 1.
//!
//! # What a replacement does
//!
//! [`Runtime::plan`] collects what one transaction changes; [`PlanBuilder::commit`]
//! executes it. Libraries are staged and checked, then loaded; successors are
//! constructed; callers of components with state are held at a gate while it moves; then
//! one store makes all of it visible, and the old instances are destroyed when the last
//! call has left them. Any error before that store leaves the old version serving.
//!
//! | if | then |
//! |---|---|
//! | a component panics in a method | the caller gets a [`Fault`]: an `Err` if the method's error is `From<lcr::Fault>`, else a panic of its own |
//! | a constructor, `save`, `restore` fails, panics or hangs | the transaction fails, the old version serves on |
//! | a call does not leave in time | `Deadline`, which names thread, method and age |
//! | a request must not see two versions | hold a world: [`Runtime::pin`], or one handle: [`Handle::pin`] |
//!
//! What that means for a program on tokio or another executor is on the page [`guide::with_tokio`].
//!
//! # Soundness
//!
//! A program without `unsafe`, with components of any version in any order of events, has no
//! undefined behaviour. Why, what remains an author's word, and which tests would fail if it were
//! wrong, is on the page [`guide::soundness`].
//!
//! # Threads, signals, forks
//!
//! Handles are `Send` and `Sync`. A call takes no lock and no atomic read-modify-write.
//! Calls are not async-signal-safe. After `fork` the child may go on calling and
//! changing; a runtime whose transaction was cut off by the fork refuses further ones
//! there. (`std::thread` is another matter: a child that starts one may hang, if a thread of
//! its parent began or ended just then.) Linux on x86-64 and aarch64.
//!
//! # Features
//!
//! `host` (default): the runtime. A component turns it off.

extern crate alloc;

// The macros name `::lcr`, also inside this crate.
extern crate self as lcr;

#[cfg_attr(not(feature = "host"), allow(dead_code, reason = "some of it only the host uses"))]
mod abi;
#[cfg(feature = "host")]
mod change;
mod component;
#[cfg_attr(not(feature = "host"), allow(dead_code, reason = "some of it only the host uses"))]
mod error;
#[cfg(feature = "host")]
pub mod guide;
#[cfg(feature = "host")]
mod host;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
#[path = "fuzzing.rs"]
pub mod __fuzzing;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use abi::{
    bytes::Bytes,
    fault::FaultKind,
    interface::Interface,
    shape::Kind,
    value::{Abi, Plain},
};
pub use component::{
    context::Context,
    fault::{Fault, Origin},
    handle::Handle,
    pinned::Pinned,
    serde::Serde,
    stateful::{BoxError, RawState, Stateful},
    wire,
};
pub use error::{Error, ErrorKind, Result, Straggler};
pub use lcr_macros::{Abi, component, interface};

#[cfg(feature = "host")]
pub use change::{
    load::Loaded,
    plan::{Plan, PlanBuilder},
    report::{MemberReport, Report},
};
#[cfg(feature = "host")]
pub use host::{
    image::manifest::{DependencyManifest, ExportManifest, InterfaceManifest, Manifest, MethodManifest},
    image::shape::{Difference, Part, Shape},
    image::stage::Trust,
    runtime::{ComponentStatus, Runtime, RuntimeBuilder, Status},
    service::pins::Pin,
};
