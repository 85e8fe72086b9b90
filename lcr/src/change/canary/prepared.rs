//! [`Prepared`]: a thread that is started ahead of everything that would have to be undone if it could not be.

use std::{
    ffi::CStr,
    sync::mpsc::{self, Sender},
};

use crate::{
    error::{Error, Result},
    host::{service::inner::AUTHORS_STACK, sys},
};

/// A thread that waits for what it is to work on. If this is dropped, it ends.
pub(super) struct Prepared<T>(Sender<T>);

impl<T: Send + 'static> Prepared<T> {
    /// Starts the thread.
    ///
    /// # Errors
    /// `Io` if the system refuses a thread.
    pub(super) fn start(name: &'static CStr, run: impl FnOnce(T) + Send + 'static) -> Result<Prepared<T>> {
        let (send, receive) = mpsc::channel();
        sys::start(name, AUTHORS_STACK, move || {
            if let Ok(work) = receive.recv() {
                run(work);
            }
        })
        .map_err(|error| Error::io("no thread could be started for the canary", error))?;
        Ok(Prepared(send))
    }

    /// Gives the thread its work.
    pub(super) fn begin(self, work: T) {
        // It waits for nothing else.
        drop(self.0.send(work));
    }
}
