//! What calls get, and what is told of them.

use super::*;

/// Two threads at a time clone it, or none.
#[derive(lcr::Abi)]
struct Paired(u64);

impl Clone for Paired {
    fn clone(&self) -> Paired {
        static TOGETHER: std::sync::Barrier = std::sync::Barrier::new(2);
        TOGETHER.wait();
        Paired(self.0)
    }
}

#[lcr::interface(name = "mocking.pairs", version = 1, mocks)]
trait Pairs {
    fn pair(&self) -> Paired;
}

#[test]
fn threads_clone_the_answer_at_the_same_time() {
    let pairs = mock::<dyn Pairs>();
    pairs.expect().pair().times(2).returns(Paired(3));
    let (one, other) = (pairs.object(), pairs.object());
    let thread = thread::spawn(move || one.pair().0);
    assert_eq!((other.pair().0, thread.join().unwrap()), (3, 3));
}

#[test]
fn what_is_missing_is_told_with_the_calls_of_the_method_that_were_answered() {
    let journal = mock::<dyn Journal>();
    journal.expect().append().with("a", 1).times(2).returns(Ok(1));
    journal.expect().append().times(..).returns(Ok(2));
    journal.expect().sync();
    let object = journal.object();
    for level in 0..20 {
        object.append("line", level).unwrap();
    }
    object.append("a", 1).unwrap();
    let text = panics(|| journal.checkpoint());
    let calls: Vec<_> = (0..16).map(|level| format!("append(\"line\", {level})")).collect();
    let calls = format!("answered: {} and 5 more\n  sync, expected at ", calls.join(", "));
    assert_holds(&text, &["append(\"a\", 1), expected at ", "exactly 2 calls expected, but 1 came\n    ", &calls]);
    assert_holds(&text, &["at least 1 call expected, but none came\n    no call of sync was answered"]);
    // The second part of the test begins with nothing.
    journal.expect().sync();
    let text = panics(|| drop(journal));
    assert!(!text.contains("append"), "{text}");
}
