//! How long each phase of a transaction has lasted, for those who follow it.

use std::{
    mem,
    time::{Duration, Instant},
};

/// How long each phase has lasted so far. A phase may come several times.
pub(super) struct Spent<P> {
    /// The phase that lasts, and since when.
    now: Option<(P, Instant)>,
    /// In the order in which they began first.
    phases: Vec<(P, Duration)>,
}

impl<P> Default for Spent<P> {
    fn default() -> Spent<P> {
        Spent { now: None, phases: Vec::new() }
    }
}

impl<P: Copy + PartialEq> Spent<P> {
    /// Another phase begins, or none.
    pub(super) fn enter(&mut self, next: Option<P>) {
        let begins = Instant::now();
        let ended = mem::replace(&mut self.now, next.map(|next| (next, begins)));
        let Some((phase, began)) = ended else { return };
        let lasted = begins.saturating_duration_since(began);
        match self.phases.iter_mut().find(|(of, _)| *of == phase) {
            Some((_, spent)) => *spent += lasted,
            None => self.phases.push((phase, lasted)),
        }
    }

    /// The phases that have ended.
    pub(super) fn all(&self) -> &[(P, Duration)] {
        &self.phases
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_phase_that_comes_again_is_one_phase_and_the_present_one_is_none_yet() {
        let mut spent = Spent::default();
        ["load", "gate", "load", "gate"].into_iter().for_each(|phase| spent.enter(Some(phase)));
        assert_eq!(spent.all().iter().map(|(phase, _)| *phase).collect::<Vec<_>>(), ["load", "gate"]);
        let before = spent.all()[1].1;
        spent.enter(None);
        spent.enter(None);
        assert!(spent.all().len() == 2 && spent.all()[1].1 >= before);
    }
}
