//! The door for generated code. No other code names this module, and no part of it is stable.
//!
//! The module inside is called by the version of `lcr-macros` that names it. `lcr` depends on
//! exactly that version, so the two always match where `lcr` re-exports its macros. They can
//! differ only if an author sends the macros of one `lcr` to another by `crate = path`; then the
//! compiler says that the path has no module of this name, once, at the attribute. The
//! name cannot be forgotten at a release: without it nothing that uses the macros compiles.
//!
//! This file has no code of its own: `component/generated` says what stands behind the names.

#[allow(missing_docs, reason = "a name for the compiler's messages")]
pub mod v0_1_0 {
    pub use std::boxed::Box;

    pub use inventory;

    pub use crate::{
        abi::{
            crossing::{Below, Crossing, Packed},
            fault::Outcome,
            future::{Polled, RawCall},
            interface::{Interface, InterfaceInfo, Method, Need, interface_bytes, interface_len},
            manifest::{Declaration, Flags, KeptState, PatchInfo, manifest_bytes, manifest_len},
            point::{Point, locals_bytes, locals_len},
            shape::{Kind, Part, Shape, bounds},
            tables::{Created, Export, RawContext, StateTable, Thunk, Verdict},
            value::{
                Abi, Abi as IsAbi, Plain, Within,
                callback::{BorrowedCallback, BoxedCallback},
                enums::{Payload, Tagged, bad_tag},
            },
        },
        component::{
            ambient::{Ambient, Bare, Cancelling, Tokio, require_available},
            async_call::AsyncCallee,
            call_path::{Callee, Unserved},
            export::{create_with, healthy_with},
            fault::{RaiseAsErr, RaiseAsPanic, Tag},
            generated::{
                async_requests::{fault_of, request_async},
                async_services::serve_async,
                callbacks::{Bounds, Unbounded},
                crossing_tables::Table,
                crossings::{crossing, start},
                fields::{MustNotImplementDrop, PlainField, require_plain_field, require_within},
                patch_libraries::{LibraryLayer, patch_crossings, patch_export, patched_crossing, patched_method},
                patches::{Collects, Layers, PassAsErr, PassAsPanic, Patchable, Permit, around, permit, withdrawn},
                requests::{request, request_or_default},
                services::{DefaultCreate, ServedBy, serve},
                values::{Memory, Received, Repr, Unproven, lift, lower, receive},
            },
            handle::Handle,
            hooks::Next,
            incremental::LockIncremental,
            looks::IncrementalState,
            pinned::Pinned,
            points::pass,
            registration::{PointRegistration, Registration},
            state::{
                keeping::{Keeping, Keeps, Kept, KeptBy, Undescribed, Unwritten, migrate_nothing},
                layout::{InMemory, Layout},
            },
            stateful::Stateful,
        },
    };

    pub use crate::__lcr_mocks as mocks;

    #[cfg(feature = "mock")]
    pub mod mocking {
        pub use std::{string::String, vec::Vec};

        #[cfg(feature = "stream")]
        pub use crate::component::mocking::Items;
        pub use crate::component::mocking::{
            Chosen, Expect, Expecting, LiveScript, Mockable, Mocked, MockedLive, Object, Show, ShowAsDebug, ShowAsType,
            Takes, Takes0, Takes1, Takes2, Takes3, Takes4, Takes5, Takes6, Takes7, Takes8, Takes9, Takes10, Takes11,
            Takes12,
        };
    }

    #[cfg(feature = "stream")]
    pub mod streams {
        pub use std::sync::Arc;

        pub use crate::component::generated::{
            stream_requests::{request_stream, request_stream_or_default},
            stream_services::{drain, serve_stream},
        };
    }
}
