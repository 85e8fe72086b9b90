//! What becomes of calls, transactions and plans when their runtime is dropped, and of unwritten output
//! when their process ends.

use std::{
    io::Read as _,
    process::{Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use lcr::{ErrorKind, Handle, Runtime};
use lcr_tests::{
    LONG,
    bank::{Bank, Clock, Customers, Vault as _},
    component, program,
    script::{Misdeed, Moment, Script},
    wait_until,
};

/// A runtime with a clock in use, which follows a script.
fn clock(timeout: Duration) -> (Runtime, Handle<dyn Clock>, Script, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = Runtime::builder().linked(false).shutdown_timeout(timeout).build().unwrap();
    rt.load(component("clock_v1")).unwrap();
    rt.configure("clock", &script).unwrap();
    let clock = rt.service().unwrap();
    (rt, clock, script, directory)
}

#[test]
fn dropping_a_runtime_waits_for_a_call_and_then_destroys_the_instances() {
    let (rt, clock, script, _directory) = clock(Duration::from_secs(30));
    let (inside, entered) = mpsc::channel();
    let (leave, told) = mpsc::channel::<()>();
    let was_dropped = || script.has_come("clock 1.0.0", Moment::Drop);
    thread::scope(|scope| {
        let (clock, was_dropped) = (&clock, &was_dropped);
        let guest = scope.spawn(move || {
            clock.inside(&|| {
                inside.send(()).unwrap();
                told.recv().unwrap();
                assert!(!was_dropped(), "the clock was destroyed with a caller inside");
            });
        });
        entered.recv().unwrap();
        let generation = rt.generation();
        let end = scope.spawn(move || drop(rt));
        wait_until("the handles are revoked", || Handle::generation(clock) != Some(generation));
        assert!(!end.is_finished());
        leave.send(()).unwrap();
        guest.join().unwrap();
        end.join().unwrap();
    });
    assert!(was_dropped());
}

#[test]
fn an_instance_in_use_when_the_shutdown_timeout_ends_is_left_alone() {
    let timeout = Duration::from_millis(100);
    let (rt, clock, script, _directory) = clock(timeout);
    let rt = Mutex::new(Some(rt));
    clock.inside(&|| {
        // The caller inside drops the runtime, and would wait for itself for ever.
        let begun = Instant::now();
        drop(rt.lock().unwrap().take());
        assert!(begun.elapsed() >= timeout);
        assert!(!script.has_come("clock 1.0.0", Moment::Drop));
    });
    assert!(Handle::pin(&clock).is_err());
    assert!(!script.has_come("clock 1.0.0", Moment::Drop));
}

#[test]
fn a_transaction_that_was_given_up_and_hangs_does_not_hold_up_the_end_of_its_runtime() {
    let (rt, clock, script, _directory) = clock(LONG);
    script.set("clock 2.0.0", Moment::Create, Misdeed::Hang);
    let plan = rt.plan().replace(component("clock_v2")).timeout(Duration::from_secs(2));
    assert_eq!(plan.commit().unwrap_err().kind(), ErrorKind::Deadline);
    let begun = Instant::now();
    drop(rt);
    assert!(begun.elapsed() < LONG, "it was waited for");
    assert!(script.has_come("clock 1.0.0", Moment::Drop));
    // The thread returns when its runtime is gone, and finds nothing that it could harm.
    script.clear("clock 2.0.0", Moment::Create);
    assert!(Handle::pin(&clock).is_err());
    drop(clock);
}

#[test]
fn callers_get_faults_and_never_a_crash_while_a_runtime_ends() {
    let bank = Bank::open();
    let Bank { vault, teller, branch, rt, script, .. } = bank;
    let customers = Customers::of(&branch);
    wait_until("customers are served", || vault.add(0) > 100);
    let report = thread::spawn(move || drop(rt));
    report.join().unwrap();
    assert!(thread::spawn(move || customers.count()).join().is_err(), "a call after the end is a panic of the caller");
    let drops = script.transcript().iter().filter(|line| line.contains(" drop on lcr-shutdown")).count();
    assert_eq!(drops, 3);
    drop((vault, teller, branch));
}

#[test]
fn the_preview_of_a_plan_that_outlives_its_runtime_says_so() {
    let (rt, clock, ..) = clock(Duration::from_secs(1));
    let plan = rt.plan().replace(component("clock_v2")).build();
    drop(rt);
    let error = plan.commit().unwrap_err();
    assert_eq!(
        (error.kind(), &*error.to_string()),
        (ErrorKind::Closed, "the runtime is gone; make the plan in another one")
    );
    drop(clock);
}

/// What the program `prints` writes to its standard output when it takes these steps with a component.
fn printed(component: &str, steps: &[&str]) -> String {
    let mut command = Command::new(program("prints"));
    let mut child = command.arg(component).args(steps).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    });
    let deadline = Instant::now() + LONG;
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    // A program that hangs must not outlive the test.
    let _ = child.kill();
    let status = child.wait().unwrap();
    let text = reader.join().unwrap();
    assert!(status.success(), "{component} {steps:?}: {status:?}, {text:?}");
    text
}

fn path(name: &str) -> String {
    component(name).to_str().unwrap().to_owned()
}

#[test]
fn a_line_that_a_component_prints_and_does_not_end_is_written_when_the_process_ends() {
    for end in ["return", "exit", "c-exit", "thread-exit"] {
        // A `main` that returns drops its runtime.
        let undropped = if end == "return" { "a\nb(dropped)" } else { "a\nb" };
        for (steps, expected) in [(&["print:a\nb"][..], undropped), (&["print:c", "drop"], "c(dropped)")] {
            let steps = [steps, &[end]].concat();
            // C's `exit` alone does not write what Rust's standard library has buffered.
            if end != "c-exit" {
                assert_eq!(printed("linked", &steps), expected, "linked, {steps:?}");
            }
            for loaded in ["printer_kept", "printer_unload"] {
                assert_eq!(printed(&path(loaded), &steps), expected, "{loaded}, {steps:?}");
            }
        }
    }
}

#[test]
fn output_of_a_replaced_component_is_written_when_the_process_ends_unless_its_image_was_unmapped() {
    let (kept, unload) = (path("printer_kept"), path("printer_unload"));
    let by = |library: &str| format!("replace:{library}");
    let steps = ["print:a", &by(&kept), "print:b", &by(&kept), "print:c", "exit"];
    assert_eq!(printed(&kept, &steps), "a(dropped)b(dropped)c");
    // Output without a line's end is lost with its image.
    let steps = ["print:a", &by(&unload), "unmapped", "print:b\n", &by(&unload), "unmapped", "exit"];
    assert_eq!(printed(&unload, &steps), "b\n");
}

#[test]
fn a_thread_that_holds_standard_output_for_ever_holds_up_neither_the_end_nor_the_reaper() {
    let (kept, unload) = (path("printer_kept"), path("printer_unload"));
    let by = |library: &str| format!("replace:{library}");
    for hold in ["hold", "leak"] {
        for end in ["return", "exit", "thread-exit"] {
            for loaded in ["linked", &kept, &unload] {
                printed(loaded, &["print:a", hold, "drop", end]);
            }
        }
        // The output of the other components is written; that of the component that holds it cannot be.
        let steps = [hold, &by(&kept), "print:b", &by(&unload), "print:c", &by(&kept), "print:d", "exit"];
        let text = printed(&unload, &steps);
        let is_whole = ["b(dropped)", "d"].iter().all(|part| text.contains(part));
        // The output of a component that is unmapped is lost with it, unless the process ends first.
        let is_all = [text.len(), text.len() - text.matches("c(dropped)").count() * 10].contains(&"b(dropped)d".len());
        assert!(is_whole && is_all, "{text}");
    }
}

#[test]
fn a_child_of_fork_writes_what_its_components_printed() {
    for loaded in ["printer_kept", "printer_unload"] {
        assert_eq!(printed(&path(loaded), &["fork", "print:a", "exit"]), "a", "{loaded}");
    }
}
