//! A candidate that retires: it got some calls of the slots of what serves on.

use super::*;

/// Retires the lamp as if it had been a candidate, beside what serves it.
fn retire_candidate(inner: &Arc<RuntimeInner>, handle: &Handle<dyn Lamp>) {
    let slot = SlotId::of_offset(Call::new(handle).offset());
    let mut state = inner.state();
    let service = state.objects.slots().get(slot).unwrap().service();
    let instance = Arc::clone(state.objects.services().get(service).unwrap().instance());
    inner.publish_commit(&mut state, &[]);
    state.retire_candidate(instance, vec![slot]);
}

#[test]
fn no_call_is_inside_what_was_replaced_because_a_candidate_retires_beside_what_serves() {
    let inner = runtime();
    let handle = lamp(&inner, None);
    let task = Task::new(|| ());
    let mut call = Call::new(&handle);
    call.start(&task);
    let place = Place::new(SlotId::of_offset(call.offset()).offset(), 0);
    let table = inner.state().world.table();
    retire_candidate(&inner, &handle);
    assert!(!inner.state().is_in_retiring(table, place));
    retire(&inner, &handle);
    assert!(inner.state().is_in_retiring(table, place), "the same call is inside what is replaced");
    call.end();
}
