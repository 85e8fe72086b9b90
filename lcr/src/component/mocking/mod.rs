//! Mocks: objects that implement an interface as a test says, and check that they were used so.
//!
//! A mock needs no host and shares nothing with another mock, so tests run in parallel. [`Mock`] is the test's end: it
//! takes expectations, and checks them when it is dropped, on the test's own thread. [`Object`] is the end that
//! implements the interface; it may go anywhere, and be dropped on any thread. The two are apart for these reasons, and
//! because a function of the mock's own would shadow a method of the interface that has its name.
//!
//! `#[lcr::interface(.., mocks)]` generates, for each method, a type that stands for its signature ([`Mocked`]) and the
//! body that asks for an answer ([`Object::called`]). All logic is here:
//!
//! | file | holds |
//! |---|---|
//! | `ends` | the two ends |
//! | `script` | what they share: the expectations that were written, and the unexpected calls |
//! | `asking` | which expectation a call meets |
//! | `expectation` | an expectation while it is written, and as it is kept |
//! | `live` | a mock around the methods of a component that runs |
//! | `quota` | how often a call is expected, and the order of several |
//! | `method` | a method as a type |
//! | `takes` | predicates and answers, which are closures of the method's own types |
//! | `shown` | arguments as text |
//! | `streams` | the items of a method that returns a stream (feature `stream`) |
//!
//! Rules
//! 1. A call takes the first expectation, in the order in which they were written, that fits its arguments, has calls
//!    left, and is in order. A call without one is unexpected: it panics, and the mock's drop reports it once more,
//!    since a component may have contained the panic.
//! 2. Closures of the test run under no lock of the mock: they may call the mock, and write expectations.
//! 3. Taking a call from a quota is one step, so that two threads never share the last one.
//! 4. A mock that is dropped while its thread panics stays silent: the first failure is the one to read.

mod asking;
mod ends;
mod expectation;
mod live;
mod method;
mod quota;
mod script;
mod shown;
#[cfg(feature = "stream")]
mod streams;
mod takes;
#[cfg(all(test, not(loom)))]
pub(crate) mod tests;

pub use ends::{Mock, Mockable, Object, mock};
pub use expectation::{Chosen, Expect, Expecting};
pub use live::{LiveScript, MockedLive};
pub use method::{Closures, Mocked, Takes};
pub use quota::{Order, Times};
pub use shown::{Show, ShowAsDebug, ShowAsType};
#[cfg(feature = "stream")]
pub use streams::Items;
pub use takes::{
    Matches, Takes0, Takes1, Takes2, Takes3, Takes4, Takes5, Takes6, Takes7, Takes8, Takes9, Takes10, Takes11, Takes12,
};
