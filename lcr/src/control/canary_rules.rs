//! By which rules a change is a canary first, as the control socket takes them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Error, ErrorKind, Result, canary::Canary};

use super::times::time;

/// By which rules a new version serves a share of the calls, or gets copies of some.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CanaryRules {
    /// [`Canary::share`]; of a shadow, [`Canary::of_share`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// [`Canary::shadow`]: the methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<String>,
    /// [`Canary::matching`]: what the calls have to have that are drawn for. Not of a shadow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matching: Vec<CanaryCondition>,
    /// [`Canary::of_requests`]. Not of a shadow, and not with `matching`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_requests: bool,
    /// [`Canary::calls`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// [`Canary::within`], in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// [`Canary::seed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// [`Canary::any_time`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_time: bool,
    /// [`Canary::any_order`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_order: bool,
}

impl CanaryRules {
    /// A canary that gets this share of the calls.
    pub fn share(share: f64) -> CanaryRules {
        CanaryRules { share: Some(share), ..CanaryRules::default() }
    }

    /// A shadow of these methods.
    pub fn shadow<M: Into<String>>(methods: impl IntoIterator<Item = M>) -> CanaryRules {
        let shadow = methods.into_iter().map(Into::into).collect();
        CanaryRules { shadow, ..CanaryRules::default() }
    }

    pub(super) fn canary(&self) -> Result<Canary> {
        let mut canary = match (self.share, &self.shadow[..]) {
            (Some(share), []) => Canary::share(share),
            (None, [_, ..]) => Canary::shadow(&self.shadow),
            (Some(share), [_, ..]) => Canary::shadow(&self.shadow).of_share(share),
            (None, []) => {
                let text = "a canary has a `share` of the calls or, as a `shadow`, the methods of whose calls it gets \
                            copies";
                return Err(Error::new(ErrorKind::Invalid, text));
            }
        };
        for CanaryCondition { method, argument, value } in &self.matching {
            canary = canary.matching(method, argument, value.get());
        }
        if self.of_requests {
            canary = canary.of_requests();
        }
        if let Some(calls) = self.calls {
            canary = canary.calls(calls);
        }
        if let Some(within) = self.within_ms {
            canary = canary.within(time("within_ms", within)?);
        }
        if let Some(seed) = self.seed {
            canary = canary.seed(seed);
        }
        if self.any_order {
            canary = canary.any_order();
        }
        Ok(if self.any_time { canary.any_time() } else { canary })
    }
}

/// What a call has to have for a canary to be of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CanaryCondition {
    /// The method, or a pattern.
    pub method: String,
    /// The name of the argument, or its place from 1; behind it the way to a part of it, such as `entry.tags[0]`.
    pub argument: String,
    /// As it was written: numbers of a tree of JSON would be rounded.
    value: Box<RawValue>,
}

impl CanaryCondition {
    /// The argument, or a part of it, has this value, which is JSON.
    ///
    /// # Errors
    /// `Invalid` if it is not.
    pub fn new(method: impl Into<String>, argument: impl Into<String>, json: &str) -> Result<CanaryCondition> {
        let (method, argument) = (method.into(), argument.into());
        match serde_json::from_str(json) {
            Ok(value) => Ok(CanaryCondition { method, argument, value }),
            Err(error) => {
                let text = format!("the value of `{argument:.80}` is no JSON: {error}; a text is written as \"text\"");
                Err(Error::new(ErrorKind::Invalid, text))
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_condition_goes_as_it_was_written_and_is_refused_if_it_is_no_json() {
        let long = u128::MAX.to_string();
        let mut rules = CanaryRules::share(0.5);
        rules.matching.push(CanaryCondition::new("kv.store.get", "key", &long).unwrap());
        let text = serde_json::to_string(&rules).unwrap();
        let condition = format!(r#"[{{"method":"kv.store.get","argument":"key","value":{long}}}]"#);
        assert_eq!(text, format!(r#"{{"share":0.5,"matching":{condition}}}"#));
        let read: CanaryRules = serde_json::from_str(&text).unwrap();
        assert_eq!(read.matching[0].value.get(), long);
        drop(read.canary().unwrap());
        let error = CanaryCondition::new("kv.store.get", "key", "user-7").unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("\"text\""), "{error}");
    }
}
