//! Mocks around the methods of running components: [`Runtime::mock`].
//!
//! Such a mock is a [patch](super::patch) whose layers ask a script, so it has the patch's guarantees: one visible
//! moment for all methods, hooks that live until no call can be inside them, and no gate. There are two:
//!
//! - for all threads it is a patch like any other, put in and taken off by transactions;
//! - for one thread it is in no list and no world ([`thread_patches`](crate::host::service::thread_patches)): other
//!   threads do not meet it, so tests that share a runtime run in parallel, and it waits for no transaction.
//!
//! Rules:
//! 1. A method of which no call is expected is the component's, unless the mock is strict. One of which calls are
//!    expected is the mock's: a call that fits none of them is unexpected.
//! 2. A guard takes the mock off first, and then checks what was expected. So the check sees every call that the mock
//!    will ever answer, but for those that are inside it; and a panic of the check leaves no mock behind.
//! 3. What the test's closures have captured is the script's: it is dropped by the check, on the guard's thread, or by
//!    the last call that is inside. What the runtime drops later holds an empty script.
//! 4. A mock stands as a whole or not at all. It rests while the component is gone, or is a version that lacks one of
//!    its methods. Both guards tell why, and so does the text of an expectation that was not met.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use crate::{
    component::{
        generated::patches::Collects as _,
        mocking::{LiveScript, Mock, MockedLive, mock},
    },
    error::{Error, ErrorKind, Result},
    host::{
        objects::patches::{Patch, Patches},
        runtime::Runtime,
        service::{inner::RuntimeInner, thread_patches},
    },
};

use super::{
    patched::Patched,
    patching::{Wish, make, rests},
    position::Position,
};

/// The name of the patches.
const NAME: &str = "mock";

/// How long a mock waits for transactions of others.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mock that is to be put around the methods of a running component: see [`Runtime::mock`].
#[must_use = "it mocks nothing until it is put in for all threads or for this one"]
pub struct LiveMockBuilder<'rt, I: ?Sized> {
    runtime: &'rt Runtime,
    interface: PhantomData<fn(&I)>,
    component: Option<String>,
    is_strict: bool,
    override_protected: bool,
}

/// A mock that stands around the methods of a running component, for the calls of all threads. Dropping it, on
/// whichever thread, takes it off, and then checks its expectations as dropping a [`Mock`] does.
///
/// The drop waits while a transaction runs, at most 60 s.
#[must_use = "dropping the mock takes it off"]
pub struct LiveMock<I: ?Sized + MockedLive> {
    // In the order in which they end.
    last: Last,
    patched: Patched,
    mock: Mock<I>,
}

/// A mock that stands around the methods of a running component, for the calls of one thread. Dropping it takes it off,
/// and then checks its expectations as dropping a [`Mock`] does.
///
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// fn must_be_send<T: Send>() {}
/// # #[lcr::interface(name = "live.stays", version = 1, mocks, patches)]
/// # pub trait Clock {
/// #     fn now(&self) -> u64;
/// # }
/// must_be_send::<lcr::mock::ThreadMock<dyn Clock>>();
/// ```
///
/// That for all threads may go:
///
/// ```
/// # #[cfg(feature = "mock")] {
/// fn must_be_send<T: Send>() {}
/// # #[lcr::interface(name = "live.goes", version = 1, mocks, patches)]
/// # pub trait Clock {
/// #     fn now(&self) -> u64;
/// # }
/// must_be_send::<lcr::mock::LiveMock<dyn Clock>>();
/// # }
/// ```
#[must_use = "dropping the mock takes it off"]
pub struct ThreadMock<I: ?Sized + MockedLive> {
    // In the order in which they end.
    last: Last,
    _standing: Standing,
    mock: Mock<I>,
}

/// What a mock that stands, or rests, tells its script at last: whether it rests, for the check that follows; and not
/// to be strict, so that calls that are inside when the mock ends are not unexpected.
struct Last {
    script: LiveScript,
    inner: Weak<RuntimeInner>,
    number: u64,
    find: Find,
}

/// Finds the patch of a mock.
type Find = fn(&Patches, u64) -> Option<&Arc<Patch>>;

impl Last {
    /// Why the mock rests; `None` if it stands, or the runtime is gone.
    fn rests(&self) -> Option<String> {
        let inner = self.inner.upgrade()?;
        let state = inner.state();
        let patch = (self.find)(state.objects().patches(), self.number)?;
        rests(&state, patch)
    }

    fn tell(&self) {
        self.script.set_resting(self.rests());
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        self.tell();
        self.script.set_strict(false);
    }
}

/// A patch of the calling thread.
struct Standing {
    inner: Arc<RuntimeInner>,
    number: u64,
    /// A patch of a thread ends on it.
    not_send: PhantomData<*const ()>,
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.inner.end_patch_of_thread(self.number);
    }
}

impl<I: ?Sized + MockedLive> fmt::Debug for LiveMock<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveMock").field("mock", &self.mock).field("patch", &self.patched.number()).finish()
    }
}

impl<I: ?Sized + MockedLive> fmt::Debug for ThreadMock<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thread = thread::current().id();
        f.debug_struct("ThreadMock").field("mock", &self.mock).field("thread", &thread).finish_non_exhaustive()
    }
}

impl<I: ?Sized> fmt::Debug for LiveMockBuilder<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveMockBuilder").field("is_strict", &self.is_strict).finish_non_exhaustive()
    }
}

impl<I: ?Sized + MockedLive> LiveMock<I> {
    /// Begins an expectation, as [`Mock::expect`] does. From the end of the statement on, the method is the mock's.
    ///
    /// The functions panic of methods that are polled (async, or a stream), and of those that the component lacks.
    pub fn expect(&self) -> I::Expect<'_> {
        self.mock.expect()
    }

    /// Checks what the mock expects, and forgets it: then all calls go on to the component again, unless the mock is
    /// strict. See [`Mock::checkpoint`].
    ///
    /// # Panics
    /// If a call is missing, or was unexpected.
    #[track_caller]
    pub fn checkpoint(&self) {
        self.last.tell();
        self.mock.checkpoint();
    }

    /// Why the mock answers nothing now, as [`PatchInfo::rests`](crate::PatchInfo::rests) says it; `None` if it stands.
    pub fn rests(&self) -> Option<String> {
        self.last.rests()
    }

    /// The number of the mock among the runtime's [patches](Runtime::patches).
    pub fn number(&self) -> u64 {
        self.patched.number()
    }
}

impl<I: ?Sized + MockedLive> ThreadMock<I> {
    /// Begins an expectation, as [`LiveMock::expect`] does.
    pub fn expect(&self) -> I::Expect<'_> {
        self.mock.expect()
    }

    /// Checks what the mock expects, and forgets it, as [`LiveMock::checkpoint`] does.
    ///
    /// # Panics
    /// If a call is missing, or was unexpected.
    #[track_caller]
    pub fn checkpoint(&self) {
        self.last.tell();
        self.mock.checkpoint();
    }

    /// Why the mock answers nothing now; `None` if it stands. It rests while the component is gone, or is a version
    /// that lacks one of the mock's methods or has it with another signature, and stands again in one that has all.
    pub fn rests(&self) -> Option<String> {
        self.last.rests()
    }
}

impl Runtime {
    /// Mocks methods of a component that runs: for tests of a whole program, in which single answers are to be others.
    ///
    /// ```
    /// # #[cfg(feature = "mock")] {
    /// # #[lcr::interface(name = "live.rates", version = 1, mocks, patches)]
    /// # pub trait Rates {
    /// #     fn rate(&self, currency: &str) -> u64;
    /// #     fn count(&self) -> u64;
    /// # }
    /// # #[derive(Default)]
    /// # struct Fixed;
    /// # #[lcr::component(name = "live-rates")]
    /// # impl Rates for Fixed {
    /// #     fn rate(&self, _: &str) -> u64 {
    /// #         100
    /// #     }
    /// #     fn count(&self) -> u64 {
    /// #         1
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// let rates = rt.service::<dyn Rates>()?;
    /// let mock = rt.mock::<dyn Rates>().for_this_thread()?;
    /// mock.expect().rate().with("EUR").times(1).returns(90);
    /// assert_eq!((rates.rate("EUR"), rates.count()), (90, 1));
    /// let elsewhere = std::thread::scope(|scope| scope.spawn(|| rates.rate("EUR")).join().unwrap());
    /// assert_eq!(elsewhere, 100);
    /// drop(mock);
    /// assert_eq!(rates.rate("EUR"), 100);
    /// # }
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// A method of which calls are expected answers as the mock says. A call that fits none of these expectations is
    /// unexpected: callers get a fault whose [origin](crate::Fault::origin) is the mock, and the guard's end reports
    /// it. Methods of which no call is expected stay the component's, and so do those that are polled. The interface is
    /// declared with `mocks` and `patches`; a component may be built without.
    pub fn mock<I: ?Sized + MockedLive>(&self) -> LiveMockBuilder<'_, I> {
        LiveMockBuilder {
            runtime: self,
            interface: PhantomData,
            component: None,
            is_strict: false,
            override_protected: false,
        }
    }
}

impl<I: ?Sized + MockedLive> LiveMockBuilder<'_, I> {
    /// Which component is meant, if several provide the interface. Default: the one that callers get who name none.
    pub fn of_component(mut self, component: &str) -> Self {
        self.component = Some(component.to_owned());
        self
    }

    /// Has every call that fits no expectation be unexpected, also of methods of which no call is expected. Default:
    /// these go on to the component.
    pub fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Allows to mock a protected component. Default: it is refused.
    pub fn override_protected(mut self) -> Self {
        self.override_protected = true;
        self
    }

    /// Puts the mock in for the calls of all threads: as a [patch](Runtime::patch), which stands around those that are
    /// there. Waits at most 60 s for a transaction that runs.
    ///
    /// # Errors
    /// As for [`PatchBuilder::commit`](crate::PatchBuilder::commit), but for methods that the component lacks: they are
    /// left alone.
    pub fn for_all(self) -> Result<LiveMock<I>> {
        let (mock, script) = self.script();
        let until = Instant::now() + PATIENCE;
        let patched = loop {
            let patch = self.runtime.patch::<I>(NAME).methods(|_| I::layers(script.clone())).leave_missing();
            let patch = match &self.component {
                Some(component) => patch.of_component(component),
                None => patch,
            };
            let patch = if self.override_protected { patch.override_protected() } else { patch };
            match patch.commit() {
                Err(error) if error.kind() == ErrorKind::Busy && Instant::now() < until => {
                    thread::sleep(Duration::from_millis(1));
                }
                patched => break patched?,
            }
        };
        let methods = {
            let state = self.runtime.inner().state();
            state.objects().patches().known(patched.number()).map(|patch| patch.method_names())
        };
        script.stand_around(methods.unwrap_or_default());
        let inner = Arc::downgrade(self.runtime.inner());
        let last = Last { script, inner, number: patched.number(), find: Patches::known };
        Ok(LiveMock { last, patched, mock })
    }

    /// Puts the mock in for the calls that the calling thread makes: through whatever handle of the runtime, also one
    /// that comes later, and also those that components make on this thread. Other threads do not meet the mock; nor
    /// does a component that a transaction builds, and what components do on threads of their own.
    ///
    /// The mock follows the component through replacements, and holds none up. It [rests](ThreadMock::rests) while it
    /// does not fit. All calls of the thread take the slow path meanwhile. A [pin of a handle](crate::Handle::pin) that
    /// the thread takes has the mock in it until the pin ends. Waits for no transaction, and is no entry of a history.
    ///
    /// # Errors
    /// As for [`for_all`](LiveMockBuilder::for_all), without `Busy`.
    pub fn for_this_thread(self) -> Result<ThreadMock<I>> {
        let (mock, script) = self.script();
        let inner = Arc::clone(self.runtime.inner());
        if inner.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the runtime is gone; mock a component of another one"));
        }
        let number = thread_patches::next_number();
        let LiveMockBuilder { component, override_protected, .. } = self;
        let position = Position::First;
        let wish = Wish { name: NAME.to_owned(), component, position, override_protected, leaves_missing: true };
        let (mut layers, mut made) = (I::layers(script.clone()).into_layers(), None);
        let mut state = inner.latest_state();
        let patch = make::<I>(&mut state, &wish, &mut layers, number, &mut made)?;
        script.stand_around(patch.method_names());
        state.put_patch_of_thread(number, Arc::clone(patch));
        drop(state);
        let last = Last { script, inner: Arc::downgrade(&inner), number, find: Patches::of_thread };
        Ok(ThreadMock { last, _standing: Standing { inner, number, not_send: PhantomData }, mock })
    }

    fn script(&self) -> (Mock<I>, LiveScript) {
        let mock = mock::<I>();
        let script = LiveScript::of(&mock);
        script.set_strict(self.is_strict);
        (mock, script)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
