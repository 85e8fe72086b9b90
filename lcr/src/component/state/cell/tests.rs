//! The lock of a state, and what a host does with its box.

use std::{cell::Cell, sync::Arc};

use super::*;

fn taken<T>(state: &State<T>) -> Option<Box<T>> {
    match state.take() {
        Taken::Value(value) => Some(value),
        Taken::Busy | Taken::Absent => None,
    }
}

#[test]
fn a_state_is_taken_only_without_guards_and_given_only_where_it_was_taken() {
    let state = State::new(7_u64);
    let guard = state.read();
    assert!(matches!(state.take(), Taken::Busy));
    drop(guard);
    let guard = state.write();
    assert!(matches!(state.take(), Taken::Busy));
    drop(guard);
    assert_eq!(state.give(Box::new(1)).unwrap_err(), (NotGiven::Absent, Box::new(1)));
    state.end();
    assert!(!state.has_moved(), "only a state that is away can be gone");
    let value = taken(&state).unwrap();
    assert!(matches!(state.take(), Taken::Absent));
    assert!(state.try_read().is_none() && state.try_write().is_none() && !state.has_moved());
    let looks = state.place.read().unwrap();
    let (why, value) = state.give(value).unwrap_err();
    assert_eq!(why, NotGiven::Busy, "a thread that looks for the state may be lost by a fork");
    drop(looks);
    state.give(value).unwrap();
    assert_eq!(*state.read(), 7);
}

#[test]
fn a_thread_that_asks_while_the_state_is_away_goes_on_when_it_is_back() {
    let state = Arc::new(State::new(1_u64));
    let value = taken(&state).unwrap();
    let writer = thread::spawn({
        let state = Arc::clone(&state);
        move || *state.write() += 1
    });
    let reader = thread::spawn({
        let state = Arc::clone(&state);
        move || *state.read()
    });
    thread::sleep(Duration::from_millis(5));
    assert!(!writer.is_finished() && !reader.is_finished());
    let mut value = Some(value);
    while let Some(given) = value.take() {
        value = state.give(given).err().map(|(why, value)| {
            assert_eq!(why, NotGiven::Busy);
            value
        });
    }
    writer.join().unwrap();
    assert!((1..=2).contains(&reader.join().unwrap()));
    assert_eq!(Arc::into_inner(state).unwrap().into_inner(), Some(2));
}

#[test]
fn a_thread_that_asks_for_a_state_that_is_gone_panics() {
    let state = Arc::new(State::new(String::from("kept")));
    let value = taken(&state).unwrap();
    let reader = thread::spawn({
        let state = Arc::clone(&state);
        move || state.read().len()
    });
    state.end();
    assert!(reader.join().is_err() && state.has_moved());
    assert!(state.give(value).is_err() && state.try_write().is_none());
    assert_eq!(Arc::into_inner(state).unwrap().into_inner(), None);
}

#[test]
fn a_panic_under_a_guard_leaves_the_state_usable() {
    let state = Arc::new(State::new(Cell::new(3)));
    let panics = thread::spawn({
        let state = Arc::clone(&state);
        move || {
            let value = state.lock();
            value.set(4);
            panic!("under the guard");
        }
    });
    panics.join().unwrap_err();
    assert_eq!(state.lock().get(), 4);
    assert_eq!(state.try_write().unwrap().get(), 4);
    assert_eq!(taken(&state).unwrap().get(), 4);
}
