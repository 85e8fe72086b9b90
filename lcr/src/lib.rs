//! Replace a component of a running native program without stopping it.

extern crate alloc;

// The macros name `::lcr`, also inside this crate.
extern crate self as lcr;

mod abi;
mod component;
mod error;
#[cfg(feature = "host")]
mod host;
#[cfg(feature = "host")]
mod change;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use abi::{
    bytes::Bytes,
    fault::FaultKind,
    interface::Interface,
    value::{Abi, Plain},
};
pub use component::{
    context::Context,
    fault::Fault,
    handle::Handle,
    pinned::Pinned,
    serde::Serde,
    stateful::{BoxError, RawState, Stateful},
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
    manifest::{DependencyManifest, ExportManifest, InterfaceManifest, Manifest, MethodManifest},
    pins::Pin,
    runtime::{ComponentStatus, Runtime, RuntimeBuilder, Status},
    shape::{Difference, Part, Shape},
    stage::Trust,
};
