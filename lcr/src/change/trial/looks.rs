//! Looks at new versions: health checks and the program's check, each on a thread of its own.
//!
//! Both are code of others, and may do what they like with their thread: hang, panic, or end it late. So a look has a
//! thread for itself, and the trial goes on without that thread when the limit is over. A thread that is left behind
//! keeps the instance that it looks at, which is then never destroyed; its answer, if there is one, is dropped.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::host::{
    objects::instances::Instance,
    serial,
    service::inner::{AUTHORS_STACK, RuntimeInner},
    sys,
};

use super::{
    end::{TrialCause, Why},
    machine::{Event, Look},
    rules::Check,
    trials::{OnTrial, Trials},
};

/// How many bytes of a refusal's text are kept.
const LONGEST_TEXT: usize = 1_024;

/// What the looks of one trial share.
pub(super) struct Looker {
    pub(super) generation: u64,
    pub(super) trials: Arc<Trials>,
    pub(super) members: Arc<[OnTrial]>,
    pub(super) check: Option<Check>,
    /// The member whose health is asked for, counted from 1; 0 if none is.
    pub(super) asking: Arc<AtomicUsize>,
    /// How many looks run.
    pub(super) running: Arc<AtomicUsize>,
}

impl Looker {
    /// Begins a look. Its answer comes as an event.
    pub(super) fn begin(&self, inner: &RuntimeInner, look: Look) {
        let (generation, trials) = (self.generation, Arc::clone(&self.trials));
        let (asking, running) = (Arc::clone(&self.asking), Arc::clone(&self.running));
        let (name, body): (_, Box<dyn FnOnce() -> Result<(), Why> + Send>) = match look {
            Look::Health => {
                let instances = instances(inner, &self.members);
                (c"lcr-health", Box::new(move || ask(&instances, &asking)))
            }
            Look::Check => {
                let check = self.check.clone();
                (c"lcr-check", Box::new(move || check.map_or(Ok(()), |check| run(&check))))
            }
        };
        running.fetch_add(1, Ordering::AcqRel);
        let own = Arc::clone(&running);
        let started = sys::start(name, AUTHORS_STACK, move || {
            let answer = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(panicked(look, panic)));
            own.fetch_sub(1, Ordering::AcqRel);
            trials.post(generation, answer.map_or_else(|why| Event::Refused(look, why), |()| Event::Passed(look)));
        });
        if let Err(error) = started {
            // Without a thread nobody can say that the version is well.
            running.fetch_sub(1, Ordering::AcqRel);
            let why = Why::new(cause(look), format!("no thread could be started to look: {error}"));
            self.trials.post(generation, Event::Refused(look, why));
        }
    }
}

fn cause(look: Look) -> TrialCause {
    match look {
        Look::Health => TrialCause::Health,
        Look::Check => TrialCause::Check,
    }
}

fn panicked(look: Look, panic: Box<dyn Any + Send>) -> Why {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&'static str>().copied()).unwrap_or("no message").to_owned();
    // A payload of the program's own type may panic when it is dropped.
    drop(catch_unwind(AssertUnwindSafe(|| drop(panic))));
    let what = match look {
        Look::Health => "a health check",
        Look::Check => "the program's check",
    };
    Why::new(cause(look), cut(format!("{what} panicked: {text}")))
}

fn cut(mut text: String) -> String {
    serial::cut(&mut text, LONGEST_TEXT);
    text
}

/// The instances on trial that are there now, each with the place of its member.
fn instances(inner: &RuntimeInner, members: &[OnTrial]) -> Vec<(usize, Arc<Instance>)> {
    let state = inner.state();
    let instances = state.objects().services().iter().map(|(_, service)| service.instance());
    let on_trial = instances.filter_map(|instance| {
        let member = members.iter().position(|member| member.has(instance.implementation()))?;
        Some((member, Arc::clone(instance)))
    });
    on_trial.collect()
}

/// Asks the instances for their health: code of components.
fn ask(instances: &[(usize, Arc<Instance>)], asking: &AtomicUsize) -> Result<(), Why> {
    for (member, instance) in instances {
        asking.store(member + 1, Ordering::Release);
        let healthy = instance.check();
        asking.store(0, Ordering::Release);
        healthy.map_err(|error| Why::new(TrialCause::Health, cut(error.to_string())).of(*member))?;
    }
    Ok(())
}

/// Runs the program's check.
fn run(check: &Check) -> Result<(), Why> {
    check().map_err(|error| Why::new(TrialCause::Check, cut(format!("the program's check refused: {error}"))))
}
