//! [`CanaryStatus`] and [`CanaryEnd`]: how a canary stands, and what came of it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{
    component::identity::ComponentId,
    host::{
        actor::Actor,
        image::content_hash::ContentHash,
        serial,
        watching::{
            differences::{Difference, Differences, Uncompared},
            side::Counted,
        },
    },
};

/// How a canary ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CanaryOutcome {
    /// The candidate has taken the old version's place, by a commit like any other.
    Promoted,
    /// The old version serves all calls, as before.
    Withdrawn,
    /// The runtime was dropped before it was over.
    Interrupted,
}

impl CanaryOutcome {
    /// The stable name: `promoted`, `withdrawn`, `interrupted`.
    pub const fn name(self) -> &'static str {
        match self {
            CanaryOutcome::Promoted => "promoted",
            CanaryOutcome::Withdrawn => "withdrawn",
            CanaryOutcome::Interrupted => "interrupted",
        }
    }
}

/// What ended a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CanaryCause {
    /// The candidate has answered all calls that it was to get, and did no worse.
    Calls,
    /// More calls of the candidate faulted than of the old version.
    Faults,
    /// More calls of the candidate returned an `Err`.
    Errors,
    /// More calls of the candidate were slow.
    Times,
    /// Calls of a shadow came out differently.
    Results,
    /// Too few calls came in its time; or, of a shadow, of some calls that came nothing is known.
    TooFewCalls,
    /// An operator ended it.
    Operator,
    /// The commit that was to put the candidate in place was refused.
    Refused,
    /// The runtime was dropped.
    Closed,
}

impl CanaryCause {
    /// The stable name: `calls`, `faults`, `errors`, `times`, `results`, `too_few_calls`, `operator`, `refused`,
    /// `closed`.
    pub const fn name(self) -> &'static str {
        match self {
            CanaryCause::Calls => "calls",
            CanaryCause::Faults => "faults",
            CanaryCause::Errors => "errors",
            CanaryCause::Times => "times",
            CanaryCause::Results => "results",
            CanaryCause::TooFewCalls => "too_few_calls",
            CanaryCause::Operator => "operator",
            CanaryCause::Refused => "refused",
            CanaryCause::Closed => "closed",
        }
    }

    /// Whether the candidate did worse than the old version.
    pub(super) const fn is_bad(self) -> bool {
        matches!(self, CanaryCause::Faults | CanaryCause::Errors | CanaryCause::Times | CanaryCause::Results)
    }
}

/// The calls of one of the two versions that have ended; of a canary [of requests](crate::canary::Canary::of_requests),
/// the requests that have ended or gone wrong. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CanaryCalls {
    /// How many there were.
    pub calls: u64,
    /// How many of them ended with a fault, or had a call that did.
    pub faults: u64,
    /// How many returned an `Err`, or had a call that did.
    pub errors: u64,
    /// How many were slow: see [`Canary::slow`](crate::canary::Canary::slow).
    pub slow: u64,
    /// Half of them took no longer.
    pub p50_ns: u64,
    /// Of a hundred, 99 took no longer.
    pub p99_ns: u64,
}

impl From<Counted> for CanaryCalls {
    fn from(Counted { calls, faults, errors, slow, p50_ns, p99_ns }: Counted) -> CanaryCalls {
        CanaryCalls { calls, faults, errors, slow, p50_ns, p99_ns }
    }
}

impl fmt::Display for CanaryCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown("calls"))
    }
}

impl CanaryCalls {
    fn shown(&self, unit: &str) -> String {
        let CanaryCalls { calls, faults, errors, slow, .. } = self;
        format!("{calls} {unit}, {faults} faults, {errors} errors, {slow} slow")
    }
}

/// What is counted.
pub(super) fn unit(of_requests: bool) -> &'static str {
    if of_requests { "requests" } else { "calls" }
}

/// What copies of calls have shown.
///
/// `Display` writes a line, and one more for each difference that is kept, with its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShadowCalls {
    /// How many calls came out differently.
    pub different: u64,
    /// The first ones of them, 16 at most.
    pub differences: Vec<ShadowDifference>,
    /// How many calls were left out, since there was no room for a copy: the candidate is slower than callers call, or
    /// hangs.
    pub dropped: u64,
    /// How many were left out, since their arguments or results are larger than a MiB together.
    pub too_large: u64,
    /// How many were left out, since what they read changes, so that nothing is known of them.
    pub unsettled: u64,
    /// How many were left out though they came out differently: nobody had a handle on the old version, and it could
    /// not be constructed to be called again. After the first the candidate is not promoted, and after 16 the shadow
    /// ends.
    #[serde(default)]
    pub unconstructed: u64,
    /// Why it could not be constructed, the first time.
    #[serde(default)]
    pub constructor_error: Option<String>,
}

/// A call that came out differently in a shadow. Each text is of some hundred bytes at most, and shows no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShadowDifference {
    /// `kv.store.get`
    pub method: String,
    /// The arguments, with their names where they are known.
    pub arguments: Vec<String>,
    /// What the old version returned.
    pub was: String,
    /// What the candidate returned.
    pub is: String,
    /// Where both differ first.
    pub place: String,
}

impl From<&Differences> for ShadowCalls {
    fn from(shown: &Differences) -> ShadowCalls {
        let Uncompared { dropped, too_large, unsettled, unconstructed, constructor_error } = shown.uncompared();
        let told = |difference: Difference| {
            let Difference { method, arguments, was, is, place } = difference;
            ShadowDifference { method, arguments, was, is, place }
        };
        let differences = shown.first().into_iter().map(told).collect();
        ShadowCalls {
            different: shown.count(),
            differences,
            dropped,
            too_large,
            unsettled,
            unconstructed,
            constructor_error,
        }
    }
}

impl fmt::Display for ShadowCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShadowCalls { different, differences, .. } = self;
        let ShadowCalls { dropped, too_large, unsettled, unconstructed, constructor_error, .. } = self.clone();
        let uncompared = Uncompared { dropped, too_large, unsettled, unconstructed, constructor_error };
        write!(f, "  {different} came out differently; {uncompared}")?;
        differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
}

impl fmt::Display for ShadowDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShadowDifference { method, arguments, was, is, place } = self;
        write!(f, "{method}({}) was {was}, is {is}: {place}", arguments.join(", "))
    }
}

/// A method of which the candidate gets no call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CanaryLeftOut {
    /// `kv.store.wait`
    pub method: String,
    /// Why.
    pub why: String,
}

/// How a canary stands: [`Runtime::canary`](crate::Runtime::canary).
///
/// `Display` writes a few lines.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CanaryStatus {
    /// Its number in its runtime, from 1.
    pub number: u64,
    /// The old version.
    pub before: ComponentId,
    /// The candidate.
    pub after: ComponentId,
    /// The content hash of the candidate's file.
    pub hash: Option<ContentHash>,
    /// The methods of which the candidate gets calls.
    pub methods: Vec<String>,
    /// Those of which it gets none.
    pub left_out: Vec<CanaryLeftOut>,
    /// The share of the calls that it gets, or of which it gets copies; of those that match, if it is of these.
    pub share: f64,
    /// What a call matches by, as for `lcr replace --matching`: `kv.store.get:key="a"`. If there are several, by any of
    /// them; if none, the canary is of all calls of its methods.
    #[serde(default)]
    pub matching: Vec<String>,
    /// Whether it gets whole requests ([`Canary::of_requests`](crate::canary::Canary::of_requests)). What is called a
    /// call below is a request then.
    #[serde(default)]
    pub of_requests: bool,
    /// How many calls belonged to no request, and were neither drawn for nor counted; 0 if it is not of requests.
    #[serde(default)]
    pub outside: u64,
    /// After how many calls it takes the old version's place.
    pub wanted: u64,
    /// How many calls it got so far.
    pub taken: u64,
    /// How many of them have not returned. A request that has gone wrong is not among them.
    pub under_way: u64,
    /// How many calls of one kind have to go wrong for it to be withdrawn, if none of the old version's does; of a
    /// shadow, how many have to come out differently.
    pub enough: u64,
    /// What its copies of calls have shown, if it is a shadow and serves nobody.
    #[serde(default)]
    pub shadow: Option<ShadowCalls>,
    /// The calls of the old version since the canary began, as far as they are drawn for.
    pub old: CanaryCalls,
    /// The calls of the candidate.
    pub new: CanaryCalls,
    /// When it began, by the system's clock.
    #[serde(rename = "at", with = "serial::moment")]
    pub began: SystemTime,
    /// How long it still waits for calls.
    #[serde(rename = "left_us", with = "serial::micros")]
    pub left: Duration,
    /// Why it is about to end; `None` if it is not.
    pub ending: Option<String>,
    /// Who asked for it.
    pub actor: Actor,
    /// The reason that was given.
    pub reason: Option<String>,
}

impl fmt::Display for CanaryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CanaryStatus { before, after, taken, wanted, old, new, left, enough, outside, .. } = self;
        let unit = unit(self.of_requests);
        // Without what the multiplication adds far behind the point.
        let percent = (self.share * 1e8).round() / 1e6;
        match &self.shadow {
            None => {
                write!(f, "canary: {before} -> {after}, which gets {percent} % of the {unit}")?;
                if !self.matching.is_empty() {
                    write!(f, " with {:.1000}", self.matching.join(" or "))?;
                }
                writeln!(f)?;
            }
            Some(_) => {
                let methods = self.methods.join(", ");
                let which = if self.share < 1.0 { format!("{percent} % of the calls") } else { "the calls".to_owned() };
                writeln!(f, "shadow: {before} -> {after}, which gets copies of {which} of {methods:.1000}")?;
            }
        }
        writeln!(f, "  {before}: {}", old.shown(unit))?;
        writeln!(f, "  {after}: {}", new.shown(unit))?;
        if self.of_requests {
            writeln!(f, "  {outside} calls of no request, which stay with the old version")?;
        }
        match &self.ending {
            Some(why) => write!(f, "  is about to end: {why}")?,
            None if self.shadow.is_some() => write!(
                f,
                "  {} of {wanted} calls left, {left:.1?} at most; withdrawn if one comes out differently, and after \
                 {enough} at once",
                wanted.saturating_sub(new.calls)
            )?,
            None => write!(
                f,
                "  {} of {wanted} {unit} left, {left:.1?} at most; withdrawn at {enough} of a kind that go wrong, if \
                 none of the old version does",
                wanted.saturating_sub(*taken)
            )?,
        }
        if let Some(shadow) = &self.shadow {
            write!(f, "\n{shadow}")?;
        }
        let left_out = self.left_out.iter();
        left_out.take(20).try_for_each(|left_out| write!(f, "\n  {} stays: {}", left_out.method, left_out.why))
    }
}

/// What came of a canary: [`Runtime::wait_canary`](crate::Runtime::wait_canary).
///
/// `Display` writes one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CanaryEnd {
    /// Its number in its runtime.
    pub number: u64,
    /// How it ended.
    pub outcome: CanaryOutcome,
    /// What ended it.
    pub cause: CanaryCause,
    /// The same in words.
    pub why: String,
    /// The old version.
    pub before: ComponentId,
    /// The candidate.
    pub after: ComponentId,
    /// What the calls were matched by, without the values: `kv.store.get:key`. None if it was of all calls of its
    /// methods.
    #[serde(default)]
    pub matching: Vec<String>,
    /// Whether it was of requests.
    #[serde(default)]
    pub of_requests: bool,
    /// How many calls belonged to no request; 0 if it was not of requests.
    #[serde(default)]
    pub outside: u64,
    /// The calls of the old version while it lasted.
    pub old: CanaryCalls,
    /// The calls of the candidate.
    pub new: CanaryCalls,
    /// What its copies of calls have shown, if it was a shadow.
    #[serde(default)]
    pub shadow: Option<ShadowCalls>,
    /// When it ended, by the system's clock.
    #[serde(with = "serial::moment")]
    pub at: SystemTime,
    /// How long it lasted.
    #[serde(rename = "lasted_us", with = "serial::micros")]
    pub lasted: Duration,
    /// The number of the commit that put the candidate in place.
    pub generation: Option<u64>,
    /// The hash of the candidate's file, if it is in quarantine from now on.
    pub quarantined: Option<ContentHash>,
}

impl fmt::Display for CanaryEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CanaryEnd { outcome, why, before, after, .. } = self;
        let what = if self.shadow.is_some() { "shadow" } else { "canary" };
        let [old, new] = [&self.old, &self.new].map(|calls| calls.shown(unit(self.of_requests)));
        write!(f, "{what} {before} -> {after}")?;
        if !self.matching.is_empty() {
            write!(f, " by {:.1000}", self.matching.join(" or "))?;
        }
        write!(f, " {}: {why}; {before}: {old}; {after}: {new}", outcome.name())
    }
}
