//! What generated code calls: the logic of a call, generic over arguments and result, so that
//! the macros of `lcr-macros` generate none.
//!
//! | file | generated code |
//! |---|---|
//! | `values` | lowers, lifts and receives a value |
//! | `arguments` | bundles the arguments of a method or callback |
//! | `crossings` | the thunks of a method's signature, by which it is called and patched without its types |
//! | `crossing_tables` | lists these thunks for each interface |
//! | `patches` | makes layers of a method of an author's closures |
//! | `mocks` | is left out where there are no mocks (feature `mock`) |
//! | `patch_libraries` | makes C functions of layers, for libraries that hold a patch |
//! | `callbacks` | lends or gives a function, and calls a received one |
//! | `requests` | calls a method of a handle (the caller's side) |
//! | `services` | runs a method of an instance (the component's side), and finds its functions |
//! | `async_requests` | calls an async method of a handle: the caller's future |
//! | `async_services` | runs the future of an async method: the component's side |
//! | `stream_requests` | calls a method that returns a stream: the caller's stream (feature `stream`) |
//! | `stream_services` | drains the author's stream: the component's side (feature `stream`) |
//! | `fields` | asks the compiler about the fields of a type that derives `Abi` |
//!
//! Generated code names all of it through `lcr::__private`, which has no code of its own.
//!
//! Invariants
//! 1. Generated code lowers arguments before a callee is entered, because lowering may run the
//!    author's code (serde), which may panic. Those of an async call it lowers inside, with a guard that
//!    leaves: until then the caller's future keeps them, as the author's types.
//! 2. Each lowered argument is lifted exactly once, also if the call fails: by the component, by
//!    a default body, or by the caller, which drops it. A value that panics on its way (a
//!    `Serde` that cannot be decoded) leaks the arguments behind it, and nothing else.
//! 3. [`values::receive`] takes what comes out of another image's memory: an argument in the
//!    component, a result in the caller, and the other way round for a callback. So no type
//!    that holds a reference to live longer than the call gets through, however it is spelt.
//!    By [`values::lift`] a caller only takes back the arguments that it lowered itself.
//! 4. No safe function or trait here leads to undefined behaviour, whichever code names it: what
//!    vouches for functions, constructors or layouts is `unsafe`.

pub mod arguments;
pub mod async_requests;
pub mod async_services;
pub mod callbacks;
pub mod crossing_tables;
pub mod crossings;
pub mod fields;
pub(crate) mod lists;
pub mod mocks;
pub mod patch_libraries;
pub mod patches;
pub mod requests;
pub mod services;
#[cfg(feature = "stream")]
pub mod stream_requests;
#[cfg(feature = "stream")]
pub mod stream_services;
pub mod values;
