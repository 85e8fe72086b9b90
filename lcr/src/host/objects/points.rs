//! The points that a runtime has armed, and the hooks that it has put there.
//!
//! [`point`](crate::abi::point) says how a component passes a point. This is the host's side: a [`Hook`] is never
//! freed, and shows an [`Armed`] for as long as its point is armed. A thread that has loaded the hook may enter it long
//! after the point was disarmed, so entering is counted, for the few instructions in which a thread takes its own
//! counts of what it runs.
//!
//! | thread that passes the point | thread that disarms it |
//! |---|---|
//! | 1. adds to [`Hook::entering`] | 1. takes the `Armed` out of the hook |
//! | 2. reads the `Armed`; none, or one of another point: leaves | 2. waits until nobody is entering |
//! | 3. counts its closure and keeper, leaves, and runs the closure | 3. frees the `Armed`, retires the keeper |
//!
//! All of that is sequentially consistent: a thread that has read an `Armed` had counted itself before, and who takes
//! the `Armed` out sees the count. What is waited for is a few instructions of another thread. A thread that was
//! stopped there, or lost in a fork, is not waited for longer than [`PATIENCE`]: then the `Armed` and the hook are
//! leaked.
//!
//! The closure, with what it has captured, is dropped as the hooks of a patch are: it belongs to an object
//! (`Instance::of_hooks`) that the reaper has destroyed on a thread of the runtime, once no thread has a count of it.
//! So a thread of a component never runs a destructor of the program's, and disarming waits for no closure.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicPtr, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant as Moment},
};

use crate::abi::{
    crossing::Packed,
    point::{GONE, LEFT, Point, PointHook},
};

use super::{component::Component, instances::Instance};

/// How long a thread may be entering a hook before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// What runs where a point is passed.
///
/// # Safety
/// `run` keeps the contract of [`PointHook::run`] for the points that it is armed at; it may unwind, with the
/// representations gone.
pub(crate) unsafe trait Look: Any + Send + Sync {
    /// Looks at the variables.
    ///
    /// # Safety
    /// They are those of the point.
    unsafe fn run(&self, locals: Packed) -> u8;
}

/// What stands at a point. It is never freed.
#[repr(C)]
pub(crate) struct Hook {
    head: PointHook,
    entering: AtomicUsize,
    armed: AtomicPtr<Armed>,
    /// The hook that was made before it. So hooks that no runtime has any more are still found by who looks for leaks.
    before: AtomicPtr<Hook>,
}

/// The hook that was made last.
static LAST: AtomicPtr<Hook> = AtomicPtr::new(ptr::null_mut());

/// What a hook runs, and at which point.
struct Armed {
    point: *const Point,
    look: Arc<dyn Look>,
    /// Has a count of the closure: see the module.
    keeper: Arc<Instance>,
}

/// A point that is armed.
pub(crate) struct ArmedPoint {
    pub(crate) number: u64,
    pub(crate) point: &'static Point,
    hook: &'static Hook,
    /// Keeps the image mapped; `None` if the point is the program's own.
    component: Option<Arc<Component>>,
}

/// The points that a runtime has armed.
#[derive(Default)]
pub(crate) struct Points {
    armed: Vec<ArmedPoint>,
    last: u64,
    /// Hooks that nothing uses now.
    spare: Vec<&'static Hook>,
}

/// A point that is armed no more. Its hook may still be entered.
#[must_use]
pub(crate) struct TakenOut {
    hook: &'static Hook,
    armed: *mut Armed,
    component: Option<Arc<Component>>,
}

/// What is left of a point that was disarmed.
pub(crate) struct Disarmed {
    /// To be retired.
    pub(crate) keeper: Option<Arc<Instance>>,
    /// To be used again.
    pub(crate) hook: Option<&'static Hook>,
    /// To be dropped behind the lock.
    pub(crate) component: Option<Arc<Component>>,
}

impl Points {
    /// Arms a point. Returns the number of the arming.
    ///
    /// # Errors
    /// What is to be ended if somebody has armed the point already.
    pub(crate) fn arm(
        &mut self,
        point: &'static Point,
        component: Option<Arc<Component>>,
        look: Arc<dyn Look>,
        keeper: Arc<Instance>,
    ) -> Result<u64, TakenOut> {
        let hook = self.spare.pop().unwrap_or_else(Hook::leak);
        let armed = Box::into_raw(Box::new(Armed { point, look, keeper }));
        hook.armed.store(armed, Ordering::SeqCst);
        if !point.arm(&hook.head) {
            // A thread that is late at an earlier point of the hook may be entering.
            return Err(TakenOut::of(hook, component));
        }
        self.last += 1;
        self.armed.push(ArmedPoint { number: self.last, point, hook, component });
        Ok(self.last)
    }

    /// Disarms a point. `None` if there is no such arming any more.
    pub(crate) fn disarm(&mut self, number: u64) -> Option<TakenOut> {
        let at = self.armed.iter().position(|armed| armed.number == number)?;
        let ArmedPoint { point, hook, component, .. } = self.armed.remove(at);
        point.disarm();
        Some(TakenOut::of(hook, component))
    }

    /// Disarms every point, for the end of the runtime.
    pub(crate) fn disarm_all(&mut self) -> Vec<TakenOut> {
        let numbers: Vec<u64> = self.armed.iter().map(|armed| armed.number).collect();
        numbers.into_iter().filter_map(|number| self.disarm(number)).collect()
    }

    /// Whether this runtime has armed a point.
    pub(crate) fn is_armed(&self, point: &Point) -> bool {
        self.armed.iter().any(|armed| ptr::eq(armed.point, point))
    }

    /// Takes back a hook that nothing uses any more.
    pub(crate) fn give_back(&mut self, hook: &'static Hook) {
        self.spare.push(hook);
    }
}

impl TakenOut {
    fn of(hook: &'static Hook, component: Option<Arc<Component>>) -> TakenOut {
        TakenOut { hook, armed: hook.armed.swap(ptr::null_mut(), Ordering::SeqCst), component }
    }

    /// Waits until no thread is entering. Not under a lock.
    pub(crate) fn end(self) -> Disarmed {
        let TakenOut { hook, armed, component } = self;
        if armed.is_null() || !hook.is_left() {
            return Disarmed { keeper: None, hook: None, component };
        }
        // SAFETY: `arm` boxed it, it was taken out of the hook once, and nobody is entering who could have read it.
        let Armed { look, keeper, .. } = *unsafe { Box::from_raw(armed) };
        // The keeper has another count.
        drop(look);
        Disarmed { keeper: Some(keeper), hook: Some(hook), component }
    }
}

impl Hook {
    fn leak() -> &'static Hook {
        let (armed, before) = (AtomicPtr::default(), AtomicPtr::default());
        let hook = Box::new(Hook { head: PointHook { run }, entering: AtomicUsize::new(0), armed, before });
        let hook = Box::leak(hook);
        let last = LAST.swap(hook, Ordering::AcqRel);
        hook.before.store(last, Ordering::Release);
        hook
    }

    /// Waits until nobody is entering. Returns false if that takes too long.
    fn is_left(&self) -> bool {
        let until = Moment::now() + PATIENCE;
        while self.entering.load(Ordering::SeqCst) > 0 {
            if Moment::now() >= until {
                tracing::error!("a thread was lost on its way into a point; what was armed there is leaked");
                return false;
            }
            thread::yield_now();
        }
        true
    }

    /// Counts of what is armed at a point.
    fn enter(&self, point: *const Point) -> Option<(Arc<dyn Look>, Arc<Instance>)> {
        self.entering.fetch_add(1, Ordering::SeqCst);
        let armed = self.armed.load(Ordering::SeqCst);
        // SAFETY: null, or there as long as this thread is entering.
        let armed = unsafe { armed.as_ref() }.filter(|armed| ptr::eq(armed.point, point));
        let counted = armed.map(|armed| (Arc::clone(&armed.look), Arc::clone(&armed.keeper)));
        self.entering.fetch_sub(1, Ordering::SeqCst);
        counted
    }
}

/// See [`PointHook::run`].
unsafe extern "C" fn run(hook: *const PointHook, point: *const Point, locals: Packed) -> u8 {
    // SAFETY: the head of a `Hook`, which is never freed.
    let hook = unsafe { &*hook.cast::<Hook>() };
    let Some((look, keeper)) = hook.enter(point) else { return LEFT };
    // SAFETY: the host compared the variables of the point before it armed it.
    let answer = catch_unwind(AssertUnwindSafe(|| unsafe { look.run(locals) }));
    // In this order: the keeper has a count of the closure, and the runtime has one of the keeper.
    drop(look);
    drop(keeper);
    answer.unwrap_or_else(|payload| {
        // SAFETY: whoever passes the point passes one that lives as long as its image.
        let name = String::from_utf8_lossy(unsafe { &*point }.name());
        // A subscriber may panic, too.
        let logged = catch_unwind(|| {
            tracing::error!(point = &*name, "the values of a point did not cross: a panic outside of the closure");
        });
        std::mem::forget((payload, logged));
        GONE
    })
}
