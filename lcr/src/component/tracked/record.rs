//! [`Record`]: which of a container's keys have to be copied again.
//!
//! Notes are taken in *sweeps*: a sweep takes all notes that are there when it begins, and those made
//! meanwhile are for the next one. So a key that changes all the time is copied once a sweep, and no other
//! key waits behind it. A sweep leaves out keys that were noted anew, since the next one takes them.

use crate::component::stateful::BoxError;

/// A set of keys that gives up some of them.
pub(super) trait Keys {
    type Key;

    /// The same kind of set, empty.
    fn emptied(&self) -> Self;
    fn len(&self) -> usize;
    fn contains(&self, key: &Self::Key) -> bool;
    fn add(&mut self, key: Self::Key);
    /// Takes keys out: about `limit`, and all of them sooner or later.
    fn take(&mut self, limit: usize) -> Vec<Self::Key>;
}

#[derive(lcr_macros::Layout)]
#[layout(crate = crate)]
pub(super) struct Record<Cursor, Set> {
    /// How far the copy has come; what is behind it is copied.
    pub(super) cursor: Cursor,
    /// About how many entries are ahead of the cursor.
    pub(super) ahead: usize,
    /// Whether the next look tells the successor to begin with nothing.
    is_fresh: bool,
    /// Keys that changed behind the cursor.
    noted: Set,
    /// Keys of the present sweep.
    sweep: Set,
    most: usize,
    has_forgotten: bool,
}

impl<Cursor, Set: Keys> Record<Cursor, Set> {
    pub(super) fn new(cursor: Cursor, ahead: usize, noted: Set, most: usize) -> Record<Cursor, Set> {
        let sweep = noted.emptied();
        Record { cursor, ahead, is_fresh: true, noted, sweep, most, has_forgotten: false }
    }

    /// Begins anew: everything is ahead of the cursor.
    pub(super) fn restart(&mut self, cursor: Cursor, ahead: usize) {
        self.cursor = cursor;
        self.ahead = ahead;
        self.is_fresh = true;
        self.forget();
    }

    fn forget(&mut self) {
        self.noted = self.noted.emptied();
        self.sweep = self.noted.emptied();
    }

    /// Notes a key behind the cursor that is about to change.
    pub(super) fn note(&mut self, key: Set::Key) {
        if self.has_forgotten {
            return;
        }
        self.noted.add(key);
        if self.noted.len() + self.sweep.len() > self.most {
            self.has_forgotten = true;
            self.forget();
        }
    }

    /// The number of keys to copy again; not 0 if any were forgotten.
    pub(super) fn notes(&self) -> usize {
        self.noted.len() + self.sweep.len() + usize::from(self.has_forgotten)
    }

    /// Begins a look. Returns whether the successor begins with nothing.
    pub(super) fn begin_look(&mut self) -> Result<bool, BoxError> {
        if self.has_forgotten {
            let most = self.most;
            return Err(format!(
                "the state changed faster than it was copied: more than {most} changes would have to be kept"
            )
            .into());
        }
        Ok(std::mem::take(&mut self.is_fresh))
    }

    /// Takes notes out, about `limit`.
    pub(super) fn take(&mut self, limit: usize) -> Vec<Set::Key> {
        if self.sweep.len() == 0 {
            self.sweep = std::mem::replace(&mut self.noted, self.sweep.emptied());
        }
        let mut keys = self.sweep.take(limit);
        keys.retain(|key| !self.noted.contains(key));
        keys
    }
}

/// The error of a look at a state that nothing tracks.
pub(super) fn untracked() -> BoxError {
    "the state is not tracked; call Incremental::track first".into()
}
