//! The way back of a state whose type has changed: the newer component writes it as the version that the older one has.
//!
//! An author who raises the version of a state may say how it goes back, by [`Stateful::downgrade`] or by
//! `downgrade = path` beside `state = field`, and to which versions. These are in the manifest. So a plan knows the way
//! before any code runs, and says it twice: a plan that goes back says that the state is downgraded, and a plan that
//! goes forward says what a rollback would do ([`state_back`](super::state_back)).
//!
//! 1. `downgrade` runs right behind the `save` of the same instance, on the thread of the transaction, while callers
//!    are held. Its input is what `save` wrote, so it changes nothing that a refusal would have to restore.
//! 2. Where the newer component declares it, it is tried first. The older component's `migrate` was written before the
//!    newer version was known, while `downgrade` knows both.
//! 3. If it refuses or panics, the state goes as without it: it is offered to the older component's `migrate`, and if
//!    that refuses too, a snapshot comes back where the plan allows that ([`snapshot`](super::snapshot)). The refusal
//!    of the plan has both reasons, and the report of a plan that found another way has the first one.
//! 4. If it does not return, the transaction ends at its deadline, as it does for a `migrate` that hangs. The next try
//!    of a trial to roll back leaves it out ([`Options::without_downgrade`]), so that the trial ends with the older
//!    version serving.
//! 5. A downgrade leads to one of the versions that are declared, and a rollback makes one: none is chained to another.
//!    A rollback to a version that is not declared says so, and goes on as in 3.
//! 6. A state that would be copied ahead of the gate is downgraded as a whole behind it: changes are not downgraded.
//!
//! [`Stateful::downgrade`]: crate::Stateful::downgrade
//! [`Options::without_downgrade`]: super::request::Options::without_downgrade

use std::sync::Arc;

use crate::{
    error::{Error, ErrorKind, LifecycleStep},
    host::{
        ids::ServiceId,
        objects::{component::Implementation, instances::Instance},
    },
};

use super::{
    downgraded::{Older, no_way},
    execution::Execution,
    stop::Stop,
};

impl Execution {
    /// What an instance has saved, as the version of its successor, or why not; `None` if it declares no downgrades.
    pub(super) fn downgraded(
        &self,
        old: &Instance,
        successor: &Implementation,
        saved: &[u8],
    ) -> Result<Option<Older>, Stop> {
        let implementation = old.implementation();
        let (manifest, to) = (&implementation.manifest, successor.manifest.state_version);
        let Some(to) = to.filter(|_| manifest.downgrades_to(&successor.manifest)) else {
            let refused = no_way(manifest, &successor.manifest).map(|text| Err(Error::new(ErrorKind::State, text)));
            return Ok(refused);
        };
        if self.options.without_downgrade {
            let text = format!(
                "the downgrade of component `{}` is left out, since it did not return before",
                implementation.component
            );
            return Ok(Some(Err(Error::new(ErrorKind::State, text))));
        }
        self.watch.step(Arc::clone(&implementation.component) as _, LifecycleStep::Downgrade)?;
        let older = old.downgrade(to, saved, self.watch.unwanted()).map(|bytes| (to, bytes));
        if let Err(error) = &older {
            tracing::warn!(component = %implementation.component, to, "a state is not downgraded: {error}");
        }
        Ok(Some(older))
    }

    /// Notes what became of a downgrade.
    pub(super) fn note_downgrade(&mut self, id: ServiceId, older: Option<&Older>) {
        let Some(older) = older else { return };
        let outcome = older.as_ref().map(drop).map_err(Error::to_string);
        self.downgrades.note(id, outcome);
    }
}
