//! What the child of a `fork` may do with its parent's runtime.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

use lcr::{ErrorKind, Runtime};
use lcr_tests::{component, interfaces::Counter, wait_until};

/// Runs `body` in a child; whether it returned.
fn in_child(body: impl FnOnce()) -> bool {
    // SAFETY: the child runs `body` and ends at once, without the parent's destructors.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no child: {}", std::io::Error::last_os_error());
    if child == 0 {
        let ended_well = catch_unwind(AssertUnwindSafe(body)).is_ok();
        // SAFETY: ends the process, nothing more.
        unsafe { libc::_exit(i32::from(!ended_well)) };
    }
    let mut status = 0;
    // SAFETY: the pointer is valid, and the child is ours.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

#[test]
fn a_child_calls_and_replaces_while_its_parent_goes_on() {
    let rt = Runtime::new().unwrap();
    rt.load(component("counter_v1")).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    counter.add(3);
    let went_well = in_child(|| {
        assert_eq!(counter.add(1), 4);
        rt.replace(component("counter_v2")).unwrap();
        assert_eq!((counter.version(), counter.add(1)), (2, 5));
        rt.wait_drained(Duration::from_secs(20)).unwrap();
    });
    assert!(went_well);
    assert_eq!((counter.version(), counter.add(1)), (1, 4));
    rt.replace(component("counter_v2")).unwrap();
    assert_eq!((counter.version(), counter.add(1)), (2, 5));
}

#[test]
fn a_child_does_not_wait_for_threads_that_only_its_parent_has() {
    let rt = Runtime::new().unwrap();
    rt.load(component("counter_v1")).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    let (inside, is_inside) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let straggler = {
        let counter = counter.clone();
        thread::spawn(move || {
            let may_leave = std::sync::Mutex::new(may_leave);
            counter.inside(&|count| {
                inside.send(()).unwrap();
                may_leave.lock().unwrap().recv().unwrap();
                count
            })
        })
    };
    is_inside.recv().unwrap();
    let refused = rt.plan().replace(component("counter_v2")).deadline(Duration::from_millis(50)).commit().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Deadline);
    let went_well = in_child(|| {
        rt.plan().replace(component("counter_v2")).deadline(Duration::from_secs(20)).commit().unwrap();
        assert_eq!(counter.version(), 2);
    });
    assert!(went_well);
    leave.send(()).unwrap();
    straggler.join().unwrap();
    rt.replace(component("counter_v2")).unwrap();
}

#[test]
fn a_gate_that_was_shut_at_the_fork_is_open_in_the_child() {
    let rt = Runtime::new().unwrap();
    rt.load(component("counter_v1")).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    let (inside, is_inside) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| {
            let may_leave = std::sync::Mutex::new(may_leave);
            counter.inside(&|count| {
                inside.send(()).unwrap();
                may_leave.lock().unwrap().recv().unwrap();
                count
            })
        });
        is_inside.recv().unwrap();
        let before = rt.generation();
        let change = scope
            .spawn(|| rt.plan().replace(component("counter_v2")).deadline(Duration::from_secs(30)).commit().map(drop));
        wait_until("the gate is shut", || rt.generation() > before);
        let went_well = in_child(|| {
            assert_eq!((counter.version(), counter.add(1)), (1, 1));
            assert_eq!(rt.replace(component("counter_v2")).unwrap_err().kind(), ErrorKind::Closed);
        });
        leave.send(()).unwrap();
        change.join().unwrap().unwrap();
        assert!(went_well);
    });
    assert_eq!((counter.version(), counter.add(1)), (2, 1));
}
