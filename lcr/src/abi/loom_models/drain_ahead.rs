//! Models of a drain ahead of the gate: calls of the older world leave while the gate is open.

use std::sync::Arc;

use loom::thread;

use super::{
    super::sync::modelled::{Lack, lacking},
    Program, Sleepers, check, finds,
    gate::call_through_gate,
    object, read, word, world, write,
};

#[derive(Clone, Copy, Default)]
struct AheadFlaws {
    /// The world that the drain publishes is without its fence.
    drain: Option<Lack>,
    /// The gate looks only for calls that are older than the drain.
    forgets_later_calls: bool,
}

/// A caller adds to an instance that is drained ahead: a world with the same entries is
/// published, and calls in the older one are waited for, before the gate shuts on those that
/// came in since. An attempt that meets a caller is given up, and the gate opened again.
fn draining_ahead(flaws: AheadFlaws) {
    let (old, new) = (object(1), object(2));
    let first = world(1, [Some(old), None]);
    let program = Program::new(first);
    let word = Arc::new(word::Word::default());
    let sleepers = Arc::new(Sleepers::default());
    let caller = {
        let (program, word, sleepers) = (Arc::clone(&program), Arc::clone(&word), Arc::clone(&sleepers));
        thread::spawn(move || call_through_gate(&program, &word, &sleepers, false))
    };
    let same = world(2, [Some(old), None]);
    lacking(flaws.drain, || program.publish(same));
    // Loom cannot wait for long: a drain that meets a caller ends here, as one whose timeout
    // is over.
    let is_drained = !program.shows(first, 0);
    let mut next = old;
    if is_drained {
        word.shut();
        lacking(flaws.drain, || program.publish(world(3, [None, None])));
        // After the drain no call enters the first world, so only the second one is looked at.
        if flaws.forgets_later_calls || !program.shows(same, 0) {
            write(new, read(old) + 100);
            next = new;
        }
        program.publish_to_waiting(world(4, [Some(next), None]), || {
            word.open(|_| {
                let queue = sleepers.queue.lock().expect("no model panics with it");
                sleepers.woken.notify_all();
                drop(queue);
            });
        });
    }
    caller.join().expect("the caller ends");
    assert_eq!(read(next), if next.version == 2 { 111 } else { 11 }, "what a caller did is lost");
}

#[test]
fn models_a_drain_ahead_of_the_gate_leaves_no_caller_behind() {
    check(|| draining_ahead(AheadFlaws::default()));
}

#[test]
fn models_find_a_drain_ahead_without_its_fence() {
    finds(|| draining_ahead(AheadFlaws { drain: Some(Lack::Fences), ..AheadFlaws::default() }));
}

#[test]
fn models_find_a_gate_that_forgets_who_came_in_behind_the_drain() {
    finds(|| draining_ahead(AheadFlaws { forgets_later_calls: true, ..AheadFlaws::default() }));
}
