//! Documents: what a runtime is and does, as JSON that a program serves, stores or prints.
//!
//! The types are those of the library: a [`PlanDescription`](crate::plan::PlanDescription), a
//! [`Rehearsal`](crate::plan::Rehearsal), a [`Report`](crate::Report), a [`TrialEnd`](crate::TrialEnd), an
//! [`Event`](crate::events::Event), a [`Fit`](crate::manifest::Fit) and a [`StatusDocument`] are written by serde in
//! any format; [`json`] writes them as JSON. The control socket answers with the same documents, and so does the
//! command `lcr` with `--json`.
//!
//! ```
//! let rt = lcr::Runtime::new()?;
//! let plan = rt.plan().remove("nobody").build();
//! println!("{}", lcr::document::json(&plan.describe()));
//! println!("{}", lcr::document::json(&lcr::document::status(&rt)));
//! # Ok::<(), lcr::Error>(())
//! ```
//!
//! In documents a moment is RFC 3339 in UTC, a time is a whole number of microseconds in a field whose name ends in
//! `_us`, a size is in bytes, and a content hash has 64 hexadecimal digits. Later versions may add fields.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{
    PatchInfo, Runtime, TrialStatus,
    host::{actor::Actor, serial, status::Status},
};

/// The present form of a [`StatusDocument`]. It changes if a field changes its meaning or goes.
pub const FORM: u32 = 1;

/// What a runtime holds, with the process that it is in. [`status`] makes one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusDocument {
    /// The form of the document: [`FORM`].
    pub form: u32,
    /// The version of this library.
    pub lcr: String,
    /// The process.
    pub process: Actor,
    /// When the document was made, by the system's clock.
    #[serde(with = "serial::moment")]
    pub at: SystemTime,
    /// What the runtime holds. Its fields stand beside those above.
    #[serde(flatten)]
    pub status: Status,
    /// How the trial stands; `None` if none is under way.
    pub trial: Option<TrialStatus>,
    /// How the canary stands; `None` if none is under way.
    #[cfg(feature = "reflect")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<crate::canary::CanaryStatus>,
    /// The patches, each around those before it.
    #[serde(default)]
    pub patches: Vec<PatchInfo>,
}

/// What the runtime holds now, as a document. As [`Runtime::status`], it takes the state lock for a few look-ups.
pub fn status(rt: &Runtime) -> StatusDocument {
    StatusDocument {
        form: FORM,
        lcr: env!("CARGO_PKG_VERSION").to_owned(),
        process: Actor::this_process(),
        at: SystemTime::now(),
        status: rt.status(),
        trial: rt.trial(),
        #[cfg(feature = "reflect")]
        canary: rt.canary(),
        patches: rt.patches(),
    }
}

/// A document as one line of JSON.
///
/// # Panics
/// If `document` is of a type of the caller's that serde_json cannot write. It can write those of this library.
pub fn json(document: &impl Serialize) -> String {
    serde_json::to_string(document).unwrap_or_else(|error| panic!("this is no document: {error}"))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::manifest::{Fit, InterfaceFit, MethodFit, StateFit};

    #[test]
    fn a_fit_comes_back_from_its_document() {
        let text = |text: &str| text.to_owned();
        let methods = vec![
            MethodFit::Comes(text("a()")),
            MethodFit::ByDefault(text("b()")),
            MethodFit::Missing(text("c()")),
            MethodFit::Differs { before: text("d()"), after: text("d(u8)"), difference: text("a parameter comes") },
        ];
        let copied = |ahead, why| StateFit::Copied { before: 1, after: 2, ahead, why };
        let states = [
            StateFit::ByPointer(3),
            StateFit::Downgraded { before: 2, after: 1 },
            copied(false, Some(text("another type"))),
            copied(true, None),
            StateFit::Lost(text("no state")),
        ];
        for state in states {
            let interface = InterfaceFit {
                interface: text("kv.entries"),
                before: Some(1),
                after: None,
                unserved: vec![1],
                methods: methods.clone(),
                new_needs: vec![(text("kv.journal"), 2)],
                state: Some(state),
                protected: true,
            };
            let fit = Fit { interfaces: vec![interface], begins_to_abort: true };
            let document = super::json(&fit);
            assert_eq!(serde_json::from_str::<Fit>(&document).unwrap(), fit, "{document}");
            assert!(document.contains("\"change\":\"default\"") && document.contains("\"interface\":\"kv.journal\""));
        }
    }
}
