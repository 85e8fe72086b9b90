//! System calls that the kernel refuses: `membarrier` to the one who publishes, and threads that cannot be started.

use std::{
    fmt::Debug,
    mem, ptr,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use lcr::{ErrorKind, Handle, Runtime};
use lcr_tests::{
    bank::{Bank, Branch as _, Clock},
    component, empty_runtime, in_a_process_of_its_own,
    script::Script,
    wait_until,
};
use tracing::{Event, Subscriber, field::Field, subscriber::set_global_default};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

const LONG: Duration = Duration::from_secs(60);

/// Has the kernel refuse these calls to every thread of the process, or only to the calling thread and the threads that
/// it starts.
fn refuse(calls: &[libc::c_long], everywhere: bool) {
    let allow = libc::SECCOMP_RET_ALLOW;
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: u16::try_from(code).unwrap(), jt, jf, k };
    let mut steps = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)];
    for (left, &call) in (1..=calls.len()).rev().zip(calls) {
        let number = u32::try_from(call).unwrap();
        // Over the other questions and the permission.
        let to_refusal = u8::try_from(left).unwrap();
        steps.push(step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, to_refusal, 0, number));
    }
    steps.push(step(libc::BPF_RET | libc::BPF_K, 0, 0, allow));
    steps.push(step(libc::BPF_RET | libc::BPF_K, 0, 0, refuse));
    let filter = libc::sock_fprog { len: u16::try_from(steps.len()).unwrap(), filter: steps.as_mut_ptr() };
    // SAFETY: the call takes numbers only.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    let flags = if everywhere { libc::SECCOMP_FILTER_FLAG_TSYNC } else { 0 };
    // SAFETY: the filter is valid for the call, which copies it.
    let set = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, ptr::from_ref(&filter)) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn a_filter_that_refuses_membarrier_later_ends_a_transaction_and_no_call() {
    in_a_process_of_its_own(|| {
        let bank = Bank::open();
        let clocks = empty_runtime();
        clocks.load(component("clock_v1")).unwrap();
        let clock: Handle<dyn Clock> = clocks.service().unwrap();
        let before = (bank.rt.generation(), clocks.generation());
        refuse(&[libc::SYS_membarrier], true);
        let error = bank.rt.replace(component("vault_v2")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(error.to_string().contains("membarrier"), "{error}");
        assert_eq!(clocks.replace(component("clock_v2")).unwrap_err().kind(), ErrorKind::Io);
        assert_eq!((bank.rt.generation(), clocks.generation()), before, "a world was published");
        assert!(!bank.rt.status().is_gate_shut);
        assert_eq!((bank.branch.deposit(1), bank.branch.versions(), clock.version()), (1, (1, 1), 1));
        // These are more handles than the table has room for; their instances are destroyed again.
        let own = || clocks.reference::<dyn Clock>(&Script::default()).unwrap();
        let many: Vec<Handle<dyn Clock>> = (0..300).map(|_| own()).collect();
        assert!(many.iter().all(|clock| clock.version() == 1));
        drop(many);
        wait_until("the instances are destroyed", || clocks.status().destroyed == 300);
        // A runtime that begins now uses fences instead.
        let later = empty_runtime();
        later.load(component("clock_v1")).unwrap();
        let clock: Handle<dyn Clock> = later.service().unwrap();
        later.replace(component("clock_v2")).unwrap();
        assert_eq!(clock.version(), 2);
        // Runtimes still end.
        drop((clocks, later));
        assert!(Handle::pin(&clock).is_err());
    });
}

#[test]
fn a_filter_on_one_thread_refuses_its_transactions_only() {
    let bank = Bank::open();
    thread::scope(|scope| {
        let filtered = scope.spawn(|| {
            refuse(&[libc::SYS_membarrier], false);
            let error = bank.rt.replace(component("vault_v2")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{error}");
            (bank.branch.deposit(1), bank.branch.versions())
        });
        assert_eq!(filtered.join().unwrap(), (1, (1, 1)));
    });
    assert_eq!(bank.branch.deposit(1), 2);
    bank.rt.replace(component("vault_v2")).unwrap();
    assert_eq!(bank.branch.versions(), (1, 2));
    bank.close();
}

/// Wakes the reaper of a runtime at the first event, on the thread that tells it.
#[derive(Default)]
struct Waking {
    of: OnceLock<Weak<Runtime>>,
    has_woken: AtomicBool,
    heard: Mutex<String>,
}

impl<S: Subscriber> Layer<S> for &'static Waking {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(rt) = self.of.get().and_then(Weak::upgrade) else { return };
        event.record(&mut |_: &Field, value: &dyn Debug| *self.heard.lock().unwrap() += &format!("{value:?} "));
        if !self.has_woken.swap(true, Ordering::SeqCst) {
            drop(rt.pin());
        }
    }
}

#[test]
fn a_subscriber_that_hears_that_the_reaper_has_no_thread_may_call_the_runtime() {
    in_a_process_of_its_own(|| {
        let waking: &'static Waking = Box::leak(Box::default());
        set_global_default(Registry::default().with(waking)).unwrap();
        let rt = Arc::new(empty_runtime());
        waking.of.set(Arc::downgrade(&rt)).unwrap();
        let (told, is_told) = mpsc::channel();
        let pinning = Arc::clone(&rt);
        let thread = thread::spawn(move || {
            refuse(&[libc::SYS_clone, libc::SYS_clone3], false);
            drop(pinning.pin());
            drop(pinning);
            told.send(()).unwrap();
        });
        is_told.recv_timeout(LONG).expect("the thread that told the subscriber is held up");
        thread.join().unwrap();
        let heard = mem::take(&mut *waking.heard.lock().unwrap());
        assert!(waking.has_woken.load(Ordering::SeqCst) && heard.contains("no reaper thread"), "{heard}");
        // Another thread starts it.
        rt.load(component("clock_v1")).unwrap();
        drop(rt.reference::<dyn Clock>(&Script::default()).unwrap());
        wait_until("the instance is destroyed", || rt.status().destroyed == 1);
    });
}
