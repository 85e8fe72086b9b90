//! [`Counted`]: the answers of new versions are counted, from the commit of a trial by calls to its end.
//!
//! The transaction has them counted ahead of its commit, so that the first call of the new versions counts. It and the
//! thread of the trial share the counting; when both have let go of it, calls go by the components' own tables again.
//! So a transaction that does not commit leaves nothing behind.

use std::{
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use crate::{
    component::answers::Answers,
    error::{Error, ErrorKind, Result},
    host::{
        objects::{component::Implementation, counting::uncountable},
        service::inner::RuntimeInner,
    },
};

use super::rules::Calls;

/// How often the end of the counting is tried while a gate is shut.
const PAUSE: Duration = Duration::from_millis(2);

/// Answers that are counted. Dropping it ends the counting, and waits for that while a gate is shut.
pub(super) struct Counted {
    inner: Weak<RuntimeInner>,
    number: u64,
    answers: Arc<Answers>,
}

impl Counted {
    /// Has the answers of these implementations counted in all tables that are made from now on.
    ///
    /// # Errors
    /// `Invalid` if there is no method, or one that cannot be counted.
    pub(super) fn begin(inner: &Arc<RuntimeInner>, of: &[Arc<Implementation>], calls: Calls) -> Result<Counted> {
        // Nobody calls a patch: its methods are those of the components that it stands around.
        let is_called = |implementation: &&Arc<Implementation>| {
            !implementation.manifest.methods.is_empty() && implementation.manifest.patch.is_none()
        };
        if !of.iter().any(|implementation| is_called(&implementation)) {
            let text = "a trial by calls cannot end: what the plan puts in place has no method that could be called; \
                        put it on trial for a time, or until it is confirmed";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        for implementation in of {
            if let Some((interface, method)) = uncountable(implementation) {
                let text = format!(
                    "calls of component `{}` cannot be counted: its image has no thunks for {interface}.{method}; \
                     build it again with this version of lcr, or put it on trial for a time, or until it is confirmed",
                    implementation.component
                );
                return Err(Error::new(ErrorKind::Invalid, text));
            }
        }
        let trials = Arc::downgrade(&inner.trials());
        let answers = Answers::new(calls.wanted, move || {
            if let Some(trials) = trials.upgrade() {
                trials.nudge();
            }
        });
        let number = inner.begin_counting(of, &answers);
        Ok(Counted { inner: Arc::downgrade(inner), number, answers })
    }

    /// The count.
    pub(super) fn answers(&self) -> &Arc<Answers> {
        &self.answers
    }

    /// Ends the counting, unless a gate is shut.
    pub(super) fn try_end(&self, inner: &RuntimeInner) -> bool {
        inner.end_counting(self.number)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        while let Some(inner) = self.inner.upgrade() {
            if self.try_end(&inner) {
                return;
            }
            drop(inner);
            thread::sleep(PAUSE);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{
        Runtime,
        abi::tables::Export,
        component::image,
        host::{image::manifest::Manifest, objects::component::Component},
    };

    #[lcr::interface(name = "counted.bell", version = 1)]
    trait Bell {
        fn strike(&self) -> u32;
        async fn toll(&self) -> u32;
    }

    #[derive(Default)]
    struct Brass;

    #[lcr::component(name = "counted-brass", version = "1.0.0")]
    impl Bell for Brass {
        fn strike(&self) -> u32 {
            1
        }
        async fn toll(&self) -> u32 {
            2
        }
    }

    /// The bell as an image of these tables has it.
    fn bell(of_table: impl Fn(&'static Export) -> Export) -> Arc<Implementation> {
        let own = image::exports().iter().find_map(|&export| {
            let manifest = Manifest::decode(export.manifest()).unwrap().exports.remove(0);
            (manifest.component.name == "counted-brass").then_some((export, manifest))
        });
        let (export, manifest) = own.unwrap();
        Implementation::new(Component::linked(&manifest), manifest, Box::leak(Box::new(of_table(export))))
    }

    #[test]
    fn an_image_without_thunks_is_refused_by_the_name_of_a_method_and_with_the_way_out() {
        let rt = Runtime::builder().linked(false).build().unwrap();
        let calls = Calls { wanted: 3, within: Duration::from_secs(1) };
        let begin = |bell| Counted::begin(rt.inner(), &[bell], calls);
        let whole = begin(bell(|export| Export { ..*export })).unwrap();
        assert_eq!((whole.answers().wanted(), whole.answers().given()), (3, 0));
        drop(whole);
        let error = begin(bell(|export| Export { crossings: None, ..*export })).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let text = error.to_string();
        assert!(
            ["counted.bell.strike", "build it again", "for a time"].iter().all(|words| text.contains(words)),
            "{text}"
        );
    }
}
