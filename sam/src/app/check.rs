//! Named checks: each thread or task that must not hang beats for itself, in its own time.

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

/// A check of its own: silence for longer than its deadline is a hang of the whole instance.
/// Dropping it ends it.
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
    /// Where it is on the board; `None` where there is no supervisor.
    at: Option<At>,
}

#[derive(Debug)]
struct At {
    attached: &'static Attached,
    index: usize,
    /// How many guards park it.
    parks: Mutex<u32>,
}

/// Keeps a check parked until it is dropped; see [`Check::parked`].
#[derive(Debug)]
#[must_use = "the check is parked until this is dropped"]
pub struct Parked<'a> {
    check: &'a Check,
}

impl App {
    /// A check of that name (1 to 48 bytes, no control characters) that must beat at least every
    /// `deadline`, from now on. There can be 63; several may have the same name.
    ///
    /// # Errors
    /// `NameTooLong`, `Invalid` (name or deadline), `Full`, `BadState` in a forked child.
    pub fn check(&self, name: &str, deadline: Duration) -> Result<Check> {
        let label = Label::new(name).ok_or_else(|| {
            if name.len() > LABEL {
                let text = format!("a check's name of {} bytes is too long: the limit is {LABEL}", name.len());
                Error::new(ErrorKind::NameTooLong, text)
            } else {
                Error::new(ErrorKind::Invalid, format!("{name:?} cannot name a check: it is empty or not plain text"))
            }
        })?;
        if deadline < Duration::from_millis(1) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("a deadline of {deadline:?} is too short: the least is 1 ms"),
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
            return Err(Error::new(ErrorKind::Full, format!("no room for check {name:?}: {CHECKS} exist")));
        }
        *claimed |= 1 << index;
        attached.board.claim(index, &label, deadline, now());
        drop(claimed);
        attached.client.look();
        Ok(Check { at: Some(At { attached, index, parks: Mutex::new(0) }) })
    }
}

impl Check {
    /// This thread or task is alive. No system call and no lock; async-signal-safe. Does nothing in
    /// a forked child.
    #[inline]
    pub fn beat(&self) {
        if let Some(at) = &self.at
            && let Supervision::Attached(attached) = attach::supervision()
        {
            attached.board.beat(at.index);
        }
    }

    /// Silence is no failure until the guard is dropped (guards nest, also across threads); then the
    /// deadline begins anew.
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

    /// `None` also in a forked child, where the locks may be held by threads that are not there.
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
