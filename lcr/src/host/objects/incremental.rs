//! Looks at an instance's state while callers use it, and changes of a successor's state.
//!
//! A component that hangs may return to a transaction that was given up long ago. Meanwhile another transaction may
//! track the same state. So an instance knows which transaction tracks it ([`Tracking`](super::tracking::Tracking)):
//! the functions of any other one do nothing to it. Its lock is held while the component tracks or ends tracking, and
//! is taken alone; a component that hangs there stops other transactions at the same step, until their watch gives them
//! up.

use crate::{
    abi::{tables::IncrementalTable, value::Abi},
    error::{Error, ErrorKind, Result},
    host::ids::TransactionId,
};

use super::instances::{Instance, verdict};

/// What one look at a state found.
pub(crate) struct Look {
    /// The changes in their wire format.
    pub(crate) bytes: Vec<u8>,
    /// How many items were left after the look.
    pub(crate) left: u64,
}

impl Instance {
    fn incremental(&self) -> Result<&'static IncrementalTable> {
        let component = &self.implementation().component;
        self.implementation().export.incremental.ok_or_else(|| {
            Error::new(
                ErrorKind::State,
                format!(
                    "component `{component}` does not tell changes of its state; declare #[lcr::component(incremental = field)]"
                ),
            )
        })
    }

    /// Has a transaction track its state, with at most `most` notes: runs code of the component on this thread.
    ///
    /// # Errors
    /// `State` if the component tells no changes, or panics.
    pub(crate) fn track(&self, transaction: TransactionId, most: u64) -> Result<()> {
        let table = self.incremental()?;
        let mut tracking = self.tracking().lock();
        *tracking = Some(transaction);
        // SAFETY: the borrow keeps the object alive.
        let outcome = unsafe { (table.track)(self.address(), most) };
        verdict::<u8>(outcome, ErrorKind::State, self.implementation(), "track").map(drop)
    }

    /// Ends the tracking of a transaction: runs code of the component on this thread. If another transaction
    /// tracks the state meanwhile, does nothing.
    pub(crate) fn untrack(&self, transaction: TransactionId) {
        let Ok(table) = self.incremental() else { return };
        let mut tracking = self.tracking().lock();
        if *tracking != Some(transaction) {
            return;
        }
        *tracking = None;
        // SAFETY: the borrow keeps the object alive.
        let outcome = unsafe { (table.untrack)(self.address()) };
        // A subscriber may call the runtime.
        drop(tracking);
        if let Err(error) = verdict::<u8>(outcome, ErrorKind::State, self.implementation(), "untrack") {
            tracing::warn!("a state is still tracked: {error}");
        }
    }

    /// Takes the next changes of its state, about `limit`: runs code of the component on this thread.
    ///
    /// # Errors
    /// `State` if the component refuses or panics, or if another transaction tracks the state.
    pub(crate) fn changes(&self, transaction: TransactionId, limit: u64) -> Result<Look> {
        let table = self.incremental()?;
        if *self.tracking().lock() != Some(transaction) {
            return Err(Error::new(ErrorKind::State, "another transaction tracks the state; try again"));
        }
        // SAFETY: the borrow keeps the object alive.
        let outcome = unsafe { (table.changes)(self.address(), limit) };
        let (bytes, left) =
            verdict::<(Vec<u8>, u64)>(outcome, ErrorKind::State, self.implementation(), "look at its state")?;
        Ok(Look { bytes, left })
    }

    /// Makes changes of a predecessor of state version `from` in its state: runs code of the component on this
    /// thread.
    ///
    /// # Errors
    /// `State` if the component refuses or panics.
    pub(crate) fn apply(&self, from: u32, changes: &[u8]) -> Result<()> {
        let table = self.incremental()?;
        // SAFETY: the borrow keeps the object alive, and the bytes live for the call.
        let outcome = unsafe { (table.apply)(self.address(), from, changes.into_repr()) };
        verdict::<u8>(outcome, ErrorKind::State, self.implementation(), "apply of changes").map(drop)
    }
}
