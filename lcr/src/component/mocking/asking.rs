//! Which expectation a call meets.

use std::{any::Any, sync::Arc};

use super::{
    expectation::{Chosen, Expectation},
    method::{Closures, Mocked},
    script::Script,
};

/// The expectation that a call meets. `fits` calls a predicate with the call's arguments, and `shown` writes them.
///
/// # Panics
/// If the call is unexpected.
pub(super) fn called<M: Mocked, A: Closures<M>>(
    script: &Script,
    fits: impl Fn(&A::When) -> bool,
    shown: impl FnOnce() -> Vec<String>,
) -> Chosen<M, A> {
    let text = || format!("{}({})", M::NAME, shown().join(", "));
    match choose::<M, A>(script, fits) {
        Ok(chosen) => {
            if script.count(M::NAME) {
                // Behind the lock, since it runs code of the arguments.
                script.remember(M::NAME, text());
            }
            chosen
        }
        Err(refused) => {
            let text = refused.into_iter().fold(text(), |text, refusal| format!("{text}\n    {refusal}"));
            script.note_unexpected(&text);
            panic!("mock of {}: unexpected call {text}", script.interface)
        }
    }
}

/// Whether any call of a method is expected.
pub(super) fn expects<M: Mocked, A: Closures<M>>(script: &Script) -> bool {
    script.has(|stored| {
        let stored: &(dyn Any + Send + Sync) = stored;
        stored.is::<Expectation<M, A>>()
    })
}

/// The expectation that a call meets, from whose quota the call was taken; or why each of the method's is none.
fn choose<M: Mocked, A: Closures<M>>(
    script: &Script,
    fits: impl Fn(&A::When) -> bool,
) -> Result<Chosen<M, A>, Vec<String>> {
    let mut refused = Vec::new();
    // A predicate may write expectations, so none is called under the lock.
    let mut at = 0;
    while let Some(expectation) = script.expectation(at) {
        at += 1;
        let expectation: Arc<dyn Any + Send + Sync> = expectation;
        let Ok(expectation) = expectation.downcast::<Expectation<M, A>>() else { continue };
        match expectation.take(&fits) {
            Ok(()) => return Ok(Chosen::new(expectation)),
            Err(refusal) => refused.push(refusal),
        }
    }
    if refused.is_empty() {
        refused.push("no call of this method is expected".to_owned());
    }
    Err(refused)
}
