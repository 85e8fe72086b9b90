//! Models of pins: taking one beside a hand-over, and ending one inside a call. They do as
//! `host/service/pins.rs` does, which is above this floor.

use std::sync::Arc;

use loom::{sync::Mutex, thread};

use super::{
    super::{
        frame::Place,
        sync::AtomicPtr,
        world::{Table, entry_offset},
    },
    Program, Sleepers, check, finds, held, object, read, word, world, write,
};

#[derive(Clone, Copy, Default)]
struct PinFlaws {
    /// The pinner reads the world before it locks the pins.
    reads_outside: bool,
    /// The pinner takes whatever world is current.
    ignores_gate: bool,
}

/// What a pinner and a hand-over share: the current world's owner, and the pins.
struct Pinned {
    program: Arc<Program>,
    /// As the `ArcSwap` of `host/worlds/world.rs`; worlds of models are never freed.
    owner: AtomicPtr<Table>,
    word: word::Word,
    pins: Mutex<usize>,
    sleepers: Sleepers,
}

impl Pinned {
    /// As `Worlds::current`.
    fn current(&self) -> *const Table {
        loop {
            let owned = self.owner.load(crate::abi::sync::Ordering::Acquire);
            if std::ptr::eq(owned, self.program.core.current.load(crate::abi::sync::Ordering::Acquire)) {
                return owned;
            }
            thread::yield_now();
        }
    }

    fn publish(&self, table: *mut Table) {
        self.publish_to_waiting(table, || ());
    }

    fn publish_to_waiting(&self, table: *mut Table, let_in: impl FnOnce()) {
        self.owner.store(table, crate::abi::sync::Ordering::Release);
        self.program.publish_to_waiting(table, let_in);
    }

    fn read(&self, flaws: PinFlaws) -> Option<*const Table> {
        if flaws.ignores_gate { Some(self.current()) } else { self.word.read_open(|| self.current()) }
    }

    /// As `Pins::take`, repeated until the gate is open.
    fn take(&self, flaws: PinFlaws) -> *const Table {
        loop {
            let look = self.word.look();
            let early = flaws.reads_outside.then(|| self.read(flaws)).flatten();
            let mut pins = self.pins.lock().expect("no model panics with it");
            let world = if flaws.reads_outside { early } else { self.read(flaws) };
            if let Some(world) = world {
                *pins += 1;
                return world;
            }
            drop(pins);
            if !look.is_shut() {
                thread::yield_now();
                continue;
            }
            self.word.wait(look, |word, expected| {
                let queue = self.sleepers.queue.lock().expect("no model panics with it");
                if word.load(crate::abi::sync::Ordering::SeqCst) == expected {
                    drop(self.sleepers.woken.wait(queue));
                }
            });
        }
    }
}

/// A thread pins a world and uses what it holds, while state is handed over behind a gate that looks
/// for pins.
fn pinning(flaws: PinFlaws) {
    let (old, new) = (object(1), object(2));
    let first = world(1, [Some(old), None]);
    let shared = Arc::new(Pinned {
        program: Program::new(first),
        owner: AtomicPtr::new(first),
        word: word::Word::default(),
        pins: Mutex::new(0),
        sleepers: Sleepers::default(),
    });
    let pinner = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let table = shared.take(flaws);
            let object = held(table, 0).expect("a pin holds a world that a gate has closed");
            assert_ne!(read(object), 0, "a pin holds what was handed over");
            *shared.pins.lock().expect("no model panics with it") -= 1;
        })
    };
    shared.word.shut();
    shared.publish(world(2, [None, None]));
    let is_pinned = *shared.pins.lock().expect("no model panics with it") > 0;
    if !is_pinned {
        write(old, 0);
    }
    shared.publish_to_waiting(world(3, [Some(if is_pinned { old } else { new }), None]), || {
        shared.word.open(|_| {
            let queue = shared.sleepers.queue.lock().expect("no model panics with it");
            shared.sleepers.woken.notify_all();
            drop(queue);
        });
    });
    pinner.join().expect("the pinner ends");
}

/// A thread that holds a pin makes a call under it, and ends the pin inside that call, while what the
/// call is inside may be destroyed. Its frame has no fence: the pin keeps the table alive.
fn ending_a_pin(locks_late: bool) {
    let (old, new) = (object(1), object(2));
    let first = world(1, [Some(old), None]);
    let program = Program::new(first);
    let pins = Arc::new(Mutex::new(1));
    let pinner = {
        let (program, pins) = (Arc::clone(&program), Arc::clone(&pins));
        thread::spawn(move || {
            let record = program.records[0];
            let frame = record.inline_frame(0).expect("the first call");
            record.publish_held(frame, 0, first, Place::new(entry_offset(0), 0));
            *pins.lock().expect("no model panics with it") -= 1;
            assert_ne!(read(old), 0, "a call is inside a destroyed instance");
            record.leave_to(0);
        })
    };
    program.publish(world(2, [Some(new), None]));
    let shown_before = locks_late && program.shows(first, 0);
    let pins = pins.lock().expect("no model panics with it");
    let is_shown = if locks_late { shown_before } else { program.shows(first, 0) };
    if *pins == 0 && !is_shown {
        write(old, 0);
    }
    drop(pins);
    pinner.join().expect("the pinner ends");
}

#[test]
fn models_a_call_that_ends_its_pin_is_seen() {
    check(|| ending_a_pin(false));
}

#[test]
fn models_find_frames_that_are_read_before_the_pins_are_locked() {
    finds(|| ending_a_pin(true));
}

#[test]
fn models_a_pin_is_seen_by_the_hand_over_or_holds_the_world_behind_it() {
    check(|| pinning(PinFlaws::default()));
}

#[test]
fn models_find_a_pin_that_reads_its_world_before_it_locks() {
    finds(|| pinning(PinFlaws { reads_outside: true, ..PinFlaws::default() }));
}

#[test]
fn models_find_a_pin_that_does_not_ask_the_gate() {
    finds(|| pinning(PinFlaws { ignores_gate: true, ..PinFlaws::default() }));
}
