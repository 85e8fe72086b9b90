//! State that survives a replacement.

use std::borrow::Cow;

use serde::{Serialize, de::DeserializeOwned};

use super::{context::Context, wire};

/// Any error of an author's own; `?` and `"text".into()` make one.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A component whose state moves to its successor. Declared with
/// `#[lcr::component(state)]`.
///
/// While `save` runs no caller is inside the instance, and none comes in until the
/// successor is ready or the replacement was given up; keep it short. The state crosses
/// in the self-describing format of [`wire`]: a field with `#[serde(default)]` may be
/// added without a new version, and values may be [`wire::DEPTH`] deep.
///
/// If several components are replaced together, all are saved before any is restored.
/// Dependents are saved before what they depend on: `save` may call its dependencies, and
/// what it tells them is handed over with their state. Dependencies are restored before
/// what depends on them: `restore` and the health check reach the new dependencies, and a
/// refusal takes back what they were told. Other calls that would be lost, into what was
/// saved and is not restored yet, are faults.
pub trait Stateful: Sized {
    /// What is handed over.
    type State: Serialize + DeserializeOwned;

    /// The version of [`Stateful::State`]; raise it when old states no longer decode.
    const STATE_VERSION: u32 = 1;

    /// Describes the state without changing it: if the replacement is given up, this
    /// instance goes on.
    ///
    /// # Errors
    /// Any error refuses the replacement.
    fn save(&self) -> Result<Self::State, BoxError>;

    /// Constructs the successor.
    ///
    /// # Errors
    /// Any error refuses the replacement.
    fn restore(state: Self::State, context: &Context) -> Result<Self, BoxError>;

    /// Turns a state of another version into the present one.
    ///
    /// # Errors
    /// Any error refuses the replacement; this default refuses every version.
    fn migrate(from: u32, raw: RawState<'_>) -> Result<Self::State, BoxError> {
        let _ = raw;
        Err(format!(
            "state version {from} is not known here, only {}; implement Stateful::migrate",
            Self::STATE_VERSION
        )
        .into())
    }
}

/// A saved state of another version, for [`Stateful::migrate`].
#[derive(Clone, Debug)]
pub struct RawState<'a>(Cow<'a, [u8]>);

impl RawState<'_> {
    /// The form in which a state is handed over, for tests of [`Stateful::migrate`]: see
    /// [`testing`](crate::testing).
    ///
    /// # Errors
    /// If the state cannot be encoded: see [`wire::encode`].
    pub fn of<T: Serialize + ?Sized>(state: &T) -> Result<RawState<'static>, BoxError> {
        Ok(RawState(Cow::Owned(wire::encode(state)?)))
    }

    /// Reads the state as the type that it had in its version.
    ///
    /// # Errors
    /// If the bytes are not of that type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, BoxError> {
        Ok(wire::decode(&self.0)?)
    }

    /// The state's bytes, in the format of [`wire`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

pub(crate) fn save<T: Stateful>(instance: &T) -> Result<Vec<u8>, String> {
    let state = instance.save().map_err(|error| error.to_string())?;
    wire::encode_readable(&state).map_err(|error| format!("the state cannot be encoded: {error}"))
}

pub(crate) fn restore<T: Stateful>(from: u32, bytes: &[u8], context: &Context) -> Result<T, String> {
    let state = if from == T::STATE_VERSION {
        wire::decode(bytes).map_err(|error| format!("the state of version {from} cannot be decoded: {error}"))?
    } else {
        T::migrate(from, RawState(Cow::Borrowed(bytes)))
            .map_err(|error| format!("migrate from version {from}: {error}"))?
    };
    T::restore(state, context).map_err(|error| error.to_string())
}
