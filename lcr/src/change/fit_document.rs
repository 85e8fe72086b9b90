//! How a `Fit` is written by serde: methods and states with their kind in a field of its own, and
//! needs with names for their parts.

use serde::{Deserialize, Serialize};

/// A `MethodFit`: its kind is `change`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(super) enum Method {
    Comes { method: String },
    Default { method: String },
    Missing { method: String },
    Differs { method: String, after: String, difference: String },
}

/// A `StateFit`: its kind is `way`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub(super) enum State {
    Pointer { before: u32, after: u32 },
    Downgrade { before: u32, after: u32 },
    Copied { before: u32, after: u32, why: Option<String> },
    CopiedAhead { before: u32, after: u32, why: Option<String> },
    Lost { why: String },
}

/// The interfaces that a library needs newly, each as an object.
pub(super) mod needs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Need {
        interface: String,
        version: u32,
    }

    pub(in crate::change) fn serialize<S: Serializer>(needs: &[(String, u32)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(
            needs.iter().map(|(interface, version)| Need { interface: interface.clone(), version: *version }),
        )
    }

    pub(in crate::change) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, u32)>, D::Error> {
        let needs: Vec<Need> = Vec::deserialize(from)?;
        Ok(needs.into_iter().map(|need| (need.interface, need.version)).collect())
    }
}
