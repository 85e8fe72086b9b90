//! The builder's option, and the runtime's handle.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::{Runtime, RuntimeBuilder};

use super::{handle::OpenHistory, keeper::Keeper, options::History, reload};

impl RuntimeBuilder {
    /// Keeps a history of every change on disk, and brings back what was confirmed last when the runtime is built. The
    /// page [`history`](crate::guide::history) says how.
    ///
    /// A history that cannot be opened does not keep the runtime from being built: what is linked serves, an event and
    /// [`OpenHistory::state`] say why, and plans are refused with `History` until it can be opened.
    pub fn history(self, history: History) -> RuntimeBuilder {
        let History { directory, options, disk } = history;
        self.begin_with(move |inner| {
            let keeper = Arc::new(Keeper::new(directory, disk, options, Arc::downgrade(inner)));
            if !inner.record_by(Arc::clone(&keeper) as _) {
                return Ok(());
            }
            let reloaded = Arc::new(ArcSwap::from_pointee(reload::begin(&keeper, inner)));
            inner.above().set_history((Arc::clone(&keeper), reloaded));
            inner.above().at_end(move || keeper.end());
            Ok(())
        })
    }
}

impl Runtime {
    /// The history that this runtime keeps; `None` if it keeps none.
    pub fn history(&self) -> Option<OpenHistory> {
        let (keeper, reloaded) = self.inner().above().history::<(Arc<Keeper>, Arc<ArcSwap<reload::Reloaded>>)>()?;
        Some(OpenHistory {
            keeper: Arc::clone(keeper),
            inner: Arc::clone(self.inner()),
            reloaded: Arc::clone(reloaded),
        })
    }
}
