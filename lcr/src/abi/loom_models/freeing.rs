//! A model of freeing a world's table: a frame that shows the table keeps it, at whatever slot. It does as
//! `State::free_worlds` in `host/service/reaper.rs` does, which is above this floor.

use std::sync::Arc;

use loom::thread;

use super::{
    super::{
        sync::modelled::{Lack, lacking},
        world::Table,
    },
    Program, check, finds, object, read, world, write,
};

#[derive(Clone, Copy, Default)]
struct FreeFlaws {
    /// The writer looks at one slot only, as a drain of an instance does.
    looks_at_one_slot: bool,
    /// The writer looks at the frames before it publishes the next world.
    looks_early: bool,
    enter: Option<Lack>,
    publish: Option<Lack>,
}

impl Program {
    /// Whether a frame shows `table`, at any slot.
    fn shows_at_all(&self, table: *const Table) -> bool {
        self.shows(table, 0) || self.shows(table, 1)
    }
}

/// A reader is inside the first world while a writer replaces and frees its table. Worlds of models are
/// never freed: an object stands for the memory of the first table.
fn freeing(flaws: FreeFlaws) {
    let memory = object(1);
    let first = world(1, [Some(object(1)), Some(object(1))]);
    let program = Program::new(first);
    let reader = {
        let program = Arc::clone(&program);
        thread::spawn(move || {
            let (table, depth) = lacking(flaws.enter, || program.enter(0, 1));
            if std::ptr::eq(table, first) {
                assert_ne!(read(memory), 0, "a call reads a freed table");
            }
            program.records[0].leave_to(depth);
        })
    };
    let is_shown = || if flaws.looks_at_one_slot { program.shows(first, 0) } else { program.shows_at_all(first) };
    let early = flaws.looks_early.then(is_shown);
    lacking(flaws.publish, || program.publish(world(2, [Some(object(2)), Some(object(2))])));
    if !early.unwrap_or_else(is_shown) {
        write(memory, 0);
    }
    reader.join().expect("the reader ends");
}

#[test]
fn models_a_table_is_freed_only_when_no_frame_shows_it() {
    check(|| freeing(FreeFlaws::default()));
}

#[test]
fn models_find_a_table_that_is_freed_for_one_slots_sake() {
    finds(|| freeing(FreeFlaws { looks_at_one_slot: true, ..FreeFlaws::default() }));
}

#[test]
fn models_find_frames_that_are_read_before_the_next_world() {
    finds(|| freeing(FreeFlaws { looks_early: true, ..FreeFlaws::default() }));
}

#[test]
fn models_find_a_table_that_is_freed_without_a_fence() {
    finds(|| freeing(FreeFlaws { enter: Some(Lack::Fences), ..FreeFlaws::default() }));
    finds(|| freeing(FreeFlaws { publish: Some(Lack::Fences), ..FreeFlaws::default() }));
}
