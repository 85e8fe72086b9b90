//! The two ends of a mock: the test's, and the one that implements the interface.

use std::{fmt, marker::PhantomData, sync::Arc, thread};

use super::{
    asking::called,
    expectation::{Chosen, Expect},
    method::{Closures, Mocked},
    script::Script,
};
use crate::abi::interface::Interface;

/// A mock of an interface: `lcr::mock::<dyn Journal>()`.
///
/// ```
/// # #[cfg(feature = "mock")] {
/// #[lcr::interface(name = "journal", version = 1, mocks)]
/// pub trait Journal {
///     fn append(&self, line: &str) -> Result<u64, String>;
///     fn sync(&self);
/// }
///
/// /// What is tested. It takes a handle in production: `context.dependency::<dyn Journal>()`.
/// fn save(journal: &impl Journal, lines: &[&str]) -> Result<u64, String> {
///     let mut last = 0;
///     for line in lines {
///         last = journal.append(line)?;
///     }
///     journal.sync();
///     Ok(last)
/// }
///
/// let journal = lcr::mock::<dyn Journal>();
/// let order = lcr::mock::Order::new();
/// journal.expect().append().with("a").returns(Ok(1)).in_order(&order);
/// journal.expect().append().when(|line| line.len() > 1).then(|line| Ok(line.len() as u64)).in_order(&order);
/// journal.expect().sync().times(1).in_order(&order);
/// assert_eq!(save(&journal.object(), &["a", "bc"]), Ok(2));
/// # }
/// ```
///
/// The interface is declared with `mocks`, and the tests have the feature `mock` of `lcr`. Without the feature nothing
/// of it is compiled.
///
/// Dropping the mock checks what it expects. [`Object`]s that live longer still answer; nobody checks what they are
/// asked.
#[must_use = "a mock checks its expectations when it is dropped"]
pub struct Mock<I: ?Sized + Mockable> {
    pub(super) script: Arc<Script>,
    interface: PhantomData<fn(&I)>,
}

/// What implements the interface `I` as a [`Mock`] says. Its clones are one object.
///
/// A component takes it as any other implementation: as an `Arc<dyn Trait>`, as a dependency of a
/// [`testing::Context`](crate::testing::Context::mock), or as an object that a runtime
/// [provides](crate::Runtime::provide).
pub struct Object<I: ?Sized> {
    script: Arc<Script>,
    interface: PhantomData<fn(&I)>,
}

/// An interface of which there are mocks: `dyn Trait` of an `#[lcr::interface(.., mocks)]`.
#[diagnostic::on_unimplemented(
    message = "there are no mocks of `{Self}`",
    label = "not an interface with `mocks`",
    note = "write `#[lcr::interface(name = \"...\", version = 1, mocks)]` on the trait, and name it as `dyn Trait`"
)]
pub trait Mockable: Interface {
    /// Has a function for each method, of the method's name, that begins an expectation of calls of it.
    type Expect<'m>;

    /// Makes it.
    fn expect(script: Expect<'_>) -> Self::Expect<'_>;
}

/// A mock of the interface `I`, which expects nothing yet. See [`Mock`].
pub fn mock<I: ?Sized + Mockable>() -> Mock<I> {
    Mock { script: Arc::new(Script::new::<I>()), interface: PhantomData }
}

impl<I: ?Sized + Mockable> Mock<I> {
    /// Begins an expectation: `mock.expect().append().with("a").returns(Ok(1))`. It counts from the end of the
    /// statement. Default: at least one call, with any arguments.
    pub fn expect(&self) -> I::Expect<'_> {
        I::expect(Expect::new(&self.script))
    }

    /// What implements the interface.
    pub fn object(&self) -> Object<I> {
        Object { script: Arc::clone(&self.script), interface: PhantomData }
    }

    /// Checks what the mock expects, as its drop does, and forgets it: for a test in several parts.
    ///
    /// # Panics
    /// If a call is missing, or was unexpected.
    #[track_caller]
    pub fn checkpoint(&self) {
        if let Some(text) = self.script.conclude() {
            panic!("{text}");
        }
    }
}

/// Panics if a call is missing or was unexpected, unless the thread panics already.
impl<I: ?Sized + Mockable> Drop for Mock<I> {
    fn drop(&mut self) {
        let text = self.script.conclude();
        if let Some(text) = text.filter(|_| !thread::panicking()) {
            panic!("{text}");
        }
    }
}

impl<I: ?Sized + Mockable> fmt::Debug for Mock<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mock<{}>", I::NAME)
    }
}

impl<I: ?Sized> Clone for Object<I> {
    fn clone(&self) -> Object<I> {
        Object { script: Arc::clone(&self.script), interface: PhantomData }
    }
}

impl<I: ?Sized> fmt::Debug for Object<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object<{}>", self.script.interface)
    }
}

impl<I: ?Sized> Object<I> {
    /// The body of a method: looks for the expectation that a call meets. An associated function, so that it shadows no
    /// method. `fits` calls a predicate with the call's arguments, and `shown` writes them.
    ///
    /// # Panics
    /// If the call is unexpected.
    #[doc(hidden)]
    pub fn called<M: Mocked, A: Closures<M>>(
        object: &Object<I>,
        fits: impl Fn(&A::When) -> bool,
        shown: impl FnOnce() -> Vec<String>,
    ) -> Chosen<M, A> {
        called(&object.script, fits, shown)
    }
}
