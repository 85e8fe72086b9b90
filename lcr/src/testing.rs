//! Unit tests of a component, without a library and without a plan.
//!
//! The methods of a component are plain Rust: a test constructs the type and calls them. This
//! module provides what constructors and state need: a [`Context`] for `create = path` and
//! [`restore`](crate::Stateful::restore), and the hand-over of state from one type to another, as a
//! replacement does it. Of a kept state, [`moves_by_pointer`] and [`copy_state`] say which way it goes.
//!
//! The module needs the feature `host`. A component's crate does without the feature; its tests have it:
//!
//! ```toml
//! [dependencies]
//! lcr = { version = "0.1", default-features = false }
//!
//! [dev-dependencies]
//! lcr = { version = "0.1" } # with `host`, for the tests
//! ```
//!
//! # A constructor
//!
//! ```
//! # #[lcr::interface(name = "clock", version = 1)]
//! # pub trait Clock { fn now(&self) -> u64; }
//! # #[lcr::interface(name = "lease", version = 1)]
//! # pub trait Lease { fn is_over(&self) -> bool; }
//! struct Term {
//!     clock: lcr::Handle<dyn Clock>,
//!     until: u64,
//! }
//!
//! impl Term {
//!     fn begin(context: &lcr::Context) -> Result<Term, lcr::Error> {
//!         let clock = context.dependency::<dyn Clock>()?;
//!         Ok(Term { until: clock.now() + context.config::<u64>()?, clock })
//!     }
//! }
//!
//! #[lcr::component(create = Self::begin, deps(Clock))]
//! impl Lease for Term {
//!     fn is_over(&self) -> bool {
//!         self.clock.now() >= self.until
//!     }
//! }
//!
//! // In a test: a clock that is no component, and shows the time that the test sets.
//! use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
//! struct Fixed(Arc<AtomicU64>);
//! impl Clock for Fixed {
//!     fn now(&self) -> u64 {
//!         self.0.load(Ordering::Relaxed)
//!     }
//! }
//!
//! let now = Arc::new(AtomicU64::new(100));
//! let context = lcr::testing::Context::new("term")
//!     .configure(&30_u64)?
//!     .provide::<dyn Clock, _>(Fixed(Arc::clone(&now)))?;
//! let term = Term::begin(&context)?;
//! assert!(!term.is_over());
//! now.store(130, Ordering::Relaxed);
//! assert!(term.is_over());
//!
//! // Without its dependency the component is not constructed.
//! let context = lcr::testing::Context::new("term").configure(&30_u64)?;
//! assert_eq!(Term::begin(&context).err().unwrap().kind(), lcr::ErrorKind::Dependency);
//! # Ok::<(), lcr::Error>(())
//! ```
//!
//! # A mock without a context
//!
//! A [`Handle<dyn Clock>`](crate::Handle) implements `Clock`. So a component may hold its
//! dependency as `Arc<dyn Clock>` and take it as an argument of a function of its own, which a
//! test calls with any other `Clock`:
//!
//! ```
//! # #[lcr::interface(name = "clock", version = 1)]
//! # pub trait Clock { fn now(&self) -> u64; }
//! use std::sync::Arc;
//!
//! struct Term {
//!     clock: Arc<dyn Clock>,
//!     until: u64,
//! }
//!
//! impl Term {
//!     fn begin(context: &lcr::Context) -> Result<Term, lcr::Error> {
//!         Ok(Term::new(Arc::new(context.dependency::<dyn Clock>()?), context.config()?))
//!     }
//!
//!     fn new(clock: Arc<dyn Clock>, length: u64) -> Term {
//!         Term { until: clock.now() + length, clock }
//!     }
//! }
//!
//! struct Fixed(u64);
//! impl Clock for Fixed {
//!     fn now(&self) -> u64 {
//!         self.0
//!     }
//! }
//! assert_eq!(Term::new(Arc::new(Fixed(100)), 30).until, 130);
//! ```
//!
//! # State
//!
//! [`hand_over`] moves the state of one instance to another type as a replacement does: `save`, the
//! form in which state crosses, `migrate` if the versions differ, `restore`. [`restore`] begins with
//! a state of an older version, which [`RawState::of`] writes:
//!
//! ```
//! use lcr::{BoxError, Context, RawState, Stateful, testing};
//!
//! struct Visits(u64);
//!
//! impl Stateful for Visits {
//!     type State = u64;
//!     const STATE_VERSION: u32 = 2; // version 1 was text
//!
//!     fn save(&self) -> Result<u64, BoxError> {
//!         Ok(self.0)
//!     }
//!     fn restore(visits: u64, _: &Context) -> Result<Visits, BoxError> {
//!         Ok(Visits(visits))
//!     }
//!     fn migrate(from: u32, raw: RawState<'_>) -> Result<u64, BoxError> {
//!         match from {
//!             1 => Ok(raw.decode::<String>()?.parse()?),
//!             _ => Err(format!("no state of version {from} was ever released").into()),
//!         }
//!     }
//! }
//!
//! let context = testing::Context::new("visits");
//! assert_eq!(testing::hand_over::<Visits, Visits>(&Visits(3), &context)?.0, 3);
//! assert_eq!(testing::restore::<Visits>(1, &RawState::of("7")?, &context)?.0, 7);
//! assert!(testing::restore::<Visits>(1, &RawState::of("many")?, &context).is_err());
//! # Ok::<(), BoxError>(())
//! ```

mod state;

pub use state::{copy_state, moves_by_pointer};

use std::{
    any::Any,
    cell::{Cell, RefCell},
    fmt,
    ops::Deref,
    ptr::NonNull,
    rc::Rc,
    slice,
    sync::Arc,
};

use serde::Serialize;

use crate::{
    abi::{
        ABI_VERSION,
        interface::InterfaceInfo,
        manifest::{Declaration, Flags, manifest_record},
        tables::{Created, Export, HostTable, RawContext},
        value::{Abi, sequences::RawSlice},
    },
    component::{
        ambient::Bare,
        context,
        export::create_with,
        generated::services::ServedBy,
        panic_barrier::barrier,
        stateful::{self, BoxError, RawState, Stateful},
        wire::Unwanted,
    },
    error::{Error, ErrorKind, Result},
    host::{
        image::manifest::InterfaceManifest,
        runtime::{Runtime, encode},
        service::host_table,
    },
};

/// A context for a constructor under test. It dereferences to [`lcr::Context`](crate::Context).
///
/// Keep the context for as long as what was constructed with it: dropping it revokes the handles on
/// its dependencies and destroys the mocks that it was [given](Context::provide).
pub struct Context {
    raw: RawContext,
    // Counted, so that what the raw form points to stays in place when the context moves.
    component: Arc<str>,
    config: Arc<[u8]>,
    given: Rc<Given>,
}

/// The dependencies of a test's context.
struct Given {
    runtime: Runtime,
    /// Handles that keep what was provided.
    handles: RefCell<Vec<Box<dyn Any>>>,
}

impl Context {
    /// A context for a component called `component`, without configuration and dependencies.
    ///
    /// # Panics
    /// If this process can have no runtime: see [`RuntimeBuilder::build`](crate::RuntimeBuilder::build).
    #[must_use]
    pub fn new(component: &str) -> Context {
        let runtime = Runtime::builder().linked(false).build().unwrap_or_else(|error| panic!("{error}"));
        let raw = RawContext {
            host: &raw const TABLE.0,
            cookie: std::ptr::null(),
            component: RawSlice { at: std::ptr::null(), len: 0 },
            config: RawSlice { at: std::ptr::null(), len: 0 },
        };
        let given = Rc::new(Given { runtime, handles: RefCell::default() });
        Context { raw, component: component.into(), config: Arc::default(), given }.pointing()
    }

    /// Adds a configuration, which the constructor reads by
    /// [`Context::config`](crate::Context::config). Replaces an earlier one.
    ///
    /// # Errors
    /// `Invalid` if `config` cannot be encoded.
    pub fn configure(mut self, config: &(impl Serialize + ?Sized)) -> Result<Context> {
        self.config = encode(config)?;
        Ok(self.pointing())
    }

    /// Adds `mock` as the dependency on the interface `I`:
    /// [`Context::dependency`](crate::Context::dependency) gives the constructor a handle on the mock.
    /// A mock is no component; it only implements the trait. A test that looks into the mock
    /// afterwards shares an `Arc` with it.
    ///
    /// Each call leaks the description of a component, some hundred bytes.
    ///
    /// # Errors
    /// `Invalid` if the context has a dependency on this interface already.
    pub fn provide<I, T>(self, mock: T) -> Result<Context>
    where
        I: ?Sized + ServedBy<T> + 'static,
        T: Send + Sync + 'static,
    {
        let declaration = Declaration {
            component: "mock",
            component_version: "0.0.0",
            type_name: std::any::type_name::<T>(),
            interface: InterfaceInfo { deps: &[], ..I::INTERFACE },
            replaces: &[],
            deps: &[],
            flags: Flags::default(),
            state_version: 0,
            kept: None,
            source: None,
            downgrades_to: &[],
            patch: None,
        };
        // As everything that registers, it is there for as long as the process.
        let export = Export::new::<T, Bare>(manifest_record(&declaration).leak(), I::THUNKS, create::<T>)
            .with_crossings(<I as ServedBy<T>>::CROSSINGS);
        self.given.runtime.add_linked(Box::leak(Box::new(export)))?;
        // The first use constructs it, on this thread.
        MOCK.set(Some(Box::new(mock)));
        let handle = self.given.runtime.service::<I>();
        MOCK.take();
        self.given.handles.borrow_mut().push(Box::new(handle?));
        Ok(self)
    }

    /// Adds the object of a mock as the dependency on the interface `I`: `provide::<I, _>(mock.object())`. The mock
    /// stays with the test, which may write expectations later, and checks them when it drops the mock.
    ///
    /// # Errors
    /// As for [`provide`](Context::provide).
    #[cfg(feature = "mock")]
    pub fn mock<I>(self, mock: &crate::mock::Mock<I>) -> Result<Context>
    where
        I: ?Sized + crate::mock::Mockable + ServedBy<crate::mock::Object<I>> + 'static,
    {
        self.provide::<I, _>(mock.object())
    }

    /// Points the raw form to what this context owns. None of that moves when the context moves.
    fn pointing(mut self) -> Context {
        self.raw.cookie = Rc::as_ptr(&self.given).cast();
        self.raw.component = RawSlice { at: self.component.as_ptr(), len: self.component.len() };
        self.raw.config = RawSlice { at: self.config.as_ptr(), len: self.config.len() };
        self
    }
}

impl Deref for Context {
    type Target = context::Context;

    fn deref(&self) -> &context::Context {
        // SAFETY: the raw context points to what this one owns, which lives as long as the borrow.
        unsafe { context::Context::from_raw(&raw const self.raw) }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Constructs a `New` from a state of version `from`, as a replacement does. If `from` is `New`'s
/// [`STATE_VERSION`](Stateful::STATE_VERSION), the state is decoded, else `New` migrates it.
///
/// # Errors
/// Those that would refuse the replacement: `migrate` or `restore` returns an error, or the state
/// cannot be decoded.
pub fn restore<New: Stateful>(from: u32, state: &RawState<'_>, context: &context::Context) -> Result<New, BoxError> {
    stateful::restore(from, state.as_bytes(), context).map_err(BoxError::from)
}

/// Moves the state of `old` to a new instance of the same type or of another one, as a replacement
/// does. The types share nothing but the encoded form of the state.
///
/// # Panics
/// If `save`, `migrate` or `restore` panics. In a replacement the panic would refuse the transaction.
///
/// # Errors
/// Those that would refuse the replacement: `save`, `migrate` or `restore` returns an error, or the
/// state cannot be encoded or decoded.
pub fn hand_over<Old: Stateful, New: Stateful>(old: &Old, context: &context::Context) -> Result<New, BoxError> {
    let state = stateful::save(old, Unwanted::default())?;
    stateful::restore(Old::STATE_VERSION, &state, context).map_err(BoxError::from)
}

/// A state as a `New` writes it for a component whose state has version `to`, as a rollback does.
///
/// # Errors
/// Those after which the rollback looks for another way: `to` is not in
/// [`DOWNGRADES_TO`](Stateful::DOWNGRADES_TO), or `downgrade` returns an error.
pub fn downgrade<New: Stateful>(to: u32, state: New::State) -> Result<RawState<'static>, BoxError> {
    if !New::DOWNGRADES_TO.contains(&to) {
        return Err(format!("DOWNGRADES_TO does not list version {to}, so no rollback calls `downgrade` for it").into());
    }
    New::downgrade(to, state)
}

thread_local! {
    /// The mock whose handle is being made.
    static MOCK: Cell<Option<Box<dyn Any>>> = const { Cell::new(None) };
}

/// Constructs a mock: it takes the one that is there.
///
/// # Safety
/// As for [`Export::create`].
unsafe extern "C" fn create<T: 'static>(context: *const RawContext) -> Created {
    let taken = |_: &context::Context| {
        let mock = MOCK.take().and_then(|mock| mock.downcast::<T>().ok());
        mock.map(|mock| *mock).ok_or("a mock is constructed where it is provided, and nowhere else")
    };
    // SAFETY: the host's context lives for the call.
    unsafe { create_with::<_, Bare, _>(context, taken) }
}

/// The host's functions in a test's context: those of the host, but for `dependency`.
struct Table(HostTable);

static TABLE: Table = Table(HostTable { abi: ABI_VERSION as u32, dependency, ..host_table::TABLE });

/// A handle on what the test provides.
///
/// # Safety
/// As for [`HostTable::dependency`], of a context that a [`Context`] made.
unsafe extern "C" fn dependency(context: *const RawContext, interface: RawSlice<u8>) -> Created {
    // SAFETY: the context lives for the call.
    let cookie = unsafe { (*context).cookie };
    // SAFETY: a test's context owns what its cookie points to.
    let given = unsafe { &*cookie.cast::<Given>() };
    // SAFETY: the caller's bytes live for the call.
    let encoded = unsafe { slice::from_raw_parts(interface.at, interface.len) };
    barrier(|| {
        let slot = given.runtime.inner().service_handle(encoded, None).map_err(|error| match error.kind() {
            ErrorKind::NotFound => not_provided(encoded),
            _ => error,
        });
        slot.map(|slot: NonNull<_>| slot.as_ptr().expose_provenance()).map_err(|error| error.to_string()).into_repr()
    })
}

fn not_provided(encoded: &[u8]) -> Error {
    let text = match InterfaceManifest::decode(encoded) {
        Ok(interface) => {
            let (name, version) = (interface.name, interface.version);
            format!("the test provides no {name} v{version}; give the context one with testing::Context::provide")
        }
        Err(error) => error.to_string(),
    };
    Error::new(ErrorKind::Dependency, text)
}
