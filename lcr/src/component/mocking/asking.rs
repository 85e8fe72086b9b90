//! Which expectation a call meets.

use std::{any::Any, sync::Arc};

use super::{
    expectation::{Chosen, Expectation},
    method::{Closures, Mocked},
    script::{Script, Stored},
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
    meet(script, standing(script), fits, shown)
}

/// As [`called`]; `None` if no call of the method is expected, and the mock leaves such calls to the component.
///
/// # Panics
/// If the call is unexpected.
pub(super) fn called_live<M: Mocked, A: Closures<M>>(
    script: &Script,
    fits: impl Fn(&A::When) -> bool,
    shown: impl FnOnce() -> Vec<String>,
) -> Option<Chosen<M, A>> {
    let standing = standing::<M, A>(script);
    let is_meant = script.is_strict() || !standing.is_empty();
    is_meant.then(|| meet(script, standing, fits, shown))
}

/// The expectations of a method, as they stand at one moment: those of a check are taken away while calls come.
fn standing<M: Mocked, A: Closures<M>>(script: &Script) -> Vec<Arc<Expectation<M, A>>> {
    let of_method = |stored: Arc<dyn Stored>| {
        let stored: Arc<dyn Any + Send + Sync> = stored;
        stored.downcast::<Expectation<M, A>>().ok()
    };
    script.expectations().into_iter().filter_map(of_method).collect()
}

/// The expectation among those `standing` that a call meets.
fn meet<M: Mocked, A: Closures<M>>(
    script: &Script,
    standing: Vec<Arc<Expectation<M, A>>>,
    fits: impl Fn(&A::When) -> bool,
    shown: impl FnOnce() -> Vec<String>,
) -> Chosen<M, A> {
    let text = || script.call(M::NAME, &shown());
    match choose(standing, fits) {
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

/// The first expectation that a call meets, from whose quota the call was taken; or why each is none.
fn choose<M: Mocked, A: Closures<M>>(
    standing: Vec<Arc<Expectation<M, A>>>,
    fits: impl Fn(&A::When) -> bool,
) -> Result<Chosen<M, A>, Vec<String>> {
    let mut refused = Vec::new();
    for expectation in standing {
        // A predicate may write expectations, so none is called under the lock.
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
