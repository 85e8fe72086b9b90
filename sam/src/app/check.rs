//! Named checks: each thread or task that must not hang beats for itself, with a deadline of its own.

use std::{sync::Mutex, time::Duration};

use super::{
    attach::{self, Attached, Supervision},
    calls::App,
    lock::lock,
};
use crate::{
    error::{Error, ErrorKind, Result},
    shared::{CHECKS, LABEL, Label, now},
};

/// A sign of life with a name and a deadline of its own: longer silence is a hang of the whole instance.
/// Dropping the check ends it. See [`App::check`].
///
/// ```
/// # use std::time::Duration;
/// let check = sam::app().check("writer", Duration::from_secs(5))?;
/// for block in [1, 2, 3] {
///     check.beat();
///     let parked = check.parked();       // waiting for work is no hang
///     // let work = queue.recv();
///     drop(parked);
/// #   let _ = block;
/// }
/// # Ok::<(), sam::Error>(())
/// ```
#[derive(Debug)]
pub struct Check {
    /// The check's slot on the board; `None` where there is no supervisor.
    at: Option<At>,
}

#[derive(Debug)]
struct At {
    attached: &'static Attached,
    index: usize,
    /// How many guards park the check.
    parks: Mutex<u32>,
}

/// Pauses a check until the guard is dropped; see [`Check::parked`].
#[derive(Debug)]
#[must_use = "the check is parked until this is dropped"]
pub struct Parked<'a> {
    check: &'a Check,
}

impl App {
    /// Begins a check: the returned value must [beat](Check::beat) from now on, at least once in each
    /// `deadline`, which is 1 ms or more. The name has 1 to 48 bytes and no control characters. There can be 63
    /// checks, and several may have the same name.
    ///
    /// # Errors
    /// [`NameTooLong`](ErrorKind::NameTooLong); [`Invalid`](ErrorKind::Invalid): the name is empty or not
    /// plain text, or the deadline is too short; [`Full`](ErrorKind::Full): 63 checks exist;
    /// [`BadState`](ErrorKind::BadState): this is a forked child.
    pub fn check(&self, name: &str, deadline: Duration) -> Result<Check> {
        let label = Label::new(name).ok_or_else(|| {
            if name.len() > LABEL {
                let text = format!("a check's name of {} bytes is too long; give {LABEL} bytes at most", name.len());
                Error::new(ErrorKind::NameTooLong, text)
            } else {
                Error::new(
                    ErrorKind::Invalid,
                    format!("{name:?} cannot name a check; give 1 to {LABEL} bytes of plain text"),
                )
            }
        })?;
        if deadline < Duration::from_millis(1) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("a deadline of {deadline:?} is too short; give 1 ms or more"),
            ));
        }
        let attached = match attach::supervision() {
            Supervision::Unsupervised => return Ok(Check { at: None }),
            Supervision::ForkedChild => return Err(attach::detached()),
            Supervision::Attached(attached) => attached,
        };
        let mut claimed = lock(&attached.claimed);
        let index = claimed.trailing_ones() as usize;
        if index >= CHECKS {
            return Err(Error::new(
                ErrorKind::Full,
                format!("no room for check {name:?}: {CHECKS} exist; drop one first"),
            ));
        }
        *claimed |= 1 << index;
        attached.board.claim(index, &label, deadline, now());
        drop(claimed);
        attached.client.look();
        Ok(Check { at: Some(At { attached, index, parks: Mutex::new(0) }) })
    }
}

impl Check {
    /// Says that this thread or task is alive. The call makes no system call and takes no lock; it is
    /// async-signal-safe. In a forked child it has no effect.
    #[inline]
    pub fn beat(&self) {
        if let Some(at) = &self.at
            && let Supervision::Attached(attached) = attach::supervision()
        {
            attached.board.beat(at.index);
        }
    }

    /// Pauses the check until the returned guard is dropped; the deadline begins anew then. Guards nest, also
    /// across threads.
    pub fn parked(&self) -> Parked<'_> {
        if let Some(At { attached, index, parks }) = self.here() {
            let mut parks = lock(parks);
            *parks += 1;
            if *parks == 1 {
                let _order = lock(&attached.claimed);
                attached.board.park(*index);
            }
        }
        Parked { check: self }
    }

    /// The check's slot, in the instance. `None` in a forked child, where threads that the child lacks may hold
    /// the locks.
    fn here(&self) -> Option<&At> {
        self.at.as_ref().filter(|_| matches!(attach::supervision(), Supervision::Attached(_)))
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        let Some(At { attached, index, parks }) = self.check.here() else { return };
        let mut parks = lock(parks);
        *parks -= 1;
        if *parks == 0 {
            {
                let _order = lock(&attached.claimed);
                attached.board.unpark(*index, now());
            }
            attached.client.look();
        }
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let Some(At { attached, index, .. }) = self.here() else { return };
        let mut claimed = lock(&attached.claimed);
        attached.board.release(*index);
        *claimed &= !(1 << index);
    }
}
