//! State that survives a replacement.

use std::borrow::Cow;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    context::Context,
    wire::{self, Unwanted},
};

/// Any error of an author's own; `?` and `"text".into()` make one.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A component whose state moves to its successor when it is replaced. The author declares it by
/// `#[lcr::component(state)]`; the page [`state`](crate::guide::state) of the guide is the introduction.
///
/// **Threads.** `save`, `migrate` and `restore` run on a thread of the transaction. While they run, no
/// call is inside the instance, and callers wait at the gate until the successor is ready or the
/// replacement is given up. Keep them short: the whole hand-over may take the plan's
/// [`deadline`](crate::PlanBuilder::deadline). Default: 1 s.
///
/// **Format.** The state crosses in the self-describing format of [`wire`]: a field with
/// `#[serde(default)]` may be added without a new version, and values may be [`wire::DEPTH`] levels
/// deep.
///
/// **Failure.** If one of the functions returns an error or panics, the replacement is refused (the
/// kind [`State`](crate::ErrorKind::State)), and the old instance goes on serving, unchanged.
///
/// **Several components** that are replaced together are all saved before any of them is restored.
/// Dependents are saved before their dependencies: `save` may call its dependencies, and what it
/// tells them is handed over with their state. Dependencies are restored before their dependents:
/// `restore` and the health check reach the new dependencies, and if the transaction is refused,
/// what these were told is discarded with them. A call into an instance that was saved and whose
/// successor is not restored yet would be lost; such a call is a fault.
pub trait Stateful: Sized {
    /// What is handed over: any type that serde writes and reads.
    type State: Serialize + DeserializeOwned;

    /// The version of [`Stateful::State`]. Raise it when the type no longer reads older states.
    /// Default: 1.
    const STATE_VERSION: u32 = 1;

    /// Returns a copy of the state and leaves the instance as it is: if the replacement is given
    /// up, the instance goes on serving.
    ///
    /// # Errors
    /// Any error refuses the replacement.
    fn save(&self) -> Result<Self::State, BoxError>;

    /// Constructs the successor from the state. `context` has the component's configuration and
    /// dependencies, as for a constructor.
    ///
    /// # Errors
    /// Any error refuses the replacement.
    fn restore(state: Self::State, context: &Context) -> Result<Self, BoxError>;

    /// The older versions of the state that [`downgrade`](Stateful::downgrade) writes, each below
    /// [`STATE_VERSION`](Stateful::STATE_VERSION). They are in the manifest, so that a plan says beforehand how state
    /// goes back. Default: none.
    const DOWNGRADES_TO: &'static [u32] = &[];

    /// Turns a state of version `from`, older or newer, into the present type. The runtime calls
    /// `migrate` before [`restore`](Stateful::restore) if the versions differ.
    ///
    /// # Errors
    /// Any error refuses the replacement. The default body refuses every version.
    fn migrate(from: u32, raw: RawState<'_>) -> Result<Self::State, BoxError> {
        let _ = raw;
        Err(format!(
            "state version {from} is not known here, only {}; implement Stateful::migrate",
            Self::STATE_VERSION
        )
        .into())
    }

    /// Turns the state into what version `to` of it reads: [`RawState::of`] a value of the type that it had then. The
    /// runtime calls `downgrade` at a rollback to a component whose state has that version, if
    /// [`DOWNGRADES_TO`](Stateful::DOWNGRADES_TO) names it. The older component gets the result in its
    /// [`restore`](Stateful::restore), and needs to know nothing of this version. What the older type has no place for
    /// is lost, so refuse a state that must not lose it.
    ///
    /// # Errors
    /// After any error or panic, the state is offered to [`migrate`](Stateful::migrate) of the older component, as
    /// without a downgrade. The default body refuses every version.
    fn downgrade(to: u32, state: Self::State) -> Result<RawState<'static>, BoxError> {
        drop(state);
        Err(format!("no way back to version {to} of the state is known; implement Stateful::downgrade").into())
    }
}

/// A saved state of another version, as [`Stateful::migrate`] gets it.
#[derive(Clone, Debug)]
pub struct RawState<'a>(Cow<'a, [u8]>);

impl RawState<'_> {
    /// Encodes a state as a hand-over does, for tests of [`Stateful::migrate`]: see
    /// [`testing`](crate::testing).
    ///
    /// # Errors
    /// If the state cannot be encoded: see [`wire::encode`].
    pub fn of<T: Serialize + ?Sized>(state: &T) -> Result<RawState<'static>, BoxError> {
        Ok(RawState(Cow::Owned(wire::encode(state)?)))
    }

    /// Reads the state as a `T`, the type that the state had in its version.
    ///
    /// # Errors
    /// If the state cannot be read as a `T`: see [`wire::decode`].
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, BoxError> {
        Ok(wire::decode(&self.0)?)
    }

    /// The state's bytes, in the format of [`wire`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> RawState<'a> {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_owned()
    }

    pub(crate) fn borrowed(bytes: &'a [u8]) -> RawState<'a> {
        RawState(Cow::Borrowed(bytes))
    }
}

pub(crate) fn save<T: Stateful>(instance: &T, unwanted: Unwanted<'_>) -> Result<Vec<u8>, String> {
    let state = instance.save().map_err(|error| error.to_string())?;
    let written = wire::write(&state, unwanted).and_then(wire::Written::readable::<T::State>);
    written.map_err(|error| format!("the state cannot be encoded: {error}"))
}

/// The state that `bytes` are, of version `from`, as one of version `to`. Once `unwanted` says so, nothing is begun.
pub(crate) fn downgrade<T: DeserializeOwned>(
    to: u32,
    bytes: &[u8],
    unwanted: Unwanted<'_>,
    downgrade: impl FnOnce(u32, T) -> Result<RawState<'static>, BoxError>,
) -> Result<Vec<u8>, String> {
    let state = wire::decode(bytes).map_err(|error| format!("the state cannot be decoded: {error}"))?;
    if unwanted.is_set() {
        return Err("nobody waits for the state".to_owned());
    }
    let older = downgrade(to, state).map_err(|error| format!("downgrade to version {to}: {error}"))?;
    Ok(older.into_bytes())
}

pub(crate) fn restore<T: Stateful>(from: u32, bytes: &[u8], context: &Context) -> Result<T, String> {
    let state = if from == T::STATE_VERSION {
        wire::decode(bytes).map_err(|error| format!("the state of version {from} cannot be decoded: {error}"))?
    } else {
        T::migrate(from, RawState::borrowed(bytes)).map_err(|error| format!("migrate from version {from}: {error}"))?
    };
    T::restore(state, context).map_err(|error| error.to_string())
}
