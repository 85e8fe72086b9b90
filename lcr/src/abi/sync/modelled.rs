//! loom's atomics, for code that can be told to lack what it relies on.
//!
//! A model shows that it would find a bug by running a part of one thread's code without
//! something ([`lacking`]). The code itself knows nothing of it.

use core::{cell::Cell, ops::Deref};

use loom::sync::atomic;

pub use loom::sync::atomic::Ordering;

/// What a part of a model's code lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lack {
    /// Fences do nothing.
    Fences,
    /// Stores are relaxed.
    Release,
    /// Loads are relaxed.
    Acquire,
}

loom::thread_local! {
    static LACK: Cell<Option<Lack>> = Cell::new(None);
}

/// Runs a part of the calling thread's code without something that it relies on.
pub(crate) fn lacking<R>(lack: Option<Lack>, run: impl FnOnce() -> R) -> R {
    let before = LACK.with(|cell| cell.replace(lack));
    let result = run();
    LACK.with(|cell| cell.set(before));
    result
}

fn lacks(lack: Lack) -> bool {
    LACK.try_with(|cell| cell.get() == Some(lack)).unwrap_or(false)
}

/// loom has no compiler fence: it does not reorder what one thread does.
pub fn compiler_fence(_: Ordering) {}

/// A fence, unless the code lacks it.
pub fn fence(ordering: Ordering) {
    if !lacks(Lack::Fences) {
        atomic::fence(ordering);
    }
}

macro_rules! atomics {
    ($($name:ident $(<$param:ident>)?: $value:ty;)*) => {$(
        /// loom's atomic, with the orderings that the running code does not lack.
        #[derive(Debug)]
        pub struct $name $(<$param>)? (atomic::$name $(<$param>)?);

        #[allow(missing_docs, reason = "as in core")]
        impl $(<$param>)? $name $(<$param>)? {
            #[track_caller]
            pub fn new(value: $value) -> Self {
                Self(atomic::$name::new(value))
            }

            #[track_caller]
            pub fn load(&self, ordering: Ordering) -> $value {
                self.0.load(if lacks(Lack::Acquire) { Ordering::Relaxed } else { ordering })
            }

            #[track_caller]
            pub fn store(&self, value: $value, ordering: Ordering) {
                self.0.store(value, if lacks(Lack::Release) { Ordering::Relaxed } else { ordering });
            }
        }

        impl $(<$param>)? Deref for $name $(<$param>)? {
            type Target = atomic::$name $(<$param>)?;
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    )*};
}

atomics! {
    AtomicPtr<T>: *mut T;
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
}
