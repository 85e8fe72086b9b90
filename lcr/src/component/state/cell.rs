//! `State<T>`: a lock around the value that a component keeps.
//!
//! The lock is std's `RwLock`; what lies in it is a box, or a note on who has the box. Boxes go out and in by
//! [`State::take`], [`State::give`] and [`State::end`], which only C functions for the host call. The
//! [module](super) has the states and the argument.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError},
    thread,
    time::Duration,
};

/// The state of a component, behind a lock. It moves to the component's successor without a line of the author's.
///
/// A component has it as a field, and names the field:
///
/// ```
/// use std::collections::BTreeMap;
///
/// #[lcr::interface(name = "state.cell", version = 1)]
/// pub trait Visits {
///     fn visit(&self, name: &str) -> u64;
/// }
///
/// #[derive(Default)]
/// pub struct Counts {
///     visits: lcr::State<BTreeMap<String, u64>>,
/// }
///
/// #[lcr::component(state = visits, name = "visits-in-a-cell")]
/// impl Visits for Counts {
///     fn visit(&self, name: &str) -> u64 {
///         let mut visits = self.visits.write();
///         let count = visits.entry(name.to_owned()).or_default();
///         *count += 1;
///         *count
///     }
/// }
/// # let counts = Counts::default();
/// # assert_eq!((counts.visit("ann"), counts.visit("ann")), (1, 2));
/// ```
///
/// **How it moves.** If `T` implements [`Layout`](trait@crate::Layout) and lies in memory alike in both images, the
/// runtime moves the box: nothing is copied, and no code of the author runs while callers wait. Else the state is
/// copied by serde, for which `T` implements `Serialize` and `DeserializeOwned`. A type that can do neither is refused
/// by the compiler. The plan says which way each member goes.
///
/// **The successor** is constructed as any instance is, by `Default` or `create`, and its health check runs, while the
/// predecessor still serves. Then the runtime drops the value that the constructor put into the `State`, and at the
/// commit puts the moved one in its place. A state that is copied is there before the health check.
///
/// **Threads.** Many threads may [`read`](State::read) at a time, if `T` is `Sync`, or one may [`write`](State::write).
/// The lock is that of std and knows no poison: a panic under a guard leaves the value as it is. A thread of
/// the component that keeps a guard keeps the state from moving; the replacement then fails at its deadline.
/// While the state moves, threads of the component wait for it.
///
/// **Sharing.** The field may be an `Arc<State<T>>`, so that threads of the component share it. Two instances
/// cannot: the state of the second would be gone, and the replacement is refused.
pub struct State<T> {
    place: RwLock<Place<T>>,
}

// SAFETY: by a shared reference a thread gets `&mut T` under the lock, for which `T: Send` is enough, or `&T` from
// functions that ask for `T: Sync`.
unsafe impl<T: Send> Sync for State<T> {}

/// Where the box is.
enum Place<T> {
    /// Here.
    Here(Box<T>),
    /// The host has it.
    Away,
    /// A successor has it.
    Gone,
}

/// What a host finds that wants to take a box.
pub(crate) enum Taken<T> {
    Value(Box<T>),
    /// A thread has the lock.
    Busy,
    /// The box is not here.
    Absent,
}

/// Why a box was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotGiven {
    /// A thread has the lock, for a look at a state that is away.
    Busy,
    /// No box was taken out.
    Absent,
}

/// Shared access to the value of a [`State`], until it is dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct StateRef<'a, T>(RwLockReadGuard<'a, Place<T>>);

/// Exclusive access to the value of a [`State`], until it is dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct StateMut<'a, T>(RwLockWriteGuard<'a, Place<T>>);

/// How long a thread sleeps between two looks at a state that is away.
const PAUSE: Duration = Duration::from_micros(100);

impl<T> State<T> {
    /// A state with this value.
    pub fn new(value: T) -> State<T> {
        State { place: RwLock::new(Place::Here(Box::new(value))) }
    }

    /// Shared access. Waits for a thread that writes, and while the state moves.
    ///
    /// # Panics
    /// If the state has moved to a successor: in threads and destructors of a replaced instance. Ask
    /// [`has_moved`](State::has_moved) there.
    pub fn read(&self) -> StateRef<'_, T>
    where
        T: Sync,
    {
        loop {
            let guard = self.place.read().unwrap_or_else(PoisonError::into_inner);
            match &*guard {
                Place::Here(_) => return StateRef(guard),
                Place::Away => {}
                Place::Gone => gone(),
            }
            drop(guard);
            thread::sleep(PAUSE);
        }
    }

    /// Exclusive access. Waits for threads that read or write, and while the state moves.
    ///
    /// # Panics
    /// As for [`read`](State::read).
    pub fn write(&self) -> StateMut<'_, T> {
        loop {
            let guard = self.place.write().unwrap_or_else(PoisonError::into_inner);
            match &*guard {
                Place::Here(_) => return StateMut(guard),
                Place::Away => {}
                Place::Gone => gone(),
            }
            drop(guard);
            thread::sleep(PAUSE);
        }
    }

    /// The same as [`write`](State::write), by the name that it has where nobody reads: for a `T` that is not `Sync`.
    ///
    /// # Panics
    /// As for [`read`](State::read).
    pub fn lock(&self) -> StateMut<'_, T> {
        self.write()
    }

    /// Shared access, or `None` if a thread writes, or if the state moves or has moved.
    pub fn try_read(&self) -> Option<StateRef<'_, T>>
    where
        T: Sync,
    {
        let guard = match self.place.try_read() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        matches!(&*guard, Place::Here(_)).then_some(StateRef(guard))
    }

    /// Exclusive access, or `None` if a thread reads or writes, or if the state moves or has moved.
    pub fn try_write(&self) -> Option<StateMut<'_, T>> {
        let guard = match self.place.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        matches!(&*guard, Place::Here(_)).then_some(StateMut(guard))
    }

    /// Whether a successor has the state. It does not come back then. Waits for a thread that writes.
    pub fn has_moved(&self) -> bool {
        matches!(&*self.place.read().unwrap_or_else(PoisonError::into_inner), Place::Gone)
    }

    /// The value, or `None` if a successor has it.
    pub fn into_inner(self) -> Option<T> {
        match self.place.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Place::Here(value) => Some(*value),
            Place::Away | Place::Gone => None,
        }
    }

    /// Takes the box out, for the host. Does not wait.
    pub(crate) fn take(&self) -> Taken<T> {
        let mut place = match self.place.try_write() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(place)) => place.into_inner(),
            Err(TryLockError::WouldBlock) => return Taken::Busy,
        };
        match std::mem::replace(&mut *place, Place::Away) {
            Place::Here(value) => Taken::Value(value),
            other => {
                *place = other;
                Taken::Absent
            }
        }
    }

    /// Puts a box where one was taken out. Does not wait: in the child of a fork, the lock may belong to a thread that
    /// is not there.
    ///
    /// # Errors
    /// The box, and why it was not taken.
    pub(crate) fn give(&self, value: Box<T>) -> Result<(), (NotGiven, Box<T>)> {
        let mut place = match self.place.try_write() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(place)) => place.into_inner(),
            Err(TryLockError::WouldBlock) => return Err((NotGiven::Busy, value)),
        };
        match *place {
            Place::Away => {
                *place = Place::Here(value);
                Ok(())
            }
            Place::Here(_) | Place::Gone => Err((NotGiven::Absent, value)),
        }
    }

    /// Notes that the box which was taken out does not come back.
    pub(crate) fn end(&self) {
        let mut place = self.place.write().unwrap_or_else(PoisonError::into_inner);
        if let Place::Away = *place {
            *place = Place::Gone;
        }
    }
}

#[cold]
fn gone() -> ! {
    panic!(
        "lcr: the state of this instance has moved to its successor; ask `State::has_moved` in threads and destructors"
    )
}

impl<T: Default> Default for State<T> {
    fn default() -> State<T> {
        State::new(T::default())
    }
}

impl<T> From<T> for State<T> {
    fn from(value: T) -> State<T> {
        State::new(value)
    }
}

impl<T> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl<T> Place<T> {
    fn here(&self) -> &T {
        match self {
            Place::Here(value) => value,
            Place::Away | Place::Gone => unreachable!("a guard is given out where the value is"),
        }
    }
}

impl<T> Deref for StateRef<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.here()
    }
}

impl<T> Deref for StateMut<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.here()
    }
}

impl<T> DerefMut for StateMut<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut *self.0 {
            Place::Here(value) => value,
            Place::Away | Place::Gone => unreachable!("a guard is given out where the value is"),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for StateRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for StateMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
