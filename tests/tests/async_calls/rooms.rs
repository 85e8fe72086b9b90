//! Where a component's future lies: in the caller's future if it fits there, else in a box. Either way it keeps its
//! place from its first poll on, and is dropped there, once. The component is linked into the test, so Miri can look.

use std::{
    future::Future,
    hint::black_box,
    marker::{PhantomData, PhantomPinned},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    ptr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
};

use lcr::{Handle, Runtime};

/// Gives way as often as it is told, then gives the address of a part of its future.
#[lcr::interface(name = "tests.rooms", version = 1)]
trait Rooms {
    /// Needs little memory.
    async fn small(&self, text: &str, pends: u32, end: u32) -> u64;
    /// Needs much.
    async fn large(&self, text: &str, pends: u32, end: u32) -> u64;
    /// Needs memory at an address that is a multiple of 64.
    async fn aligned(&self, text: &str, pends: u32, end: u32) -> u64;
    /// Does something before it gives its future.
    async fn early(&self, panics: bool) -> String;
}

const WELL: u32 = 0;
const PANIC_IN_POLL: u32 = 1;
const PANIC_IN_DROP: u32 = 2;

static MADE: AtomicU32 = AtomicU32::new(0);
static DROPPED: AtomicU32 = AtomicU32::new(0);
static MOVED: AtomicU32 = AtomicU32::new(0);

/// A future that notes whether it is moved.
struct Seat {
    address: Option<usize>,
    left: u32,
    end: u32,
    _pinned: PhantomPinned,
}

impl Seat {
    fn take(left: u32, end: u32) -> Seat {
        MADE.fetch_add(1, Ordering::SeqCst);
        Seat { address: None, left, end, _pinned: PhantomPinned }
    }

    fn look(&self) {
        let now = ptr::from_ref(self).addr();
        if self.address.is_some_and(|before| before != now) {
            MOVED.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Future for Seat {
    type Output = u64;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        self.look();
        // SAFETY: nothing is moved out.
        let this = unsafe { self.get_unchecked_mut() };
        let now = ptr::from_ref(this).addr();
        this.address = Some(now);
        if this.left == 0 {
            assert_ne!(this.end, PANIC_IN_POLL, "a poll that panics");
            return Poll::Ready(now as u64);
        }
        this.left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.look();
        DROPPED.fetch_add(1, Ordering::SeqCst);
        assert_ne!(self.end, PANIC_IN_DROP, "a destructor that panics");
    }
}

#[repr(align(64))]
struct Aligned(u64);

#[derive(Default)]
struct House;

#[lcr::component(name = "house")]
impl Rooms for House {
    async fn small(&self, text: &str, pends: u32, end: u32) -> u64 {
        let address = Seat::take(pends, end).await;
        black_box(text);
        address
    }

    async fn large(&self, text: &str, pends: u32, end: u32) -> u64 {
        let block = black_box([1_u8; 1_000]);
        // Refers to the future itself.
        let own = &block;
        let address = Seat::take(pends, end).await;
        black_box((text, own));
        address
    }

    async fn aligned(&self, text: &str, pends: u32, end: u32) -> u64 {
        let block = black_box(Aligned(1));
        let own = &block;
        let address = Seat::take(pends, end).await;
        black_box((text, own.0));
        address
    }

    fn early(&self, panics: bool) -> impl Future<Output = String> + Send {
        assert!(!panics, "no future");
        let made = MADE.fetch_add(1, Ordering::SeqCst);
        async move {
            DROPPED.fetch_add(1, Ordering::SeqCst);
            format!("after {made}")
        }
    }
}

type Call<'a> = Pin<Box<dyn Future<Output = u64> + Send + 'a>>;

/// The kinds of calls of these parameters.
fn calls<'a>(house: &'a Handle<dyn Rooms>, text: &'a str, pends: u32, end: u32) -> [Call<'a>; 3] {
    [
        Box::pin(house.small(text, pends, end)),
        Box::pin(house.large(text, pends, end)),
        Box::pin(house.aligned(text, pends, end)),
    ]
}

fn poll(call: &mut Call<'_>) -> Poll<u64> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// A test counts for itself.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Each future was dropped once, where it was polled.
fn assert_all_dropped() {
    let [made, dropped, moved] = [&MADE, &DROPPED, &MOVED].map(|count| count.load(Ordering::SeqCst));
    assert_eq!((dropped, moved), (made, 0));
}

#[test]
fn a_future_lies_in_its_callers_if_it_fits_there() {
    let _alone = alone();
    let rt = Runtime::new().unwrap();
    let house: Handle<dyn Rooms> = rt.service().unwrap();
    for pends in 0..3 {
        let lies: Vec<bool> = calls(&house, "tea", pends, WELL)
            .into_iter()
            .map(|mut call| {
                let address = loop {
                    if let Poll::Ready(address) = poll(&mut call) {
                        break address as usize;
                    }
                };
                let own = ptr::from_ref(&*call).addr();
                (own..own + size_of_val(&*call)).contains(&address)
            })
            .collect();
        assert_eq!(lies, [true, false, false]);
    }
    assert_all_dropped();
}

#[test]
fn a_future_is_dropped_once_in_its_place_whenever_its_call_ends() {
    let _alone = alone();
    let rt = Runtime::new().unwrap();
    let house: Handle<dyn Rooms> = rt.service().unwrap();
    for end in [WELL, PANIC_IN_POLL, PANIC_IN_DROP] {
        for polls in 0..4 {
            for mut call in calls(&house, "tea", 2, end) {
                // The fault of a component is a panic here.
                let polled = catch_unwind(AssertUnwindSafe(|| (0..polls).any(|_| poll(&mut call).is_ready())));
                assert_eq!(polled.is_err(), polls == 3 && end != WELL);
                drop(call);
                assert_all_dropped();
            }
        }
    }
}

#[test]
fn a_future_goes_from_thread_to_thread_with_its_callers() {
    let _alone = alone();
    let rt = Runtime::new().unwrap();
    let house: Handle<dyn Rooms> = rt.service().unwrap();
    let text = "tea".to_owned();
    for ends in [false, true] {
        for mut call in calls(&house, &text, 1, WELL) {
            assert!(poll(&mut call).is_pending());
            thread::scope(|scope| {
                scope.spawn(move || {
                    if ends {
                        assert!(poll(&mut call).is_ready());
                    }
                    drop(call);
                });
            });
            assert_all_dropped();
        }
    }
}

#[test]
fn what_a_method_does_before_it_gives_its_future_is_part_of_the_first_poll() {
    let _alone = alone();
    let rt = Runtime::new().unwrap();
    let house: Handle<dyn Rooms> = rt.service().unwrap();
    let made = MADE.load(Ordering::SeqCst);
    drop(house.early(true));
    let mut call = Box::pin(house.early(true));
    let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut Context::from_waker(Waker::noop()))));
    let message = *polled.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("house") && message.contains("no future"), "{message}");
    let mut call = Box::pin(house.early(false));
    assert_eq!(MADE.load(Ordering::SeqCst), made);
    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(format!("after {made}")));
    assert_all_dropped();
}

/// Whether the type of a value is `Unpin`, by the method that the compiler finds first.
struct Probe<T>(PhantomData<T>);

impl<T: Unpin> Probe<T> {
    fn is_unpin(&self) -> bool {
        true
    }
}

trait Otherwise {
    fn is_unpin(&self) -> bool {
        false
    }
}

impl<T> Otherwise for Probe<T> {}

fn probe<T>(_: &T) -> Probe<T> {
    Probe(PhantomData)
}

#[test]
fn a_future_with_room_for_another_one_keeps_its_place_once_it_was_polled() {
    let _alone = alone();
    let rt = Runtime::new().unwrap();
    let house: Handle<dyn Rooms> = rt.service().unwrap();
    assert!(probe(&house).is_unpin());
    assert!(!probe(&house.small("tea", 0, WELL)).is_unpin());
}

#[test]
fn a_future_that_is_forgotten_stays_where_it_is() {
    let _alone = alone();
    let rt = Runtime::new().unwrap();
    let house: Handle<dyn Rooms> = rt.service().unwrap();
    let made = MADE.load(Ordering::SeqCst);
    for mut call in calls(&house, "tea", 1, WELL) {
        assert!(poll(&mut call).is_pending());
        std::mem::forget(call);
    }
    assert_eq!(MADE.load(Ordering::SeqCst) - made, 3);
    // For the other tests.
    DROPPED.fetch_add(3, Ordering::SeqCst);
    std::mem::forget(rt);
}
