//! Looking at a plan before it is committed: its text, its description, and a rehearsal of it.

use std::fmt;

use crate::{
    error::{Error, ErrorKind, Result},
    host::image::stage::show,
};

use super::{
    description::{self, PlanDescription, of::text_of},
    fit,
    plan::Plan,
    rehearsal::Rehearsal,
    request::Step,
    staging::stage_all,
    telling::Told,
    transaction,
};

impl Plan {
    /// What the plan would do, as data that owns all its texts. Adds to what the plan prints how the signatures of
    /// present and new components differ, and which calls and pins are inside components that a hand-over would have to
    /// empty, at this moment.
    ///
    /// Takes the state lock for a look at all threads' calls; runs no code of a component and waits for none.
    pub fn describe(&self) -> PlanDescription {
        let mut description = self.description();
        for (member, described) in self.resolution.members.iter().zip(&mut description.members) {
            let Some(manifest) = self.steps[member.step].manifest() else { continue };
            let replaced = member.replaced.iter().zip(&member.present);
            for ((replaced, present), interface) in replaced.zip(&mut described.interfaces) {
                // An implementation that is gone is that of a plan which is stale.
                let Some(present) = present.upgrade() else { continue };
                interface.differences = fit::differences(&present.manifest, &manifest.exports[replaced.export]);
            }
        }
        let replaced = self.resolution.members.iter().flat_map(|member| &member.replaced);
        let gated = replaced.filter(|replaced| replaced.is_behind_gate()).map(|replaced| replaced.provider);
        description.inside = self.inner.inside_now(gated.collect());
        description
    }

    /// Tries the plan on a copy of the live state, and throws the copy away: loads the files, constructs and checks the
    /// new instances, saves the state of the present ones while their callers go on, restores it in new instances and
    /// asks those for their health. No caller is held, and nothing changes; the plan can be committed afterwards.
    ///
    /// It runs the code of the plan's libraries. `save` of a component runs beside calls of it, and what a component
    /// tells others meanwhile is told to those that serve. A state that moves by pointer is not touched. What it would
    /// lose by copying shows as a difference of sizes; whether what is carried is right, only the component's
    /// health check can say. Its images count for [`fits`](Plan::fits), as those of a commit do.
    ///
    /// Blocks at most for the plan's [`timeout`](crate::PlanBuilder::timeout), in which the files are read again, and
    /// as long once more. It is a transaction of its own. A refusal is an event, and among
    /// [`Runtime::last_refusals`](crate::Runtime::last_refusals), as that of a commit is; a history does not record it.
    ///
    /// # Errors
    /// As for [`Plan::commit`], but `Reentrant`; `Stale` also if a file has another content now.
    pub fn rehearse(&self) -> Result<Rehearsal> {
        let result = self.try_rehearsal();
        if let Err(error) = &result {
            Told::new(self.to_string(), &self.options).tell_rehearsal(&self.inner, error);
        }
        result
    }

    fn try_rehearsal(&self) -> Result<Rehearsal> {
        let steps = self.staged_again()?;
        transaction::rehearse(&self.inner, steps, self.options.clone(), self.resolution.seen())
    }

    /// The steps once more, with their files staged anew: the plan keeps its own.
    pub(super) fn staged_again(&self) -> Result<Vec<Step>> {
        if let Some(refusal) = self.steps.iter().find_map(|step| step.refusal.as_ref()) {
            return Err(Error::new(refusal.kind(), text_of(refusal)));
        }
        let requests = self.steps.iter().filter_map(|step| step.request.again()).collect();
        let mut steps = stage_all(&self.inner, requests, self.options.timeout);
        for (built, step) in self.steps.iter().zip(&mut steps) {
            if let Some(refusal) = step.refusal.take() {
                return Err(refusal);
            }
            let (Some(built), Some(now)) = (&built.staged, &step.staged) else { continue };
            if built.hash != now.hash {
                let text = format!(
                    "the file has another content than when the plan was built ({} then, {} now); build the plan anew",
                    built.hash.short(),
                    now.hash.short()
                );
                return Err(Error::new(ErrorKind::Stale, text).at(show(&now.source)));
            }
        }
        Ok(steps)
    }

    /// What the plan prints.
    fn description(&self) -> PlanDescription {
        description::of::plan(self.generation, &self.steps, &self.options, &self.resolution)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.description(), f)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
