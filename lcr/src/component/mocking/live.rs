//! A mock around the methods of a component that runs.
//!
//! Its layers stand around the methods as those of any patch do. A layer asks the script about calls of methods of
//! which any call is expected, and passes all others on to the component. Whose calls come to the layers is the
//! business of whoever put them there (`change/live_mocks`).

use std::sync::Arc;

#[cfg(feature = "host")]
use super::ends::Mock;
use super::{
    asking,
    ends::Mockable,
    expectation::Chosen,
    method::{Closures, Mocked},
    script::Script,
};
use crate::component::generated::patches::Patchable;

/// An interface whose components can be mocked while they run: `dyn Trait` of an
/// `#[lcr::interface(.., mocks, patches)]`.
#[diagnostic::on_unimplemented(
    message = "components of `{Self}` cannot be mocked while they run",
    label = "not an interface with `mocks` and `patches`",
    note = "write `#[lcr::interface(name = \"...\", version = 1, mocks, patches)]` on the trait, and name it as \
            `dyn Trait`"
)]
pub trait MockedLive: Mockable + Patchable {
    /// Layers that ask a script, one for each method that is not polled.
    fn layers(script: LiveScript) -> Self::Methods;
}

/// The script of a mock, as the layers around a component's methods ask it.
#[derive(Clone, Debug)]
pub struct LiveScript(Arc<Script>);

impl LiveScript {
    /// The script of a mock.
    #[cfg(feature = "host")]
    pub(crate) fn of<I: ?Sized + Mockable>(mock: &Mock<I>) -> LiveScript {
        LiveScript(Arc::clone(&mock.script))
    }

    /// The mock stands around these methods. An expectation of another one is refused from now on, since no call of it
    /// would ever come.
    #[cfg(feature = "host")]
    pub(crate) fn stand_around(&self, methods: Vec<String>) {
        self.0.stand_around(methods);
    }

    /// Whether calls of methods of which none is expected are unexpected, instead of the component's.
    #[cfg(feature = "host")]
    pub(crate) fn set_strict(&self, is_strict: bool) {
        self.0.set_strict(is_strict);
    }

    /// Why the mock rests around the component, for the next check; `None` if it stands.
    #[cfg(feature = "host")]
    pub(crate) fn set_resting(&self, why: Option<String>) {
        self.0.set_resting(why);
    }

    /// Looks for the expectation that a call meets. `None` if the call goes on to the component.
    ///
    /// # Panics
    /// If the call is unexpected.
    #[doc(hidden)]
    pub fn called<M: Mocked, A: Closures<M>>(
        script: &LiveScript,
        fits: impl Fn(&A::When) -> bool,
        shown: impl FnOnce() -> Vec<String>,
    ) -> Option<Chosen<M, A>> {
        let LiveScript(script) = script;
        asking::called_live(script, fits, shown)
    }
}
