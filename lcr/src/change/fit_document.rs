//! How a [`Fit`](super::fit::Fit) is written by serde: methods and states with their kind in a field of its own, and
//! needs with names for their parts.

use serde::{Deserialize, Serialize};

use super::fit::{MethodFit, StateFit};

/// A [`MethodFit`]: its kind is `change`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(super) enum Method {
    Comes { method: String },
    Default { method: String },
    Missing { method: String },
    Differs { method: String, after: String, difference: String },
}

impl From<MethodFit> for Method {
    fn from(fit: MethodFit) -> Method {
        match fit {
            MethodFit::Comes(method) => Method::Comes { method },
            MethodFit::ByDefault(method) => Method::Default { method },
            MethodFit::Missing(method) => Method::Missing { method },
            MethodFit::Differs { before, after, difference } => Method::Differs { method: before, after, difference },
        }
    }
}

impl From<Method> for MethodFit {
    fn from(method: Method) -> MethodFit {
        match method {
            Method::Comes { method } => MethodFit::Comes(method),
            Method::Default { method } => MethodFit::ByDefault(method),
            Method::Missing { method } => MethodFit::Missing(method),
            Method::Differs { method, after, difference } => MethodFit::Differs { before: method, after, difference },
        }
    }
}

/// A [`StateFit`]: its kind is `way`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub(super) enum State {
    Pointer { before: u32, after: u32 },
    Downgrade { before: u32, after: u32 },
    Copied { before: u32, after: u32, why: Option<String> },
    CopiedAhead { before: u32, after: u32, why: Option<String> },
    Lost { why: String },
}

impl From<StateFit> for State {
    fn from(fit: StateFit) -> State {
        match fit {
            StateFit::ByPointer(version) => State::Pointer { before: version, after: version },
            StateFit::Downgraded { before, after } => State::Downgrade { before, after },
            StateFit::Copied { before, after, ahead: false, why } => State::Copied { before, after, why },
            StateFit::Copied { before, after, ahead: true, why } => State::CopiedAhead { before, after, why },
            StateFit::Lost(why) => State::Lost { why },
        }
    }
}

impl From<State> for StateFit {
    fn from(state: State) -> StateFit {
        let copied = |before, after, ahead, why| StateFit::Copied { before, after, ahead, why };
        match state {
            State::Pointer { after, .. } => StateFit::ByPointer(after),
            State::Downgrade { before, after } => StateFit::Downgraded { before, after },
            State::Copied { before, after, why } => copied(before, after, false, why),
            State::CopiedAhead { before, after, why } => copied(before, after, true, why),
            State::Lost { why } => StateFit::Lost(why),
        }
    }
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

#[cfg(all(test, feature = "document"))]
mod tests {
    use super::super::fit::{Fit, InterfaceFit, MethodFit, StateFit};

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
                interface: text("kv.store"),
                before: Some(1),
                after: None,
                unserved: vec![1],
                methods: methods.clone(),
                new_needs: vec![(text("kv.journal"), 2)],
                state: Some(state),
                protected: true,
            };
            let fit = Fit { interfaces: vec![interface], begins_to_abort: true };
            let document = crate::document::json(&fit);
            assert_eq!(serde_json::from_str::<Fit>(&document).unwrap(), fit, "{document}");
            assert!(document.contains("\"change\":\"default\"") && document.contains("\"interface\":\"kv.journal\""));
        }
    }
}
