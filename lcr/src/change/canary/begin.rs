//! How a canary begins: what is refused, the layers around the old version's methods, and the thread that ends it.
//!
//! The whole runs in the turn of one transaction, so that the component does not change meanwhile.

use std::sync::Arc;

use crate::{
    change::{
        description::of::text_of,
        execution::Execution,
        plan::{Plan, PlanBuilder},
        telling::Told,
        transaction,
        trial::trials::Trials,
        watching::place,
    },
    error::{Error, ErrorKind, Result},
    host::{
        objects::{instances::Instance, origin::Origin},
        service::inner::RuntimeInner,
        watching::{
            comparison::{Comparison, Wanted},
            requests::Requests,
            second_call::{Caller, SecondCalls},
            shadowed::Keeper,
        },
    },
};

use super::{
    audition::{Auditioned, discard, refuse_beside, refuse_members},
    end::CanaryStatus,
    layers::{Chosen, Layers},
    matching::Met,
    prepared::Prepared,
    rules::Canary,
    shadowing::Meant,
    standing::{About, Running},
    watcher::{Promotion, Watcher},
};

impl PlanBuilder<'_> {
    /// Begins a canary, in place of a commit: the new version serves a share of the calls beside the old one, and what
    /// is drawn and compared decides whether the plan is committed. See [`Plan::canary`].
    ///
    /// # Errors
    /// As for [`Plan::canary`].
    pub fn canary(self, rules: Canary) -> Result<CanaryStatus> {
        self.build().canary(rules)
    }
}

impl Plan {
    /// Begins a canary of the one component that the plan replaces: constructs the new version, and gives it a share of
    /// the calls of the old one, by a draw for each call. If it does worse than the old version, it is withdrawn, and
    /// its file is in quarantine until [`release`](crate::Runtime::release). If it does not, the plan is committed when
    /// the new version has answered [so many](Canary::calls) calls, with the plan's trial if it has one.
    ///
    /// Returns as soon as calls are drawn. [`Runtime::canary`](crate::Runtime::canary) shows how it stands,
    /// [`Runtime::wait_canary`](crate::Runtime::wait_canary) returns what came of it, and
    /// [`Runtime::promote_canary`](crate::Runtime::promote_canary) and
    /// [`Runtime::withdraw_canary`](crate::Runtime::withdraw_canary) end it at once.
    ///
    /// The new version has to be without state, and so has the old one: each would have a part of it. What they keep
    /// elsewhere they share, since both get the same services as dependencies. Async methods, streams, and methods
    /// whose signature differs stay with the old version, and so do handles with an instance of their own; the status
    /// names the methods. What an async call would need is a hook around each poll, as for a
    /// [watch](crate::Runtime::watch).
    ///
    /// [`Canary::of_requests`] has each request served by one of the two versions, whatever it calls, and
    /// [`Canary::shadow`] has the new version get copies of calls instead, and serve nobody.
    ///
    /// Meanwhile the component's calls cost two reads of the clock and some counters more. There is one canary at a
    /// time, and none beside a trial. Plans for the component, and plans with a trial, are refused with `OnTrial`.
    /// The page [`trials`](crate::guide::trials) says what is compared, and how many calls that takes.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use lcr::{Runtime, canary::{Canary, CanaryOutcome}};
    ///
    /// let rt = Runtime::new()?;
    /// rt.plan().replace("libstore_v2.so").canary(Canary::share(0.05))?;
    /// let end = rt.wait_canary(None).expect("a canary is under way");
    /// println!("{end}");
    /// assert_eq!(end.outcome, CanaryOutcome::Promoted);
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// # Errors
    /// - Any refusal of the plan ([`Plan::refusals`]).
    /// - `Invalid` if the plan does anything but replace one component, the rules are out of range, or no method can be
    ///   compared; `State` if a version keeps state, or they would not share a dependency.
    /// - Of a canary [of requests](Canary::of_requests), `Invalid` if a method would stay with the old version.
    /// - Of a canary of calls that [match](Canary::matching), `Invalid` if no call can; `NotFound` if a pattern means
    ///   no method.
    /// - Of a shadow, `Invalid` if a method that is named in full cannot be shadowed, and `NotFound` if a pattern means
    ///   none.
    /// - `OnTrial` if a trial or another canary is under way; `Stale` if the component is configured while the new
    ///   version is constructed.
    /// - `Busy`, `Deadline`, `Load`, `BadManifest`, `Construct`, `Unhealthy`, `Io` and `Closed` as for
    ///   [`Plan::commit`].
    pub fn canary(self, rules: Canary) -> Result<CanaryStatus> {
        let told = Told::new(self.to_string(), &self.options);
        let inner = Arc::clone(&self.inner);
        begin(self, &rules).inspect_err(|error| told.tell_canary(&inner, error))
    }
}

/// What was put in.
struct Placed {
    about: About,
    comparison: Arc<Comparison>,
    candidates: Vec<Arc<Instance>>,
    patches: Vec<u64>,
    announced: Announced,
}

/// A canary is under way that nobody watches yet. If this is dropped before somebody does, also since something panics,
/// it is called off.
struct Announced(Option<Arc<Trials>>);

impl Announced {
    /// Somebody watches it.
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.0.iter().for_each(|trials| trials.canaries().call_off());
    }
}

/// What makes the second calls of a shadow.
struct Shadowing {
    copies: Arc<SecondCalls>,
    thread: Prepared<Caller>,
}

impl Shadowing {
    fn start() -> Result<Shadowing> {
        Ok(Shadowing { copies: Arc::new(SecondCalls::new()), thread: Prepared::start(c"lcr-shadow", Caller::run)? })
    }
}

/// Of which methods there is to be a shadow, and where copies of their calls go.
type ToCopy<'a> = (&'a [String], &'a Arc<SecondCalls>);

fn begin(plan: Plan, rules: &Canary) -> Result<CanaryStatus> {
    let wanted = rules.wanted()?;
    // Asked again in the turn: before the files are read, and before any of their code runs.
    refuse_beside(&plan.inner)?;
    let steps = plan.staged_again()?;
    if let Some(refusal) = plan.resolution.refusals.first() {
        return Err(Error::new(refusal.error.kind(), text_of(&refusal.error)));
    }
    refuse_members(&plan.resolution.members)?;
    if steps.iter().any(|step| step.staged.is_none()) {
        let text = "a canary is of a file; put what is no file on trial instead";
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    let inner = Arc::clone(&plan.inner);
    let trials = inner.trials();
    // Ahead of everything that would have to be undone.
    let thread = Prepared::start(c"lcr-canary", Watcher::run)?;
    let shadowing = rules.shadowed().map(|_| Shadowing::start()).transpose()?;
    let copies = shadowing.as_ref().map(|shadowing| Arc::clone(&shadowing.copies));
    let options = plan.options.clone();
    let audition = Execution::audition;
    let Placed { about, comparison, candidates, patches, announced } =
        transaction::uncommitted(&inner, steps, options, plan.resolution.seen(), audition, |auditioned| {
            // The layers are in no world before that.
            let since = inner.latest_state().generation().next();
            let shadow = rules.shadowed().zip(copies.as_ref());
            let placed = place(&inner, &plan, rules, (wanted, shadow), &auditioned);
            let (about, comparison, patches, announced) = match placed {
                Ok(placed) => placed,
                Err(error) => {
                    discard(&inner, auditioned);
                    return Err(error);
                }
            };
            let instances = auditioned.into_iter().map(|auditioned| auditioned.instance);
            let candidates = instances.map(|instance| Arc::new(instance.shown_since(since))).collect();
            Ok(Placed { about, comparison, candidates, patches, announced })
        })?;
    let status = trials.canaries().status();
    let (number, weak) = (about.number, Arc::downgrade(&inner));
    let promotion = Promotion::of(plan);
    if let Some(Shadowing { copies, thread }) = shadowing {
        let keepers = candidates.iter().map(|candidate| Arc::clone(candidate) as Arc<dyn Keeper>).collect();
        thread.begin(Caller { comparison: Arc::clone(&comparison), copies, keepers });
    }
    thread.begin(Watcher { inner: weak, trials, about, comparison, copies, candidates, patches, promotion });
    announced.keep();
    let is_it = |status: &CanaryStatus| status.number == number;
    status.filter(is_it).ok_or_else(|| Error::new(ErrorKind::Closed, "the runtime is gone"))
}

/// Has the canary under way, and puts the layers in, in the turn of a transaction.
fn place(
    inner: &Arc<RuntimeInner>,
    plan: &Plan,
    rules: &Canary,
    (wanted, shadow): (Wanted, Option<ToCopy<'_>>),
    auditioned: &[Auditioned],
) -> Result<(About, Arc<Comparison>, Vec<u64>, Announced)> {
    let trials = inner.trials();
    let weak = Arc::downgrade(&trials);
    let wake = move || weak.upgrade().into_iter().for_each(|trials| trials.canaries().nudge());
    let comparison = Arc::new(Comparison::new(wanted, wake));
    let requests = rules.is_of_requests().then(|| Arc::new(Requests::new(&comparison, inner.core())));
    let chosen = match (shadow, &requests) {
        (Some((patterns, copies)), _) => Chosen::Copies(Meant::new(patterns), Arc::clone(copies)),
        (None, Some(requests)) => Chosen::Requests(Arc::clone(requests)),
        _ if rules.conditions().is_empty() => Chosen::All,
        _ => Chosen::Matching(Met::new(rules.conditions())),
    };
    let mut layers = Layers::new(inner, &comparison, chosen);
    auditioned.iter().try_for_each(|auditioned| layers.around(inner, auditioned))?;
    layers.check()?;
    let first = auditioned.first().map(|first| &first.instance.implementation().component);
    let before = plan.resolution.members.first().and_then(|member| member.before.clone());
    let (Some(component), Some(before), false) = (first, before, layers.patches.is_empty()) else {
        return Err(layers.nothing());
    };
    let about = About {
        number: trials.canaries().next_number(),
        before,
        after: component.id.clone(),
        hash: component.origin.as_ref().map(|origin| origin.hash),
        whole: component.origin.as_ref().map(Origin::whole),
        whole_before: layers.whole_before,
        methods: layers.methods,
        left_out: layers.left_out,
        share: wanted.share,
        matching: rules.conditions().texts(),
        matching_of: rules.conditions().places(),
        is_shadow: wanted.is_shadow,
        of_requests: rules.is_of_requests(),
        wanted: wanted.calls,
        actor: plan.options.actor.clone(),
        reason: plan.options.reason.clone(),
    };
    announce(inner, auditioned, Running::new(about.clone(), Arc::clone(&comparison), rules.time()))?;
    let announced = Announced(Some(trials));
    place::put_in(inner, &layers.patches)?;
    requests.into_iter().for_each(|requests| requests.begin(inner.latest_state().generation()));
    Ok((about, comparison, layers.patches.iter().map(|patch| patch.number).collect(), announced))
}

/// Has the canary under way for every other thread. From here on its component is not configured; so no call is drawn
/// before that, and what was configured meanwhile is found.
///
/// # Errors
/// `Stale` if the component was configured since the candidate was constructed.
fn announce(inner: &RuntimeInner, auditioned: &[Auditioned], running: Running) -> Result<()> {
    let state = inner.latest_state();
    let has_changed = |one: &Auditioned| state.config_of(&one.providers) != one.present_config;
    if auditioned.iter().any(has_changed) {
        let text = format!(
            "component `{}` was configured while the candidate was constructed, and a canary compares two versions by \
             the configurations that they have; begin it again",
            running.about.before.name
        );
        return Err(Error::new(ErrorKind::Stale, text));
    }
    inner.trials().canaries().begin(running);
    Ok(())
}
