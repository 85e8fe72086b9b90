//! How a trial begins: the plan asks for it, the transaction starts its thread, and the commit gives it its members.

use std::{sync::Arc, time::Duration};

use crate::{
    change::{
        execution::Execution, member::Member, plan::PlanBuilder, report::Report, request::Options, rollback::take_back,
        stop::Stop,
    },
    error::Result,
    host::{
        objects::{component::Implementation, origin::Origin},
        service::{inner::RuntimeInner, state::State},
    },
};

use super::{
    Prepared,
    rules::{Limits, Planned, Trial},
    trials::OnTrial,
    way_back::WayBack,
};

impl PlanBuilder<'_> {
    /// Puts the new versions of the plan on trial: after the commit the runtime watches them by these rules. If one of
    /// them fails, all of them are rolled back, and the file that failed is in quarantine until
    /// [`release`](crate::Runtime::release). [`Runtime::trial`](crate::Runtime::trial) shows how the trial stands, and
    /// [`Runtime::wait_trial`](crate::Runtime::wait_trial) returns what came of it.
    ///
    /// There is one trial at a time, and meanwhile no other plan changes its components: both are refused with
    /// `OnTrial`. Plans for other components go on.
    ///
    /// The page [`trials`](crate::guide::trials) says what is watched.
    pub fn trial(mut self, rules: Trial) -> Self {
        self.options.trial = Some(Planned { rules, take_back: rolled_back });
        self
    }
}

/// How long one try to roll back may take while all callers are served. A caller that hangs in the version that is to
/// go costs each try this time.
const ROLLBACK: Duration = Duration::from_secs(10);

fn rolled_back(inner: &Arc<RuntimeInner>, generation: u64, reason: String, limits: Limits) -> Result<Option<Report>> {
    let Limits { deadline, gate_wait, precopy_rounds, precopy_hold, precopy_backlog, without_downgrade } = limits;
    let options = Options {
        reason: Some(reason),
        ends_trial: true,
        allow_panic_abort: true,
        timeout: Some(ROLLBACK),
        deadline,
        gate_wait,
        precopy_rounds,
        precopy_hold,
        precopy_backlog,
        without_downgrade,
        ..Options::default()
    };
    take_back(inner, generation, options)
}

impl Execution {
    /// Starts the thread of the trial, if the plan has one, ahead of everything that cannot be undone.
    pub(in crate::change) fn prepare_trial(&mut self) -> Result<(), Stop> {
        if let Some(planned) = &self.options.trial {
            let Options { deadline, gate_wait, precopy_rounds, precopy_hold, precopy_backlog, .. } = self.options;
            let without_downgrade = false;
            let limits =
                Limits { deadline, gate_wait, precopy_rounds, precopy_hold, precopy_backlog, without_downgrade };
            self.trial = Some(Prepared::start(planned.clone(), limits)?);
        }
        Ok(())
    }

    /// Begins the trial of what this transaction has just published, under the state lock. Cannot fail.
    pub(in crate::change) fn begin_trial(&self, state: &State, generation: u64) {
        let Some(prepared) = &self.trial else { return };
        let member = |(member, loaded): (&Member, &Vec<Arc<Implementation>>)| {
            let origin = loaded.first().and_then(|first| first.component.origin.as_ref());
            OnTrial {
                before: member.before.clone(),
                after: member.after.clone(),
                hash: origin.map(|origin| origin.hash),
                whole: origin.map(Origin::whole),
                whole_before: member.whole_before,
                faults: loaded.iter().map(|new| (Arc::clone(new.faults()), new.faults().total())).collect(),
            }
        };
        let members = self.members.iter().zip(&self.loaded).map(member).collect();
        let has_health = self.loaded.iter().flatten().any(|new| new.export.healthy.is_some());
        let way_back = WayBack::of(state, &self.members, &self.options);
        prepared.begin(&self.inner, generation, (members, way_back), has_health);
    }

    /// Has the answers of the new versions counted from the commit on, if the plan's trial is one by calls.
    pub(in crate::change) fn prepare_counting(&mut self) -> Result<(), Stop> {
        let Some(prepared) = &mut self.trial else { return Ok(()) };
        let new: Vec<Arc<Implementation>> = self.loaded.iter().flatten().map(Arc::clone).collect();
        prepared.count(&self.inner, &new)?;
        Ok(())
    }
}
