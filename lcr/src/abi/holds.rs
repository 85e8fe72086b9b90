//! What still needs an image: counts that say when it may be unmapped.
//!
//! Code of an image runs in one of two ways. Either a frame, a pin or an instance of a
//! world stands below it on the stack, which the host knows; or one of these does, which is counted
//! here: a *value* that the image owns and another image holds (bytes, shared content, boxed callbacks),
//! a *thread* that the image started, a *thread-local* of it whose destructor is to run,
//! or such a destructor that is *running*.
//!
//! **Zero is for ever.** Only code of the image raises a count, and such code runs under a
//! count (or a frame) of its own. Each count is lowered only when that code has returned,
//! *by code of another image*: the receiver of a value, or the host. So nothing of the
//! image is on its way back behind the decrement, which is the last access to [`Holds`];
//! and once all frames are gone and `all` is 0, it stays 0.
//!
//! Buffers of a `Vec`, `String`, `Box`, `Serde` or fault and an `Arc` are not counted: their receiver
//! frees them inside the frame, pin or construction that they came by, or inside the
//! `call` of a callback that is itself counted; arguments are freed while their giver
//! stands below on the stack.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::layout::layout;

/// One image's counts. `all` is their sum and decides; the others say why.
#[repr(C)]
#[derive(Debug)]
pub struct Holds {
    all: AtomicUsize,
    values: AtomicUsize,
    threads: AtomicUsize,
    locals: AtomicUsize,
    running: AtomicUsize,
    early: AtomicUsize,
    unseen: AtomicUsize,
}

layout!(Holds: size 56, align 8 { all at 0, values at 8, threads at 16, locals at 24, running at 32, early at 40, unseen at 48 });

/// What a count is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// Bytes, shared content or a boxed callback of the image, held elsewhere.
    Value,
    /// A thread that the image started.
    Thread,
    /// A thread-local whose destructor is to run.
    Local,
    /// A destructor that the host calls at this moment.
    Running,
    /// A resource that an initialiser of the image took before the image met its host. Never given
    /// back.
    Early,
    /// An image in which the host sees none of this. Never given back.
    Unseen,
}

/// This image's counts.
static OURS: Holds = Holds::new();

/// This image's counts.
pub(crate) fn ours() -> &'static Holds {
    &OURS
}

impl Holds {
    /// Nothing needs the image.
    pub const fn new() -> Holds {
        Holds {
            all: AtomicUsize::new(0),
            values: AtomicUsize::new(0),
            threads: AtomicUsize::new(0),
            locals: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            early: AtomicUsize::new(0),
            unseen: AtomicUsize::new(0),
        }
    }

    fn of(&self, hold: Hold) -> &AtomicUsize {
        match hold {
            Hold::Value => &self.values,
            Hold::Thread => &self.threads,
            Hold::Local => &self.locals,
            Hold::Running => &self.running,
            Hold::Early => &self.early,
            Hold::Unseen => &self.unseen,
        }
    }

    /// Counts one hold of this kind.
    pub fn take(&self, hold: Hold) {
        self.all.fetch_add(1, Ordering::Relaxed);
        self.of(hold).fetch_add(1, Ordering::Relaxed);
    }

    /// Gives one hold back, after everything that the image's code did under it.
    ///
    /// # Safety
    /// The hold was taken, and is not used again: the image, and the counts with it, may be unmapped
    /// from now on.
    pub unsafe fn give_back(holds: *const Holds, hold: Hold) {
        // SAFETY: the hold that is given back keeps the image mapped.
        let of = unsafe { (*holds).of(hold) };
        of.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: as above; no reference is left when the count is lower.
        let all: *const AtomicUsize = unsafe { &raw const (*holds).all };
        // SAFETY: as above.
        unsafe { (*all).fetch_sub(1, Ordering::Release) };
    }

    /// How many holds there are, of all kinds.
    pub fn all(&self) -> usize {
        self.all.load(Ordering::Acquire)
    }

    /// How many holds there are of one kind, for messages, and to tell apart those of this thread.
    pub fn count(&self, hold: Hold) -> usize {
        self.of(hold).load(Ordering::Acquire)
    }
}

impl Default for Holds {
    fn default() -> Holds {
        Holds::new()
    }
}
