//! Callers and components that were built against different editions of one interface.

use std::sync::{Arc, Mutex};

use lcr::{ErrorKind, FaultKind, Handle, Runtime};
use lcr_tests::{
    chorus::{alone, misspelt, shared},
    component, empty_runtime,
    shelf::{
        Librarian, changed, demanding, first,
        first::Shelf as _,
        grown::{self, Shelf as _},
        reordered, second, silent,
    },
};

fn runtime(library: &str) -> Runtime {
    let rt = empty_runtime();
    rt.load(component(library)).unwrap();
    rt
}

/// Calls every method with a default body on an old component, and checks the results.
fn use_defaults(shelf: &impl grown::Shelf) {
    assert_eq!(shelf.first_or("none".to_owned()), "Emma");
    let seen = Mutex::new(Vec::new());
    let visit = |at, book: &str| {
        seen.lock().unwrap().push(format!("{at} {book}"));
        at == 0
    };
    assert_eq!(shelf.each(&visit), 1);
    assert_eq!(seen.into_inner().unwrap(), ["0 Emma", "1 Ulysses"]);
    let given = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&given);
    let take = Box::new(move |book| taken.lock().unwrap().push(book));
    assert_eq!(shelf.give(take, vec!["Walden".to_owned()]), 3);
    assert_eq!(Arc::into_inner(given).unwrap().into_inner().unwrap(), ["Emma", "Ulysses", "Walden"]);
    assert_eq!(shelf.edition(), "grown");
}

#[test]
fn a_method_that_an_old_component_lacks_is_served_by_its_default_body() {
    let rt = runtime("shelf_first");
    let shelf = rt.service::<dyn grown::Shelf>().unwrap();
    use_defaults(&shelf);
    use_defaults(&Handle::pin(&shelf).unwrap());
    use_defaults(&rt.reference::<dyn grown::Shelf>(&()).unwrap());
    let pin = rt.pin().unwrap();
    use_defaults(&shelf);
    drop(pin);
    let panic = std::panic::catch_unwind(|| shelf.clean()).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "nobody cleans", "the caller's own default body serves");
}

#[test]
fn a_replacement_brings_the_method_itself_and_takes_it_away_again() {
    let rt = runtime("shelf_first");
    let shelf = rt.service::<dyn grown::Shelf>().unwrap();
    let old = rt.service::<dyn first::Shelf>().unwrap();
    for _ in 0..3 {
        use_defaults(&shelf);
        assert_eq!((old.len(), old.get(1)), (2, "Ulysses".to_owned()));
        rt.replace(component("shelf_grown")).unwrap();
        assert_eq!(shelf.first_or(String::new()), "Emma, first");
        assert_eq!(shelf.each(&|at, all| (at, all) == (99, "all of them")), 1);
        assert_eq!(shelf.give(Box::new(|book| assert_eq!(book, "a pile of 4")), vec![String::new()]), 1);
        assert_eq!((shelf.edition(), shelf.clean()), ("the component's".to_owned(), Ok(3)));
        // The default body in the component's own image serves a method that the component did not write.
        assert_eq!(shelf.first_from(2), "Dracula");
        assert_eq!((old.len(), old.get(2)), (3, "Dracula".to_owned()));
        rt.replace(component("shelf_first")).unwrap();
    }
}

#[test]
fn a_component_that_lacks_a_method_without_a_default_body_is_refused_by_name() {
    let rt = runtime("shelf_first");
    let error = rt.service::<dyn demanding::Shelf>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let text = "component `shelf` lacks method `topic` of test.shelf v1, which has no default body: \
                fn topic(&self) -> Option<String>; add the method, or give it a default body in the trait";
    assert_eq!(error.to_string(), text);
    assert_eq!(rt.reference::<dyn demanding::Shelf>(&()).unwrap_err().to_string(), text);
    // The refusal changed nothing.
    assert_eq!(rt.service::<dyn first::Shelf>().unwrap().get(0), "Emma");
}

/// An edition whose new method has a name that another edition uses for another signature.
mod clashing {
    #[lcr::interface(name = "test.shelf", version = 1)]
    pub trait Shelf {
        fn len(&self) -> u32;
        fn edition(&self) -> u32 {
            7
        }
    }
}

#[test]
fn a_default_body_does_not_stand_in_for_a_method_of_another_signature() {
    let rt = runtime("shelf_first");
    let shelf = rt.service::<dyn clashing::Shelf>().unwrap();
    assert_eq!(clashing::Shelf::edition(&shelf), 7);
    let error = rt.replace(component("shelf_grown")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("edition: result: expected u32, found String"), "{error}");
    assert_eq!((clashing::Shelf::edition(&shelf), clashing::Shelf::len(&shelf)), (7, 2));
}

#[test]
fn handles_of_every_edition_of_an_interface_share_one_instance() {
    let rt = runtime("shelf_grown");
    let first = rt.service::<dyn first::Shelf>().unwrap();
    let reordered = rt.service::<dyn reordered::Shelf>().unwrap();
    let grown = rt.service::<dyn grown::Shelf>().unwrap();
    assert_eq!(rt.status().instances, 1);
    for at in 0..4 {
        let book = first.get(at);
        assert_eq!((reordered::Shelf::get(&reordered, at), grown.get(at)), (book.clone(), book));
    }
    assert_eq!((first.len(), reordered::Shelf::len(&reordered), grown.len()), (3, 3, 3));
    assert_eq!(reordered::Shelf::edition(&reordered), "the component's");
}

#[test]
fn a_component_that_replaces_version_1_serves_handles_of_version_1() {
    let rt = runtime("shelf_first");
    let old = rt.service::<dyn first::Shelf>().unwrap();
    let grown = rt.service::<dyn grown::Shelf>().unwrap();
    let error = rt.service::<dyn second::Shelf>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`shelf 1.0.0` provides v1"), "{error}");
    for newer in ["shelf_second", "shelf_vouched"] {
        rt.replace(component(newer)).unwrap();
        let book = if newer == "shelf_second" { "Middlemarch" } else { "Persuasion" };
        assert_eq!((old.len(), old.get(0), grown.first_or(String::new())), (1, book.to_owned(), book.to_owned()));
    }
    rt.replace(component("shelf_second")).unwrap();
    let new = rt.service::<dyn second::Shelf>().unwrap();
    assert_eq!(second::Shelf::find(&new, "Middlemarch"), Some(0));
    assert_eq!(rt.status().instances, 1);
    // The way back is refused while a handle of the second version is held.
    let error = rt.replace(component("shelf_first")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("implements test.shelf v1, not test.shelf v2"), "{error}");
    assert_eq!(old.get(0), "Middlemarch");
    drop(new);
    lcr_tests::wait_until("the handle's slot is taken back", || rt.replace(component("shelf_first")).is_ok());
    assert_eq!(old.get(1), "Ulysses");
}

#[test]
fn a_version_that_does_not_replace_the_first_is_refused_while_handles_of_the_first_are_held() {
    let rt = runtime("shelf_first");
    let old = rt.service::<dyn first::Shelf>().unwrap();
    let error = rt.replace(component("shelf_silent")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let text = "1 handle of test.shelf v1 is held outside of what the plan replaces: \
                component `shelf` implements test.shelf v2, not test.shelf v1; \
                build it against that version, or declare replaces(1) on its interface";
    assert_eq!(error.to_string(), format!("{}: {text}", component("shelf_silent").display()));
    assert_eq!((old.len(), rt.generation()), (2, Handle::generation(&old).unwrap()));
    // While no handle of the first version is held, the second may replace it.
    drop(old);
    lcr_tests::wait_until("the handle's slot is taken back", || rt.replace(component("shelf_silent")).is_ok());
    assert_eq!(silent::Shelf::len(&rt.service::<dyn silent::Shelf>().unwrap()), 0);
    let error = rt.service::<dyn first::Shelf>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_promise_to_replace_a_version_is_checked_method_by_method() {
    let place = "get: argument 1: expected u32, found u64";
    let rt = runtime("shelf_first");
    let old = rt.service::<dyn first::Shelf>().unwrap();
    let error = rt.replace(component("shelf_changed")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains(place), "{error}");
    assert_eq!(old.get(0), "Emma");
    let rt = runtime("shelf_changed");
    assert_eq!(changed::Shelf::get(&rt.service::<dyn changed::Shelf>().unwrap(), u64::MAX), "ffffffffffffffff");
    let error = rt.service::<dyn first::Shelf>().unwrap_err();
    assert!(error.to_string().contains(place), "{error}");
}

#[test]
fn components_call_each_other_through_editions_of_their_own() {
    let rt = runtime("shelf_first");
    rt.load(component("shelf_librarian")).unwrap();
    let librarian = rt.service::<dyn Librarian>().unwrap();
    let books =
        |books: &[&str], edition: &str| (books.iter().map(|book| book.to_string()).collect(), edition.to_owned());
    assert_eq!(librarian.inventory(), books(&["Emma", "Ulysses"], "reordered"));
    rt.replace(component("shelf_grown")).unwrap();
    assert_eq!(librarian.inventory(), books(&["Emma", "Ulysses", "Dracula"], "the component's"));
    rt.replace(component("shelf_second")).unwrap();
    assert_eq!(librarian.inventory(), books(&["Middlemarch"], "reordered"));
    let error = rt.replace(component("shelf_changed")).unwrap_err();
    assert!(error.to_string().contains("get: argument 1"), "{error}");
    assert_eq!(librarian.inventory(), books(&["Middlemarch"], "reordered"));
}

/// The librarian's interface with the edition of this caller in place of the librarian's own.
mod abroad {
    use super::{first, grown};
    use lcr::{Fault, Handle};

    type Books = (Vec<String>, String);

    #[lcr::interface(name = "test.librarian", version = 1)]
    pub trait Librarian {
        fn look_at(&self, shelf: Handle<dyn grown::Shelf>) -> Result<Books, Fault>;
        fn topic(&self, shelf: Handle<dyn first::Shelf>) -> Result<Option<String>, Fault>;
        fn lend(&self) -> Handle<dyn grown::Shelf>;
    }
}

#[test]
fn a_handle_that_crosses_has_the_methods_of_its_receivers_edition() {
    use abroad::Librarian;
    let rt = runtime("shelf_first");
    rt.load(component("shelf_librarian")).unwrap();
    let librarian = rt.service::<dyn Librarian>().unwrap();
    let shelf = rt.service::<dyn grown::Shelf>().unwrap();
    let (books, edition) = librarian.look_at(shelf.clone()).unwrap();
    assert_eq!((books.join(" "), edition), ("Emma Ulysses".to_owned(), "reordered".to_owned()));
    let lent = librarian.lend();
    use_defaults(&lent);
    assert_eq!((lent.edition(), rt.status().instances), ("grown".to_owned(), 2));
    // This shelf is an instance of its own, and lacks a method that the receiver wants.
    let own = rt.reference::<dyn first::Shelf>(&()).unwrap();
    let fault = librarian.topic(own.clone()).unwrap_err();
    assert_eq!((fault.kind(), fault.method()), (FaultKind::Panic, Some("topic")));
    assert!(fault.message().contains("lacks method `topic` of test.shelf v1"), "{fault}");
    assert_eq!(own.get(0), "Emma");
    drop((own, lent, shelf, librarian));
    lcr_tests::wait_until("everything is released", || rt.status().instances == 0);
}

/// The fault that a caller gets whose callback replaces the component and then panics.
fn fault_of_replaced(rt: &Runtime, shelf: &impl grown::Shelf) -> String {
    let visit = |_: u32, _: &str| {
        rt.replace(component("shelf_first")).unwrap();
        panic!("behind the commit")
    };
    let call = std::panic::AssertUnwindSafe(|| shelf.each(&visit));
    *std::panic::catch_unwind(call).unwrap_err().downcast::<String>().unwrap()
}

#[test]
fn a_fault_names_the_component_that_was_called_also_when_it_was_replaced_meanwhile() {
    let expected = "component `shelf 1.1.0` panicked in test.shelf.each: behind the commit";
    let rt = runtime("shelf_grown");
    let shelf = rt.service::<dyn grown::Shelf>().unwrap();
    // Instances of both versions have one address: neither has fields.
    for round in 0..3 {
        assert_eq!(fault_of_replaced(&rt, &shelf), expected, "round {round}");
        rt.replace(component("shelf_grown")).unwrap();
        assert_eq!(fault_of_replaced(&rt, &Handle::pin(&shelf).unwrap()), expected, "round {round}");
        rt.replace(component("shelf_grown")).unwrap();
        let pin = rt.pin().unwrap();
        assert_eq!(fault_of_replaced(&rt, &shelf), expected, "round {round}");
        drop(pin);
        rt.replace(component("shelf_grown")).unwrap();
    }
    // The new component is named from its first call on.
    let panicking = |_: u32, _: &str| panic!("at once");
    let call = std::panic::AssertUnwindSafe(|| shelf.each(&panicking));
    let text = *std::panic::catch_unwind(call).unwrap_err().downcast::<String>().unwrap();
    assert_eq!(text, "component `shelf 1.1.0` panicked in test.shelf.each: at once");
}

/// Where a fault began, and its generation.
fn origin_of(fault: &lcr::Fault) -> Option<(String, u64)> {
    fault.origin().map(|origin| (origin.component().to_string(), origin.generation()))
}

#[lcr::interface(name = "test.relay", version = 1)]
trait Relay {
    /// Has the books of a shelf given away by a librarian.
    fn relay(
        &self,
        librarian: Handle<dyn Librarian>,
        shelf: Handle<dyn grown::Shelf>,
        take: Box<dyn Fn(String) + Send>,
        tail: Vec<String>,
    ) -> Result<u32, lcr::Fault>;
}

/// A component of the program itself, between the program and the loaded components.
#[derive(Default)]
struct Between;

#[lcr::component(name = "relay", version = "3.0.0")]
impl Relay for Between {
    fn relay(
        &self,
        librarian: Handle<dyn Librarian>,
        shelf: Handle<dyn grown::Shelf>,
        take: Box<dyn Fn(String) + Send>,
        tail: Vec<String>,
    ) -> Result<u32, lcr::Fault> {
        Ok(librarian.hand_out(shelf, take, tail))
    }
}

#[test]
fn a_fault_says_where_it_began_also_through_other_components_and_after_a_replacement() {
    let rt = Arc::new(Runtime::builder().build().unwrap());
    rt.plan().add(component("shelf_grown")).add(component("shelf_librarian")).commit().unwrap();
    let (relay, librarian) = (rt.service::<dyn Relay>().unwrap(), rt.service::<dyn Librarian>().unwrap());
    let shelf = rt.service::<dyn grown::Shelf>().unwrap();
    let give = |take: Box<dyn Fn(String) + Send>, tail: usize| {
        relay.relay(librarian.clone(), shelf.clone(), take, vec![String::new(); tail])
    };
    // The shelf is replaced while the call is inside it, and then the call panics. Neither version of the
    // shelf has fields.
    let generation = rt.generation();
    let replacing = Arc::clone(&rt);
    let replace = move |_| drop(replacing.replace(component("shelf_first")).unwrap());
    let fault = give(Box::new(replace), 10).unwrap_err();
    assert_eq!(origin_of(&fault), Some(("shelf 1.1.0".to_owned(), generation)), "{fault:?}");
    assert_eq!(fault.component().unwrap().to_string(), "relay 3.0.0");
    assert_eq!(
        fault.to_string(),
        "component `relay 3.0.0` panicked in test.relay.relay: component `librarian 1.0.0` panicked in \
         test.librarian.hand_out: component `shelf 1.1.0` panicked in test.shelf.give: too many books"
    );
    assert_eq!(fault.origin().unwrap().to_string(), format!("shelf 1.1.0 in generation {generation}"));
    // A callback of the program belongs to no component.
    rt.replace(component("shelf_grown")).unwrap();
    let fault = give(Box::new(|_| panic!("the program's own")), 0).unwrap_err();
    assert_eq!(origin_of(&fault), None, "{fault:?}");
    // This fault begins in the component itself, after one that only passed through it.
    let foreign = rt.service::<dyn abroad::Librarian>().unwrap();
    let own = rt.reference::<dyn first::Shelf>(&()).unwrap();
    let fault = abroad::Librarian::topic(&foreign, own).unwrap_err();
    assert_eq!(origin_of(&fault), Some(("librarian 1.0.0".to_owned(), rt.generation())), "{fault:?}");
}

#[test]
fn a_component_that_calls_back_from_other_threads_is_refused_to_callers_that_do_not_promise_it() {
    let rt = runtime("chorus_threads");
    let error = rt.service::<dyn alone::Chorus>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let text = "sing: argument 2: expected &dyn Fn(u64), found &(dyn Fn(u64) + Send + Sync), \
                and callers do not promise Send + Sync";
    assert!(error.to_string().contains(text), "{error}");
    let error = rt.service::<dyn alone::Keeper>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let text = "keep: argument 2: expected Box<dyn Fn(u64) + Send>, found Box<dyn Fn(u64) + Send + Sync>, \
                and callers do not promise Sync";
    assert!(error.to_string().contains(text), "{error}");
    // Such a component is refused as a replacement, too.
    let rt = runtime("chorus_alone");
    let (chorus, keeper) = (rt.service::<dyn alone::Chorus>().unwrap(), rt.service::<dyn alone::Keeper>().unwrap());
    assert_eq!(rt.replace(component("chorus_threads")).unwrap_err().kind(), ErrorKind::Mismatch);
    let sum = std::cell::Cell::new(0);
    alone::Chorus::sing(&chorus, 10, &|number| sum.set(sum.get() + number));
    alone::Keeper::keep(&keeper, 10, Box::new(|number| assert!(number < 10)));
    assert_eq!(sum.get(), 45);
}

#[test]
fn a_caller_that_promises_more_of_a_callback_is_served_by_components_that_want_less_or_all_of_it() {
    let rt = runtime("chorus_alone");
    let chorus = rt.service::<dyn shared::Chorus>().unwrap();
    let keeper = rt.service::<dyn shared::Keeper>().unwrap();
    let sum = Arc::new(Mutex::new(0));
    for total in [45, 90] {
        let voice = |number| *sum.lock().unwrap() += number;
        shared::Chorus::sing(&chorus, 10, &voice);
        assert_eq!(*sum.lock().unwrap(), total);
        if total == 45 {
            rt.replace(component("chorus_threads")).unwrap();
        }
    }
    let kept = Arc::clone(&sum);
    shared::Keeper::keep(&keeper, 10, Box::new(move |number| *kept.lock().unwrap() += number));
    assert_eq!(*sum.lock().unwrap(), 135);
}

#[test]
fn the_bounds_of_a_callback_are_what_the_compiler_takes_them_for() {
    let rt = runtime("chorus_misspelt");
    let error = rt.service::<dyn alone::Chorus>().unwrap_err();
    assert!(error.to_string().contains("and callers do not promise Sync"), "{error}");
    let chorus = rt.service::<dyn shared::Chorus>().unwrap();
    shared::Chorus::sing(&chorus, 10, &|number| assert!(number < 10));
    let chorus = rt.service::<dyn misspelt::Chorus>().unwrap();
    misspelt::Chorus::sing(&chorus, 10, &|number| assert!(number < 10));
}
