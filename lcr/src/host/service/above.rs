//! What the floors above keep with a runtime: who records its transactions, what is to be done at its end, and the
//! control socket that opens and closes with it.
//!
//! Floor 2 cannot name the types, so they are `Any` here, and floor 3 looks them up by type. Each is set
//! once, while the runtime is built and no other thread knows it, and are read without a lock: a child of
//! `fork` finds them as the parent had them.

use std::{
    any::Any,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// What floor 3 does when the runtime has ended.
type End = Box<dyn Fn() + Send + Sync>;

/// What floor 3 keeps with a runtime.
#[derive(Default)]
pub(crate) struct Above {
    recorder: OnceLock<Box<dyn Any + Send + Sync>>,
    history: OnceLock<Box<dyn Any + Send + Sync>>,
    /// Where the control socket is, and what closes it.
    socket: OnceLock<(PathBuf, End)>,
    end: OnceLock<End>,
    has_ended: AtomicBool,
}

impl Above {
    /// Sets who records. Returns false, and changes nothing, if that was set before.
    pub(crate) fn set_recorder<T: Any + Send + Sync>(&self, recorder: T) -> bool {
        self.recorder.set(Box::new(recorder)).is_ok()
    }

    /// Who records, if that was set as this type.
    pub(crate) fn recorder<T: Any>(&self) -> Option<&T> {
        self.recorder.get()?.downcast_ref()
    }

    /// Sets the history. Only the first one counts.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn set_history<T: Any + Send + Sync>(&self, history: T) {
        let _ = self.history.set(Box::new(history));
    }

    /// The history, if one was set as this type.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn history<T: Any>(&self) -> Option<&T> {
        self.history.get()?.downcast_ref()
    }

    /// Sets where the control socket is, and what closes it. Returns false, and changes nothing, if that was set
    /// before.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn set_socket(&self, path: PathBuf, close: impl Fn() + Send + Sync + 'static) -> bool {
        self.socket.set((path, Box::new(close))).is_ok()
    }

    /// Where the control socket is, if one opened with the runtime.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.get().map(|(path, _)| &**path)
    }

    /// Closes the control socket: the runtime is about to end.
    pub(in crate::host) fn close_socket(&self) {
        self.socket.get().into_iter().for_each(|(_, close)| close());
    }

    /// Sets what is done when the runtime has ended. Only the first one counts.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn at_end(&self, end: impl Fn() + Send + Sync + 'static) {
        let _ = self.end.set(Box::new(end));
    }

    /// Notes that the runtime has ended: all instances are destroyed, or given up.
    pub(in crate::host) fn end(&self) {
        if let (Some(end), false) = (self.end.get(), self.has_ended.swap(true, Ordering::AcqRel)) {
            end();
        }
    }
}
