//! A component that logs from destructors of instances, tasks, futures and thread-locals, and while it is unmapped.

use std::{
    cell::RefCell,
    ffi::c_void,
    future,
    sync::{Mutex, Once, OnceLock},
};

use lcr::Fault;
use lcr_tests::ghost::Ghost;
use tracing::{Instrument as _, Span, info, info_span};

unsafe extern "C" {
    fn pthread_key_create(key: *mut u32, destructor: Option<unsafe extern "C" fn(*mut c_void)>) -> i32;
    fn pthread_getspecific(key: u32) -> *mut c_void;
    fn pthread_setspecific(key: u32, value: *const c_void) -> i32;
    fn atexit(handler: extern "C" fn()) -> i32;
}

/// Logs when it is dropped, in a span.
struct Last {
    of: &'static str,
    span: Span,
}

impl Last {
    fn of(of: &'static str) -> Last {
        Last { of, span: info_span!("grave", of) }
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        self.span.in_scope(|| info!(of = self.of, "last words"));
        log::info!("last words of {}", self.of);
    }
}

thread_local! {
    static LOCAL: RefCell<Option<Last>> = const { RefCell::new(None) };
}

static ENTERED: Mutex<Vec<Span>> = Mutex::new(Vec::new());

/// The thread key whose values are lasts.
fn key() -> u32 {
    static KEY: OnceLock<u32> = OnceLock::new();
    unsafe extern "C" fn end(value: *mut c_void) {
        // SAFETY: `haunt` boxed the value.
        drop(unsafe { Box::from_raw(value.cast::<Last>()) });
    }
    *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: the key has room.
        assert_eq!(unsafe { pthread_key_create(&raw mut key, Some(end)) }, 0);
        key
    })
}

extern "C" fn at_exit() {
    info!(of = "a handler", "last words");
}

extern "C" fn finish() {
    if ENTERED.lock().is_ok_and(|entered| !entered.is_empty()) {
        drop(Last::of("an image"));
    }
}

#[used]
#[unsafe(link_section = ".fini_array")]
static FINISHER: extern "C" fn() = finish;

struct Sheet;

impl Default for Sheet {
    fn default() -> Sheet {
        static ONCE: Once = Once::new();
        // SAFETY: the handler is one of this image.
        ONCE.call_once(|| assert_eq!(unsafe { atexit(at_exit) }, 0));
        Sheet
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        drop(Last::of("an instance"));
    }
}

#[lcr::component(name = "ghost", version = "1.0.0", runtime = tokio, unload)]
impl Ghost for Sheet {
    fn haunt(&self) {
        let before = LOCAL.replace(Some(Last::of("a thread-local")));
        drop(before);
        let (key, last) = (key(), Box::into_raw(Box::new(Last::of("a key"))));
        // SAFETY: reads a key of this image.
        let before = unsafe { pthread_getspecific(key) }.cast::<Last>();
        // SAFETY: values of this key are boxed lasts.
        assert_eq!(unsafe { pthread_setspecific(key, last.cast()) }, 0);
        if !before.is_null() {
            // SAFETY: boxed here, by this thread, and the key has another value now.
            drop(unsafe { Box::from_raw(before) });
        }
    }
    fn wander(&self) {
        let last = Last::of("a task");
        let task = async move {
            let _last = last;
            future::pending::<()>().await;
        };
        tokio::spawn(task.instrument(info_span!("wandering")));
        let last = Last::of("a blocking closure");
        drop(tokio::task::spawn_blocking(move || drop(last)));
    }
    fn stumble(&self) -> Result<(), Fault> {
        let _last = Last::of("a panic");
        panic!("over its own sheet");
    }
    async fn linger(&self) -> Result<(), Fault> {
        let lingering = async {
            let _last = Last::of("a future");
            future::pending().await
        };
        lingering.instrument(info_span!("lingering")).await
    }
    fn stay(&self) {
        let span = info_span!("staying");
        span.with_subscriber(|(id, dispatch)| dispatch.enter(id));
        ENTERED.lock().unwrap().push(span);
    }
    fn knock(&self) {}
    fn is_led(&self) -> (bool, bool) {
        struct Silent;
        impl log::Log for Silent {
            fn enabled(&self, _: &log::Metadata<'_>) -> bool {
                false
            }
            fn log(&self, _: &log::Record<'_>) {}
            fn flush(&self) {}
        }
        let none = tracing::subscriber::NoSubscriber::default();
        (tracing::subscriber::set_global_default(none).is_err(), log::set_logger(&Silent).is_err())
    }
}
