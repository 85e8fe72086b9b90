//! [`Counting`]: whose methods are hooked so that their answers are counted, for a trial that ends by a number of
//! calls.
//!
//! Nothing counts but for that trial, and only calls of the versions on trial go through hooks: the tables of all other
//! instances, and of these before and after, are as they would be without. [`patches`](super::patches) makes the
//! tables.
//!
//! A method is hooked by the thunks of its own image. An interface needs no option for that, and the host need not know
//! the interface. An image may lack them; then the trial is refused before its commit ([`uncountable`]).

use std::sync::Arc;

use crate::{
    abi::crossing::Crossing,
    component::{answers::Answers, hooks::Layer},
};

use super::{component::Implementation, faults::Faults};

/// A method of an implementation's objects whose answers cannot be counted, since its image has no thunks for it: its
/// interface and its name.
pub(crate) fn uncountable(implementation: &Implementation) -> Option<(&str, &str)> {
    implementation.faces().without_thunks()
}

/// Whose answers are counted, and where.
pub(crate) struct Counting {
    number: u64,
    /// Tell the implementations. Only compared; held, so that no other one lies there meanwhile.
    of: Vec<Arc<Faults>>,
    owner: Arc<str>,
    answers: Arc<Answers>,
}

impl Counting {
    /// Has the answers of these implementations counted.
    pub(crate) fn new(number: u64, of: &[Arc<Implementation>], answers: &Arc<Answers>) -> Counting {
        let of = of.iter().map(|implementation| Arc::clone(implementation.faults())).collect();
        Counting { number, of, owner: "trial".into(), answers: Arc::clone(answers) }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the answers of these objects are counted.
    pub(super) fn counts(&self, implementation: &Implementation) -> bool {
        self.of.iter().any(|faults| Arc::ptr_eq(faults, implementation.faults()))
    }

    /// The thunks and the layer by which a method is counted. `None` if it has no thunks.
    pub(super) fn layer(
        &self,
        implementation: &Implementation,
        interface: &str,
        method: &str,
    ) -> Option<(&'static Crossing, Arc<Layer>)> {
        let (crossing, kind) = match implementation.crossing(interface, method) {
            Some(crossing) => (crossing, self.answers.layer()),
            None => {
                let start = implementation.faces().start(interface, method)?;
                (start, self.answers.layer_of_start(start.arguments))
            }
        };
        Some((crossing, Layer::new(&self.owner, kind)))
    }
}
