//! [`Incremental`]: state that tells its changes, so that it can be copied while it is in use.

use std::{
    ops::DerefMut,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Mutex, PoisonError, RwLock},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    state::cell::State,
    stateful::{BoxError, RawState},
    wire,
};

/// State that is copied in rounds while calls go on, as the live migration of virtual machines copies
/// memory (Clark et al., NSDI 2005).
///
/// The first look at a tracked state finds everything that is in it, later looks find what has changed
/// since. Each look is bounded, and the copy is made of many: callers wait for one look at most, however
/// large the state is. Only the last looks are taken while callers wait at the gate.
///
/// [`Tracked`](crate::Tracked) maps and vectors implement this trait. A state of several of them
/// implements it by its parts:
///
/// ```
/// use std::collections::{BTreeMap, HashMap};
///
/// use lcr::{BoxError, Incremental, MapChanges, Tracked};
///
/// #[derive(Default)]
/// struct Bank {
///     balances: Tracked<HashMap<u64, i64>>,
///     names: Tracked<BTreeMap<u64, String>>,
///     transfers: u64, // small, so each look takes it whole
/// }
///
/// impl Incremental for Bank {
///     type Changes = (MapChanges<u64, i64>, MapChanges<u64, String>, u64);
///
///     fn track(&mut self, most: usize) {
///         self.balances.track(most);
///         self.names.track(most);
///     }
///     fn untrack(&mut self) {
///         self.balances.untrack();
///         self.names.untrack();
///     }
///     fn changes(&mut self, limit: usize) -> Result<Self::Changes, BoxError> {
///         Ok((self.balances.changes(limit)?, self.names.changes(limit)?, self.transfers))
///     }
///     fn left(&self) -> usize {
///         self.balances.left() + self.names.left()
///     }
///     fn apply(&mut self, (balances, names, transfers): Self::Changes) -> Result<(), BoxError> {
///         self.balances.apply(balances)?;
///         self.names.apply(names)?;
///         self.transfers = transfers;
///         Ok(())
///     }
/// }
///
/// let (mut old, mut new) = (Bank::default(), Bank::default());
/// old.balances.insert(1, 100);
/// old.track(1_000);
/// new.apply(old.changes(64)?)?;
/// old.balances.insert(2, 50); // a call, meanwhile
/// old.transfers += 1;
/// while old.left() > 0 {
///     new.apply(old.changes(64)?)?;
/// }
/// new.apply(old.changes(64)?)?; // what no count shows: `transfers`
/// assert_eq!((new.balances.get(&2), new.transfers), (Some(&50), 1));
/// # Ok::<(), BoxError>(())
/// ```
///
/// **What an implementation promises.** If nothing changes the state during a last look, and
/// [`left`](Incremental::left) is 0 after it, then the changes of all looks since
/// [`track`](Incremental::track), applied in order to any value of the successor's type, make it the same
/// state. The runtime takes that look while no call is inside the component. An implementation that breaks
/// the promise loses its own data and nothing else.
///
/// **Threads.** The functions run on a thread of the transaction, `track`, `changes`, `left` and `untrack`
/// with the state locked: callers that write wait for them.
pub trait Incremental {
    /// What one look finds, in the form in which it crosses to the successor. The successor's state may
    /// be of another type whose changes read the same, as those of a hash map and a tree do.
    type Changes: Serialize + DeserializeOwned;

    /// Begins to track: from now on everything that is there counts as changed. What an earlier `track`
    /// recorded is forgotten.
    ///
    /// `most` bounds the memory of the record: if more than that many changes would have to be recorded,
    /// the state forgets them, and [`changes`](Incremental::changes) refuses until the next `track`.
    fn track(&mut self, most: usize);

    /// Ends tracking, and frees the record.
    fn untrack(&mut self);

    /// Takes the next changes: about `limit` items. Callers that write wait meanwhile, so the function
    /// copies the items and leaves their encoding to the runtime, which does it without the lock.
    ///
    /// # Errors
    /// If the state is not tracked, or has forgotten changes. Any error refuses the replacement.
    fn changes(&mut self, limit: usize) -> Result<Self::Changes, BoxError>;

    /// How many items [`changes`](Incremental::changes) would take to the end, about. Is 0 only if
    /// nothing is left that it counts.
    fn left(&self) -> usize;

    /// Makes the changes in this state, in the order in which they were taken.
    ///
    /// # Errors
    /// Any error refuses the replacement.
    fn apply(&mut self, changes: Self::Changes) -> Result<(), BoxError>;

    /// Turns changes of a state of version `from`, older or newer, into those of the present type. The
    /// runtime calls it before [`apply`](Incremental::apply) if the versions differ.
    ///
    /// # Errors
    /// Any error refuses the replacement. The default body refuses every version.
    fn migrate_changes(from: u32, raw: RawState<'_>) -> Result<Self::Changes, BoxError> {
        let _ = raw;
        Err(format!("changes of state version {from} are not known here; implement Incremental::migrate_changes")
            .into())
    }
}

/// A lock around an incremental state: what the field may be that `#[lcr::component(incremental = field)]`
/// names.
///
/// The runtime locks it for each look. A panic of a look does not poison the lock, and a lock that is poisoned is
/// opened.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no lock around a state that tells its changes",
    note = "the field is a `lcr::State`, `Mutex` or `RwLock` of a `lcr::Tracked<..>`, or of a type that implements `lcr::Incremental`"
)]
pub trait LockIncremental {
    /// The state.
    type State: Incremental;

    /// Runs `look` with the state locked.
    fn with<R>(&self, look: impl FnOnce(&mut Self::State) -> R) -> R;
}

impl<T: Incremental> LockIncremental for Mutex<T> {
    type State = T;

    fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        unpoisoned(self.lock().unwrap_or_else(PoisonError::into_inner), look)
    }
}

impl<T: Incremental> LockIncremental for RwLock<T> {
    type State = T;

    fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        unpoisoned(self.write().unwrap_or_else(PoisonError::into_inner), look)
    }
}

impl<T: Incremental> LockIncremental for State<T> {
    type State = T;

    fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        unpoisoned(self.write(), look)
    }
}

/// Lets the lock go before a panic of the look goes on: the panic refuses a replacement, and the component, which
/// serves on, does not find its lock poisoned.
fn unpoisoned<T, R>(mut state: impl DerefMut<Target = T>, look: impl FnOnce(&mut T) -> R) -> R {
    let result = catch_unwind(AssertUnwindSafe(|| look(&mut state)));
    drop(state);
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

pub(crate) fn track(state: &impl LockIncremental, most: u64) -> Result<(), String> {
    state.with(|state| state.track(usize::try_from(most).unwrap_or(usize::MAX)));
    Ok(())
}

pub(crate) fn untrack(state: &impl LockIncremental) -> Result<(), String> {
    state.with(Incremental::untrack);
    Ok(())
}

/// Takes changes with the state locked, and encodes them without.
pub(crate) fn changes(state: &impl LockIncremental, limit: u64) -> Result<(Vec<u8>, u64), String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (changes, left) = state.with(|state| (state.changes(limit), state.left() as u64));
    let changes = changes.map_err(|error| error.to_string())?;
    let bytes = wire::encode_readable(&changes).map_err(|error| format!("changes cannot be encoded: {error}"))?;
    Ok((bytes, left))
}

/// Decodes changes without the lock, and makes them with the state locked.
pub(crate) fn apply<L: LockIncremental>(state: &L, from: u32, to: u32, bytes: &[u8]) -> Result<(), String> {
    let changes = if from == to {
        wire::decode(bytes).map_err(|error| format!("changes of state version {from} cannot be decoded: {error}"))?
    } else {
        L::State::migrate_changes(from, RawState::borrowed(bytes))
            .map_err(|error| format!("migrate_changes from version {from}: {error}"))?
    };
    state.with(|state| state.apply(changes)).map_err(|error| error.to_string())
}
