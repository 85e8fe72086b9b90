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
    choose::<M, A>(script, fits).unwrap_or_else(|refused| {
        let call = format!("{}({})", M::NAME, shown().join(", "));
        let text = refused.into_iter().fold(call, |text, refusal| format!("{text}\n    {refusal}"));
        script.note_unexpected(&text);
        panic!("mock of {}: unexpected call {text}", script.interface)
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
