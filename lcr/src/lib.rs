//! Replace a component of a running native program: without stopping it, without losing
//! its state, and without betting the process on the new version.
//!
//! A *component* is a crate that implements *interfaces*, which are traits. It is linked
//! into the program or loaded from a library, from one source. Callers hold *handles*,
//! which implement the trait and go on working when what serves them is replaced.
//!
//! ```
//! // In a crate that both sides use:
//! #[lcr::interface(name = "kv.store", version = 1)]
//! pub trait Store {
//!     fn get(&self, key: &str) -> Option<Vec<u8>>;
//!     fn put(&self, key: &str, value: &[u8]);
//!     fn len(&self) -> u64 {
//!         0 // a component that lacks the method is served by this body
//!     }
//! }
//!
//! // In the component's crate:
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
//! // In the program. This one has the component linked in; `rt.load("libstore.so")?` would add
//! // it from a library, and `rt.replace("libstore_v2.so")?` puts the next version in place.
//! let rt = lcr::Runtime::new()?;
//! let store = rt.service::<dyn Store>()?;
//! store.put("a", b"1");
//! assert_eq!(store.get("a"), Some(b"1".to_vec()));
//! # Ok::<(), lcr::Error>(())
//! ```
//!
//! # Guide
//!
//! | page | answers |
//! |---|---|
//! | [`first_component`](guide::first_component) | which crates there are, how to build, load and replace |
//! | [`values`](guide::values) | which types may be arguments and results, and as what each crosses |
//! | [`state`](guide::state) | how data survives: save, restore, migrate, versions, the way back |
//! | [`many_components`](guide::many_components) | needs, cycles, one of several, several in one plan, removing |
//! | [`threads`](guide::threads) | which code runs on which thread, pins, callbacks, signals, forks |
//! | [`with_tokio`](guide::with_tokio) | where a program on tokio calls, replaces and drops |
//! | [`async_methods`](guide::async_methods) | `async fn` and streams in an interface: executors, wakers, replacement |
//! | [`background_work`](guide::background_work) | tokio, threads and pools inside a component, and how they end |
//! | [`what_is_not_shared`](guide::what_is_not_shared) | statics, thread-locals, loggers, standard output, allocators |
//! | [`logs`](guide::logs) | how `tracing`, `log` and panics of a component reach the program |
//! | [`plugin_folders`](guide::plugin_folders) | loading a folder, refusing one file, taking up new ones |
//! | [`testing`](guide::testing) | a component as a type, in a runtime, as a library |
//! | [`operating`](guide::operating) | reading plans, refusals, reports, status; what to log; limits |
//! | [`patches`](guide::patches) | single methods changed at run time: by closures, by libraries, from source text |
//! | [`history`](guide::history) | the journal on disk: reload at start, retention, crashes, what is never silent |
//! | [`control`](guide::control) | the socket for commands and dashboards, and its protocol |
//! | [`watching`](guide::watching) | tracing, counting and recording calls, and having some fail |
//! | [`trials`](guide::trials) | a new version on probation: what is watched, its ends, quarantine |
//! | [`soundness`](guide::soundness) | why there is no undefined behaviour, and what authors must vouch for |
//!
//! # What may cross
//!
//! Arguments and results are [`Abi`] values: integers, floats, `bool`, `char`, `()`, `&str`, `String`, `&[T]` and
//! `&mut [T]` of plain data, `Vec<T>`, arrays, `Option`, `Result`, `Box<T>`, tuples of up to 8, structs and enums with
//! [`#[derive(Abi)]`](derive@Abi), [`Bytes`] and [`Shared`] content (never copied), [`Handle`]s, callbacks
//! (`&dyn Fn(..)`, `Box<dyn Fn(..) + Send>`), and any serde type as [`Serde<T>`]. Of std also maps, sets, paths and
//! `OsString`s, `Duration`, `SystemTime`, `NonZero`, `Ordering`, ranges, addresses of the Internet and
//! `std::io::Error`. They cross in `#[repr(C)]` form, so the two sides may come from different compilers;
//! [`guide::values`] lists all of them. The compiler refuses any other type where the trait is written, and says what
//! to use instead.
//!
//! # What is compared
//!
//! A library's manifest describes each method's signature field by field. The runtime reads the
//! manifest from the file before any code of the library runs. It links methods by name and
//! signature: a new version may have more methods, and may lack methods with a default body. It
//! refuses any other difference with a line that names it. `replaces(1)` lets
//! implementations of version 2 serve handles of version 1.
//!
//! # What a replacement does
//!
//! [`Runtime::plan`] collects what one transaction changes; [`PlanBuilder::commit`]
//! executes it. The runtime copies and checks the libraries, loads them and constructs the
//! successors. Callers of components with state wait at a gate while the state moves. Then one
//! store makes the whole change visible, and the old instances are destroyed when the last call
//! has left them. Any error before that store leaves the old version serving.
//!
//! | if | then |
//! |---|---|
//! | a component panics in a method | the caller gets a [`Fault`], as an `Err` or as a panic of its own |
//! | a constructor, `save`, `restore` fails, panics or hangs | the transaction fails, the old version serves on |
//! | a call does not leave in time | `Deadline`, which names thread, method and age |
//! | a request must not see two versions | hold a world: [`Runtime::pin`], or one handle: [`Handle::pin`] |
//!
//! # Platform and features
//!
//! Linux on x86-64 and aarch64, stable Rust.
//!
//! | feature | is |
//! |---|---|
//! | `host` (default) | the runtime; a component depends on `lcr` with `default-features = false` |
//! | `tokio` | [`#[component(runtime = tokio)]`](component): a component's code runs inside a tokio runtime |
//! | `source` | a component's library holds the source text of its methods: [`source`] |
//! | `history` | a journal of every change on disk, and the start of what was confirmed last: [`guide::history`] |
//! | `uuid`, `bytes` | `uuid::Uuid` and `bytes::Bytes` may be arguments and results: [`guide::values`] |
//! | `stream` | methods may return `-> impl Stream<Item = T> + Send`: [`guide::async_methods`] |
//! | `mock` | mocks of interfaces for tests: [`guide::testing`] |
//! | `sam` | `RuntimeBuilder::under`: states that survive a process under `sam`: [`guide::state`] |
//! | `minisign` | `Trust::signed_by`: only files with a signature of minisign are loaded |
//! | `control` | a socket at which operators look at the program and change it: [`guide::control`] |
//! | `tracing`, `log` | records of a loaded component go to the program's subscriber or logger: [`guide::logs`] |
//! | `reflect` | calls of methods with JSON: `lcr::calls` |
//! | `document` | plans, events and status as JSON: `lcr::document` |
//! | `metrics` | commits, refusals, holds, faults and trials for the program's recorder: [`guide::operating`] |

#![deny(missing_debug_implementations)]
// What a user meets: each error and panic is documented, no builder is dropped unnoticed, and a public type
// that may grow says so.
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::return_self_not_must_use)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

extern crate alloc;

// The macros name `::lcr`, also inside this crate.
extern crate self as lcr;

#[cfg_attr(not(feature = "host"), allow(dead_code, reason = "some of it only the host uses"))]
#[allow(missing_debug_implementations, reason = "what crosses is reachable by generated code alone")]
#[allow(clippy::exhaustive_structs, reason = "what crosses changes with the number of the binary contract")]
mod abi;
#[cfg(feature = "host")]
mod change;
mod component;
#[cfg(feature = "control")]
pub mod control;
#[cfg(feature = "document")]
pub mod document;
#[cfg_attr(not(feature = "host"), allow(dead_code, reason = "some of it only the host uses"))]
mod error;
#[cfg(feature = "host")]
pub mod guide;
#[cfg(feature = "history")]
pub mod history;
#[cfg(feature = "host")]
mod host;

#[cfg(feature = "host")]
pub mod testing;
#[cfg(feature = "sam")]
mod under_sam;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
#[path = "fuzzing.rs"]
pub mod __fuzzing;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use abi::{
    fault::FaultKind,
    interface::Interface,
    value::{
        Abi, Plain,
        bytes::Bytes,
        shared::{Shareable, Shared},
    },
};
#[cfg(feature = "host")]
pub use component::signature::{Implements, Lent, Parameter, Signature};
pub use component::{
    context::Context,
    fault::{Fault, Origin},
    generated::{patches::Patchable, services::ServedBy},
    handle::Handle,
    identity::ComponentId,
    incremental::{Incremental, LockIncremental},
    pinned::Pinned,
    points::Locals,
    state::{
        cell::{State, StateMut, StateRef},
        layout::{InMemory, Layout},
    },
    stateful::{BoxError, RawState, Stateful},
    tracked::{MapChanges, Tracked, VecChanges},
    value::serde::Serde,
    wire,
};
pub use error::{Error, ErrorKind, Result, Straggler};
pub use lcr_macros::{Abi, Layout, component, interface, patch};

#[cfg(feature = "mock")]
pub use component::mocking::mock;
#[cfg(feature = "stream")]
pub use futures_core::Stream;

/// Objects for tests that implement an interface as the test says: see [`Mock`](mock::Mock).
#[cfg(feature = "mock")]
pub mod mock {
    #[cfg(feature = "host")]
    pub use crate::change::live_mocks::{LiveMock, LiveMockBuilder, ThreadMock};
    #[cfg(feature = "host")]
    pub use crate::component::mocking::MockedLive;
    pub use crate::component::mocking::{
        Closures, Expecting, Matches, Mock, Mockable, Mocked, Object, Order, Takes, Times,
    };
}

#[cfg(feature = "host")]
pub use change::{
    differences::Back,
    exporting::{AddedExport, ExportBuilder},
    load_directory::Loaded,
    patch::PatchBuilder,
    patched::Patched,
    patching::PatchInfo,
    plan::{Plan, PlanBuilder},
    position::Position,
    report::Report,
    revision::Revision,
    save_states::SavedStates,
    trial::{
        end::{TrialCalls, TrialCause, TrialEnd, TrialMember, TrialOutcome, TrialStatus},
        quarantine::Quarantined,
        rules::Trial,
    },
};
#[cfg(feature = "sam")]
pub use under_sam::{LastInstance, Under};

#[cfg(feature = "minisign")]
pub use host::image::stage::PublicKey;
#[cfg(feature = "reflect")]
pub use host::points::watch::PointValues;
#[cfg(feature = "host")]
pub use host::{
    actor::Actor,
    builder::RuntimeBuilder,
    image::logs::panics::ComponentPanic,
    image::stage::Trust,
    points::{ArmedAt, AtPoint, PointInfo},
    runtime::Runtime,
    service::exports::Export,
    service::pin::Pin,
    status::Status,
};

/// What a component's file says about the component, read without running any of its code.
///
/// [`Manifest::read`](manifest::Manifest::read) reads a file:
///
/// ```no_run
/// let manifest = lcr::manifest::Manifest::read("libstore.so")?;
/// for export in &manifest.exports {
///     println!("{} implements {} v{}", manifest.component, export.interface, export.interface_version);
/// }
/// # Ok::<(), lcr::Error>(())
/// ```
#[cfg(feature = "host")]
pub mod manifest {
    pub use crate::{
        change::fit::{Fit, InterfaceFit, MethodFit, StateFit},
        host::{
            exports::{Exported, ExportedArgument, ExportedMethod, ExportedPatch},
            image::manifest::{
                DependencyManifest, ExportManifest, KeptManifest, Manifest, MethodManifest, PatchManifest,
            },
        },
    };
}

/// Calls of methods with JSON, for whoever does not know their types: see [`Runtime::call`].
#[cfg(feature = "reflect")]
pub mod calls {
    pub use crate::host::service::shape_calls::{Call, Called, Held, PendingCall};
}

/// The text that authors wrote, of components that were built with feature `source`, from a file or from a
/// [runtime](Runtime::source).
#[cfg(feature = "host")]
pub mod source {
    pub use crate::host::image::source_text::{ComponentSource, MethodSource};
}

/// The structure of values and signatures: what a [manifest] describes and a host compares.
#[cfg(feature = "host")]
pub mod shape {
    pub use crate::host::image::shape::{Difference, Field, Kind, Shape, Variant};
}

/// What happens in a runtime, for whoever follows it: see [`Runtime::events`].
#[cfg(feature = "host")]
pub mod events {
    pub use crate::host::service::events::{
        Event, Events,
        kind::{Committed, CommittedMember, EventKind, PhaseTime, Refused},
    };
}

/// What a [`Plan`] says of itself, as data: see [`Plan::describe`].
#[cfg(feature = "host")]
pub mod plan {
    pub use crate::change::{
        description::{
            HoldCause, HoldDescription, InterfaceDescription, MemberDescription, OptionsDescription, PatchDescription,
            PlanDescription, RefusalDescription, StateBackDescription, StateDescription, TrialDescription,
        },
        rehearsal::{Rehearsal, RehearsedMember},
    };
}

/// An operator's look at the calls of any component: see [`Runtime::watch`].
#[cfg(feature = "reflect")]
pub mod watch {
    pub use crate::{
        change::watching::{LeftOut, Watch, WatchedMethod, Watching},
        host::watching::{fail::Failing, slow::SlowCall, stats::MethodStats},
    };
}

/// New versions that serve a share of the calls beside the old one: see [`Plan::canary`].
#[cfg(feature = "reflect")]
pub mod canary {
    pub use crate::change::canary::{
        end::{
            CanaryCalls, CanaryCause, CanaryEnd, CanaryLeftOut, CanaryOutcome, CanaryStatus, ShadowCalls,
            ShadowDifference,
        },
        rules::Canary,
    };
}

/// The parts of a [`Report`], a [`Status`] and a [`Straggler`].
#[cfg(feature = "host")]
pub mod report {
    pub use crate::{
        change::report::{MemberReport, PrecopyReport},
        error::{HeldBy, LifecycleStep, MethodId},
        host::{
            image::content_hash::{ContentHash, NoContentHash},
            service::kept_states::{KeptStage, KeptState},
            status::{ComponentStatus, FaultyMethod, LeftThread},
        },
    };
}
