//! A control socket that opens and closes with its runtime.
//!
//! The program keeps no [`Server`], so the runtime does, and closes it as the first step of its end, while everything
//! still serves. Requests get a runtime that is lent: its drop ends nothing, so no client can keep the program's
//! runtime alive, or have it end on a thread of the server.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{Error, ErrorKind, Runtime, RuntimeBuilder};

use super::{server::ServerBuilder, serving::Whose};

#[cfg(doc)]
use super::Server;

impl RuntimeBuilder {
    /// Opens the control socket when the runtime is built, with these options, and closes it when the runtime is
    /// dropped. It opens last: what a history brings back is there by then. Dropping the runtime waits for requests
    /// that are being executed as dropping a [`Server`] does.
    ///
    /// Building is then refused for the reasons of [`ServerBuilder::serve`], too.
    ///
    /// ```
    /// use lcr::control::Server;
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("kv.sock");
    /// let rt = lcr::Runtime::builder().control(Server::builder().path(&path)).build()?;
    /// assert_eq!(rt.control_socket(), Some(&*path));
    /// drop(rt);
    /// assert!(!path.exists());
    /// # Ok::<(), lcr::Error>(())
    /// ```
    pub fn control(self, options: ServerBuilder) -> RuntimeBuilder {
        self.begin_last_with(move |inner| {
            let runtime = Arc::downgrade(inner);
            let server = options.serve_for(Whose::new(move || Some(Arc::new(Runtime::lent(runtime.upgrade()?)))))?;
            let path = server.path().to_owned();
            let server = Mutex::new(Some(server));
            let close = move || drop(server.lock().unwrap_or_else(PoisonError::into_inner).take());
            if inner.above().set_socket(path, close) {
                return Ok(());
            }
            let text = "the runtime opens a control socket already; open a further one with `Server::builder`";
            Err(Error::new(ErrorKind::Invalid, text))
        })
    }
}

impl Runtime {
    /// Where the control socket is that [opened with the runtime](RuntimeBuilder::control). `None` if none did.
    pub fn control_socket(&self) -> Option<&Path> {
        self.inner().above().socket()
    }
}
