//! The thread that answers questions for an application that has no event loop to answer on.

use std::{os::fd::AsFd, sync::atomic::Ordering, thread};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{
    Question,
    attach::{self, Supervision},
    calls::App,
};
use crate::{
    error::{Error, Result},
    wire,
};

impl App {
    /// Has the supervisor ask from now on, and a helper thread call `well` for each answer. `true` is an
    /// answer, `false` is none, and an interval without an answer is a hang. A second callback takes the place
    /// of the first.
    ///
    /// This is corosync's `sam_hc_callback_register`. **It shows that the helper thread lives and
    /// what `well` finds out, nothing else**: if `well` looks at nothing, a main thread that hangs
    /// goes unnoticed. [`questions`](Self::questions) is better for an application with an event loop, and
    /// [`check`](Self::check) for one with threads.
    ///
    /// If `well` panics, no answer comes. Without a supervisor the call has no effect.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io): the thread cannot be made.
    /// [`BadState`](crate::ErrorKind::BadState): this is a forked child.
    pub fn set_callback(&self, well: impl Fn() -> bool + Send + 'static) -> Result<()> {
        let attached = match attach::supervision() {
            Supervision::Attached(attached) => attached,
            Supervision::Unsupervised => return Ok(()),
            Supervision::ForkedChild => return Err(attach::detached()),
        };
        let number = self.helper.fetch_add(1, Ordering::Relaxed) + 1;
        let app: &'static App = super::app();
        let answer = move || {
            loop {
                let mut bell = [PollFd::new(attached.bell.as_fd(), PollFlags::POLLIN)];
                let heard = poll(&mut bell, PollTimeout::NONE);
                if app.helper.load(Ordering::Relaxed) != number
                    || (heard.is_ok() && !wire::silence(attached.bell.as_fd()))
                {
                    return;
                }
                if let Some(question) = attached.board.asked()
                    && well()
                {
                    app.answer(Question(question));
                }
            }
        };
        thread::Builder::new()
            .name("sam-helper".into())
            .spawn(answer)
            .map_err(|error| Error::io("cannot start the helper thread", error))?;
        self.questions();
        Ok(())
    }

    /// Removes the callback of [`set_callback`](Self::set_callback): the supervisor expects beats again.
    pub fn clear_callback(&self) {
        self.helper.fetch_add(1, Ordering::Relaxed);
        self.end_questions();
    }
}
