//! [`Runtime::configure`]: the configuration of a component, without a plan.
//!
//! It carries no override, so it is refused where the component is protected.
//!
//! # During a trial
//!
//! It is refused for what is on trial: the components before and after, and those whose configuration the plan on trial
//! has set. The rollback gives these the configurations of the versions before, and whatever was set since would be
//! gone without a word. To keep it through the rollback would be worse: it was written for the version on trial, and
//! the one before may not read it, so that the rollback itself could be refused. A plan that configures such a
//! component is refused for the same reason ([`refusals`](super::trial::refusals)), so there is one rule: what is on
//! trial stays as it was put there until the trial has ended. Other components can be configured meanwhile, and keep
//! that whatever comes of the trial, since its rollback takes back what its own commit did and nothing else.
//!
//! The question is asked under the state lock, under which a trial begins: so no trial begins between the answer and
//! the change.

use serde::Serialize;

use crate::{
    error::{Error, ErrorKind, Result},
    host::runtime::{Runtime, encode},
};

impl Runtime {
    /// Sets the configuration that the constructors of a component's shared instances read. It applies to
    /// instances that are constructed later, replacements included. Runs no code of the component and
    /// does not block.
    ///
    /// The runtime accepts any value that can be encoded. A manifest does not say what type a
    /// constructor asks for, and only running the constructor would tell, beside the instance that
    /// serves and with all that the constructor does. So a value of the wrong type shows when the next
    /// instance is constructed. [`PlanBuilder::configure`](crate::PlanBuilder::configure) runs the
    /// constructor before the commit, also for a component that the plan does not replace, and changes
    /// nothing if the constructor refuses.
    ///
    /// # Errors
    /// `NotFound` if no component of that name is present; `Protected` if it is protected; `OnTrial` if it is on trial,
    /// or was configured by the plan on trial: the rollback would overwrite what is set now; or if it has a canary.
    /// `Invalid` if `config` cannot be encoded.
    pub fn configure(&self, component: &str, config: &(impl Serialize + ?Sized)) -> Result<()> {
        let config = encode(config)?;
        let mut state = self.inner().state();
        let (present, before) = state.component_now(component);
        if present.iter().any(|implementation| implementation.manifest.protected) {
            let text =
                format!("component `{component}` is protected; configure it by a plan that has override_protected()");
            return Err(Error::new(ErrorKind::Protected, text));
        }
        if !present.is_empty()
            && let Some(generation) = self.inner().trials().configuration_on_trial(component)
        {
            let text = format!(
                "component `{component}` is on trial since generation {generation}, with its configuration, which the \
                 rollback would put in the place of this one; confirm or abandon the trial first (Runtime::confirm, \
                 Runtime::abandon)"
            );
            return Err(Error::new(ErrorKind::OnTrial, text));
        }
        #[cfg(feature = "reflect")]
        if !present.is_empty()
            && let Some(candidate) = self.inner().trials().canaries().candidate_of(component)
        {
            let text = format!(
                "component `{component}` has a canary, {candidate}, which compares two versions by the configurations \
                 that they have; promote or withdraw it first (Runtime::promote_canary, Runtime::withdraw_canary)"
            );
            return Err(Error::new(ErrorKind::OnTrial, text));
        }
        if state.objects_mut().configure(component, Some(&config)) {
            state.revisions_mut().note_configured(component, before);
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, format!("component `{component}` is not present; load it first")))
    }
}
