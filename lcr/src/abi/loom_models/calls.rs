//! Models of calls beside a commit: what a call is inside is not destroyed, and no call sees half of
//! a commit.

use std::sync::Arc;

use loom::thread;

use super::{
    super::{
        frame::Place,
        sync::modelled::{Lack, lacking},
        world::entry_offset,
    },
    Program, check, finds, held, object, read, world, write,
};

#[derive(Clone, Copy, Default)]
struct Flaws {
    /// The reader takes the path that relies on membarrier.
    unfenced: bool,
    enter: Option<Lack>,
    leave: Option<Lack>,
    publish: Option<Lack>,
    drain: Option<Lack>,
}

/// Readers call slot 0 twice each while a writer replaces and destroys what it holds.
fn draining(readers: usize, flaws: Flaws) {
    let (old, new) = (object(1), object(2));
    let first = world(1, [Some(old), None]);
    let program = Program::new(first);
    let threads: Vec<_> = (0..readers)
        .map(|number| {
            let program = Arc::clone(&program);
            thread::spawn(move || {
                for _ in 0..if readers == 1 { 2 } else { 1 } {
                    if flaws.unfenced {
                        let place = Place::new(entry_offset(0), 0);
                        let Some((table, frame)) = program.records[number].enter(&program.core, place) else {
                            continue;
                        };
                        let object = held(table, 0).expect("the slot is open");
                        assert_ne!(read(object), 0, "a call is inside a destroyed instance");
                        program.records[number].leave(frame);
                    } else {
                        let (table, depth) = lacking(flaws.enter, || program.enter(number, 0));
                        let object = lacking(flaws.enter, || held(table, 0)).expect("the slot is open");
                        assert_ne!(read(object), 0, "a call is inside a destroyed instance");
                        lacking(flaws.leave, || program.records[number].leave_to(depth));
                    }
                }
            })
        })
        .collect();
    lacking(flaws.publish, || program.publish(world(2, [Some(new), None])));
    if !lacking(flaws.drain, || program.shows(first, 0)) {
        write(old, 0);
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a reader ends"));
}

#[test]
fn models_no_call_is_inside_what_is_destroyed() {
    check(|| draining(1, Flaws::default()));
    check(|| draining(2, Flaws::default()));
}

#[test]
fn models_find_a_reader_without_its_fence() {
    finds(|| draining(1, Flaws { enter: Some(Lack::Fences), ..Flaws::default() }));
    finds(|| draining(1, Flaws { unfenced: true, ..Flaws::default() }));
}

#[test]
fn models_find_a_writer_without_its_fence() {
    finds(|| draining(1, Flaws { publish: Some(Lack::Fences), ..Flaws::default() }));
}

#[test]
fn models_find_a_caller_that_does_not_release_what_it_did() {
    finds(|| draining(1, Flaws { leave: Some(Lack::Release), ..Flaws::default() }));
}

#[test]
fn models_find_a_drain_that_does_not_acquire_what_callers_did() {
    finds(|| draining(1, Flaws { drain: Some(Lack::Acquire), ..Flaws::default() }));
}

/// A reader takes both slots of one world while a writer replaces both.
#[test]
fn models_a_commit_is_seen_whole() {
    check(committing);
}

fn committing() {
    let program = Program::new(world(1, [Some(object(1)), Some(object(1))]));
    let reader = {
        let program = Arc::clone(&program);
        thread::spawn(move || {
            let (table, depth) = program.enter(0, 0);
            let seen = [0, 1].map(|slot| held(table, slot).map(|object| (object.version, read(object))));
            assert!(seen[0].is_some() && seen[0] == seen[1], "half of a commit is seen: {seen:?}");
            program.records[0].leave_to(depth);
        })
    };
    program.publish(world(2, [Some(object(2)), Some(object(2))]));
    reader.join().expect("the reader ends");
}

/// A call that is nested beyond the outer one: the outer one stays counted.
#[test]
fn models_an_outer_call_is_seen_through_inner_ones() {
    check(|| {
        let (old, new) = (object(1), object(2));
        let first = world(1, [Some(old), Some(old)]);
        let program = Program::new(first);
        let reader = {
            let program = Arc::clone(&program);
            thread::spawn(move || {
                let (table, outer) = program.enter(0, 0);
                let object = held(table, 0).expect("the slot is open");
                let (_, inner) = program.enter(0, 1);
                program.records[0].leave_to(inner);
                assert_ne!(read(object), 0, "a call is inside a destroyed instance");
                program.records[0].leave_to(outer);
            })
        };
        program.publish(world(2, [Some(new), Some(new)]));
        if !program.shows(first, 0) && !program.shows(first, 1) {
            write(old, 0);
        }
        reader.join().expect("the reader ends");
    });
}
