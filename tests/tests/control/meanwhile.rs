//! Requests that take long, and what goes on beside them.

use std::thread;

use lcr::{ErrorKind, Handle};
use lcr_tests::{
    bank::Clock,
    script::{Misdeed, Moment, Script},
    wait_until,
};

use super::*;

/// A seat with a clock whose version 2 hangs in its constructor as long as the script says.
struct Slow {
    seat: Seat,
    script: Script,
    clock: Handle<dyn Clock>,
    _directory: tempfile::TempDir,
}

impl Slow {
    fn new() -> Slow {
        let (seat, directory) = (Seat::open(), tempfile::tempdir().unwrap());
        let script = Script::new(directory.path());
        seat.rt.load(component("clock_v1")).unwrap();
        seat.rt.configure("clock", &script).unwrap();
        let clock = seat.rt.service::<dyn Clock>().unwrap();
        script.set("clock 2.0.0", Moment::Create, Misdeed::Hang);
        Slow { seat, script, clock, _directory: directory }
    }

    /// The line that asks for version 2.
    fn request() -> String {
        let change = serde_json::to_string(&replacing("clock_v2")).unwrap();
        format!("{{\"id\":1,\"command\":\"commit\",\"arguments\":{change}}}\n")
    }

    fn wait_until_inside(&self) {
        self.script.wait_for("clock 2.0.0", Moment::Create);
    }

    fn go_on(&self) {
        self.script.clear("clock 2.0.0", Moment::Create);
    }
}

#[test]
fn the_status_is_answered_and_a_second_change_refused_while_one_is_under_way() {
    let slow = Slow::new();
    let (seat, counter) = (&slow.seat, slow.seat.counter());
    thread::scope(|scope| {
        let first = scope.spawn(|| seat.client().commit(&replacing("clock_v2")));
        slow.wait_until_inside();
        for _ in 0..10 {
            seat.assert_serves();
        }
        let refused = seat.client().commit(&replacing("counter_v2")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
        // More requests than there are threads for them.
        let clients: Vec<_> = (0..6).map(|_| scope.spawn(|| seat.client().commit(&replacing("counter_v2")))).collect();
        for client in clients {
            assert_eq!(client.join().unwrap().unwrap_err().kind(), ErrorKind::Busy);
        }
        counter.add(1);
        slow.go_on();
        first.join().unwrap().unwrap();
    });
    assert_eq!((slow.clock.version(), counter.version()), (2, 1));
    seat.client().commit(&replacing("counter_v2")).unwrap();
    assert_eq!(counter.version(), 2);
}

#[test]
fn a_replacement_completes_when_its_client_dies_and_its_outcome_can_be_asked_for() {
    let slow = Slow::new();
    let mut events = slow.seat.client().events().unwrap();
    let mut raw = slow.seat.raw().hello();
    raw.send(Slow::request()).unwrap();
    slow.wait_until_inside();
    drop(raw);
    slow.seat.assert_serves();
    slow.go_on();
    wait_until("the new clock serves", || slow.clock.version() == 2);
    let committed = std::iter::from_fn(|| events.next::<Value>(LONG).unwrap()).any(|line| match line {
        lcr::control::Streamed::Event(event) => event["event"] == "committed",
        _ => false,
    });
    assert!(committed);
    // One that fails is in the list of refusals.
    let slow = Slow::new();
    let mut raw = slow.seat.raw().hello();
    raw.send(Slow::request()).unwrap();
    slow.wait_until_inside();
    drop(raw);
    slow.script.set("clock 2.0.0", Moment::Create, Misdeed::Error);
    wait_until("the refusal is known", || slow.seat.client().refusals().unwrap().len() == 1);
    let refusal = slow.seat.client().refusals().unwrap().remove(0);
    assert_eq!((refusal.kind, refusal.actor.pid), (ErrorKind::Construct, std::process::id()));
    assert_eq!(slow.clock.version(), 1);
}

#[test]
fn a_server_that_is_dropped_waits_for_what_it_has_begun() {
    let slow = Slow::new();
    let mut raw = slow.seat.raw().hello();
    raw.send(Slow::request()).unwrap();
    slow.wait_until_inside();
    let Slow { seat, script, clock, _directory } = slow;
    let Seat { rt, server, _directory: _of_seat } = seat;
    thread::scope(|scope| {
        let dropping = scope.spawn(|| drop(server));
        wait_until("the socket is removed", || !_of_seat.path().join("seat.sock").exists());
        assert_eq!(clock.version(), 1);
        script.clear("clock 2.0.0", Moment::Create);
        dropping.join().unwrap();
    });
    assert_eq!(clock.version(), 2);
    drop(rt);
}

#[test]
fn calls_in_flight_notice_nothing_of_clients() {
    let seat = Seat::open();
    let counter = seat.counter();
    let end = std::sync::atomic::AtomicBool::new(false);
    let calls = thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let mut calls = 0;
            while !end.load(std::sync::atomic::Ordering::Relaxed) {
                counter.add(1);
                calls += 1;
            }
            calls
        });
        for round in 0..20 {
            let name = ["counter_v2", "counter_v1"][round % 2];
            let mut raw = seat.raw();
            let _ = raw.send("nonsense\n");
            seat.client().commit(&replacing(name)).unwrap();
            seat.assert_serves();
        }
        end.store(true, std::sync::atomic::Ordering::Relaxed);
        caller.join().unwrap()
    });
    assert_eq!(counter.add(0), calls, "no call was lost");
}
