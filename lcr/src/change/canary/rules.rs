//! [`Canary`]: which calls a candidate gets, and when that is over.

use std::{collections::hash_map::RandomState, hash::BuildHasher, time::Duration};

use crate::{
    error::{Error, ErrorKind, Result},
    host::watching::{comparison::Wanted, evidence::Evidence, pace::Limits},
};

use super::matching::Conditions;

/// The longest time of a canary.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The greatest share of the calls.
const MOST: f64 = 0.5;

/// By which rules a new version is tried beside the old one: for [`PlanBuilder::canary`](crate::PlanBuilder::canary).
///
/// ```
/// use std::time::Duration;
/// use lcr::canary::Canary;
///
/// let rules = Canary::share(0.05).calls(500).within(Duration::from_secs(600));
/// # drop(rules);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is given to `PlanBuilder::canary`"]
pub struct Canary {
    share: f64,
    calls: u64,
    within: Duration,
    seed: Option<u64>,
    limits: Option<Limits>,
    of_requests: bool,
    /// The methods of which it gets copies of calls; `None` if it gets calls themselves.
    shadow: Option<Vec<String>>,
    /// What the calls have to have that are drawn for; all are, if there is none.
    conditions: Conditions,
    /// Whether sequences are equal that have the same elements in another order.
    is_any_order: bool,
}

impl Canary {
    /// The candidate gets this share of the calls, more than 0 and at most 0.5: each call by a draw of its own.
    pub fn share(share: f64) -> Canary {
        let limits = Some(Limits { factor: 2.0, least: Duration::from_millis(1) });
        let (within, conditions) = (Duration::from_secs(3600), Conditions::default());
        let (seed, shadow, of_requests, is_any_order) = (None, None, false, false);
        Canary { share, calls: 1_000, within, seed, limits, of_requests, shadow, conditions, is_any_order }
    }

    /// The share is of *requests*: one draw is for all calls that a thread makes from its first
    /// [`Runtime::pin`](crate::Runtime::pin) on until its last one is dropped, so the new version serves the whole
    /// request, or the old one does. It is drawn for when it first calls the component; requests that do not are not
    /// counted. [`calls`](Canary::calls) then are requests, and so is what is counted and compared: a request is bad if
    /// one of its calls faults, if one returns an `Err`, or if its calls are [slow](Canary::slow) in sum, where the
    /// first 100 requests of the old version say what is usual. The time between its calls does not matter. The first
    /// two count at once, so a request that is held for long hides nothing, and a good one counts at its end.
    ///
    /// Who holds a pin when the canary ends keeps the version that it was served by, and the new version is destroyed
    /// behind the last such pin. Calls without a pin, and under a pin from before the canary, stay with the old version
    /// and are not counted; [`CanaryStatus::outside`](crate::canary::CanaryStatus::outside) tells how many there were.
    /// What other threads do for a request is not of it, as for a pin. A call through a [`Pinned`](crate::Pinned)
    /// handle goes with the request of the thread that makes it, if the handle was pinned during the canary.
    ///
    /// Refused are components with a method that would stay with the old version, such as an async one, since a request
    /// that calls it would be served by both. A [`shadow`](Canary::shadow), and conditions by
    /// [`matching`](Canary::matching), have no requests.
    ///
    /// ```
    /// let rules = lcr::canary::Canary::share(0.05).of_requests().calls(500);
    /// # drop(rules);
    /// ```
    pub fn of_requests(mut self) -> Canary {
        self.of_requests = true;
        self
    }

    /// A *shadow*: the candidate serves nobody. It gets copies of the calls of these methods, on a thread of its own,
    /// and what comes of them is compared with what callers got.
    ///
    /// Methods are named by patterns, as for a [watch](crate::watch::Watch): `kv.store.*` are those of an interface
    /// that both versions declare `#[lcr(pure)]`, and `*` all of these. `kv.store.get` is one method, also one that is
    /// not declared so, where a second call does no harm; it is refused if the candidate depends on something whose
    /// methods are not all pure.
    ///
    /// The plan is committed when so many [calls](Canary::calls) were compared and none came out differently. The
    /// candidate is withdrawn after 16 differences, or at the end if there is one at all. Times are counted, and not
    /// compared: no [`slow`](Canary::slow) has a meaning.
    ///
    /// ```
    /// let rules = lcr::canary::Canary::shadow(["kv.store.get", "kv.index.*"]).of_share(0.1).calls(10_000);
    /// # drop(rules);
    /// ```
    pub fn shadow<M: Into<String>>(methods: impl IntoIterator<Item = M>) -> Canary {
        let methods = methods.into_iter().map(Into::into).collect();
        Canary { shadow: Some(methods), limits: None, ..Canary::share(1.0) }
    }

    /// Which share of the calls, from more than 0 to 1, a [`shadow`](Canary::shadow) copies: each call by a draw of its
    /// own. A call that is not drawn costs its caller a counter. Default: all. Of a canary that is no shadow, as
    /// [`share`](Canary::share).
    pub fn of_share(mut self, share: f64) -> Canary {
        self.share = share;
        self
    }

    /// Has a [`shadow`](Canary::shadow) take sequences for equal that have the same elements in another order, as what
    /// lists the entries of a hash map has; in values of serde, too. The fields of tuples and the elements of arrays
    /// `[T; N]` and of bytes stay in order, and maps and sets of std never had one. To look for each element takes
    /// time: a sequence of some thousand elements in another order is left out as too large. Default: the order counts.
    pub fn any_order(mut self) -> Canary {
        self.is_any_order = true;
        self
    }

    /// The candidate gets its share of those calls of this method whose argument has this value, and no others. Calls
    /// that do not match are neither drawn for nor counted: both versions are compared by those that do. Given more
    /// than once, a call has to match once.
    ///
    /// The method is named as for a [watch](crate::watch::Watch): `kv.store.get`, or a pattern such as `kv.store.*` for
    /// all methods that have such an argument. The argument is named as the version that serves names it, or by its
    /// place from 1. A part of it is named by the way to it through its JSON: `entry.user`, `headers[0].name`,
    /// `event.Paid.cents` of the variant `Paid`, `limits["a.b"]` of a map whose keys are texts. A call whose argument
    /// lacks the part does not match.
    ///
    /// The value is JSON, as for a [call](crate::Runtime::call), and compared by its shape with what the method would
    /// get, below all patches: at most 4,096 bytes each, and 64 of them in all. A comparison takes 65,536 steps
    /// at most, each of a part, an entry of a map on the way, or of 16 bytes, and of a [`Serde`](crate::Serde) value
    /// four a byte; an argument that needs more does not match.
    ///
    /// Refused are a method or argument that is not there, a part that no value of its type has, a value that it cannot
    /// have or that cannot be made from JSON, and what is in a secret or has one in it. Of a pattern, methods that do
    /// not fit stay with the old version, and are named in the status, as long as one method fits. A
    /// [`shadow`](Canary::shadow) takes none.
    ///
    /// ```
    /// use lcr::canary::Canary;
    ///
    /// let rules = Canary::share(0.5).matching("kv.store.*", "tenant", "\"acme\"");
    /// let of_a_part = Canary::share(0.5).matching("kv.store.put", "entry.user", "\"user-7\"");
    /// # drop((rules, of_a_part));
    /// ```
    pub fn matching(mut self, method: impl Into<String>, argument: impl Into<String>, json: impl AsRef<str>) -> Canary {
        self.conditions.add(method.into(), argument.into(), json.as_ref());
        self
    }

    /// After how many of its own calls the candidate takes the old version's place, if it did no worse by then. At
    /// least as many as tell a candidate that fails each call from an old version that fails none: 3 to 11, by the
    /// share. Default: 1,000, within which a version that fails one call in a hundred is found with about 99 % where
    /// the old version fails none. The page [`trials`](crate::guide::trials) says how many calls find what.
    pub fn calls(mut self, calls: u64) -> Canary {
        self.calls = calls;
        self
    }

    /// How long it waits for these calls, at most a day. Then the candidate is withdrawn: what few have called is not
    /// known to be good. It is also what ends a canary of which a call never returns. Default: an hour.
    pub fn within(mut self, time: Duration) -> Canary {
        self.within = time;
        self
    }

    /// Which calls are drawn: the same ones for the same seed and order of calls. Default: a seed that nobody knows.
    pub fn seed(mut self, seed: u64) -> Canary {
        self.seed = Some(seed);
        self
    }

    /// Which calls are slow: those that take longer than `factor` times what half of the first 100 calls of the old
    /// version did not exceed, method by method, and longer than `least`. Default: 2 and 1 ms. A version that gets few
    /// calls finds colder caches, so `least` should be some hundred microseconds at the least.
    pub fn slow(mut self, factor: f64, least: Duration) -> Canary {
        self.limits = Some(Limits { factor, least });
        self
    }

    /// Does not compare how long calls take.
    pub fn any_time(mut self) -> Canary {
        self.limits = None;
        self
    }

    pub(super) fn time(&self) -> Duration {
        self.within
    }

    pub(super) fn is_of_requests(&self) -> bool {
        self.of_requests
    }

    /// The methods of which it gets copies of calls; `None` if it gets calls themselves.
    pub(super) fn shadowed(&self) -> Option<&[String]> {
        self.shadow.as_deref()
    }

    /// What the calls have to have that are drawn for.
    pub(super) fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// What is asked of the comparison.
    ///
    /// # Errors
    /// `Invalid` if something is out of range.
    pub(super) fn wanted(&self) -> Result<Wanted> {
        let refused = |text: String| Err(Error::new(ErrorKind::Invalid, text));
        let is_shadow = self.shadow.is_some();
        if self.shadow.as_ref().is_some_and(Vec::is_empty) {
            return refused("a shadow of no method shows nothing; name one, such as shop.till.total".to_owned());
        }
        if is_shadow && !self.conditions.is_empty() {
            let text = "a shadow is of all calls of its methods, and not of those with a value; leave `matching` out, \
                        or give the new version a share of these calls";
            return refused(text.to_owned());
        }
        if is_shadow && self.of_requests {
            let text = "a shadow serves no request, so there is no share of them; leave `of_requests` out";
            return refused(text.to_owned());
        }
        if self.of_requests && !self.conditions.is_empty() {
            let text = "whether a request matches shows in one of its calls, when the old version may have served \
                        others of them; leave `matching` or `of_requests` out";
            return refused(text.to_owned());
        }
        self.conditions.check()?;
        if is_shadow && !(self.share > 0.0 && self.share <= 1.0) {
            return refused(format!(
                "a shadow copies more than no call and at most all, and not {} of them",
                self.share
            ));
        }
        if !(is_shadow || self.share > 0.0 && self.share <= MOST) {
            return refused(format!(
                "a candidate gets more than no call and at most half of them, and not a share of {}: beyond half there \
                 is too little of the old version to compare with; put the new version on trial",
                self.share
            ));
        }
        if self.calls == 0 {
            return refused("a candidate that gets no call shows nothing; say how many calls it gets".to_owned());
        }
        let fewest = if is_shadow { 1 } else { Evidence::new(self.share).fewest() };
        if self.calls < fewest {
            return refused(format!(
                "{} {} of a candidate with a share of {} show nothing, even if it fails each; it has to get \
                 {fewest} at the least, and many more to show that it seldom fails",
                self.calls,
                if self.of_requests { "requests" } else { "calls" },
                self.share
            ));
        }
        if self.within.is_zero() || self.within > LONGEST {
            return refused(format!(
                "a canary lasts longer than nothing and {LONGEST:?} at most, not {:?}",
                self.within
            ));
        }
        let limits = self.limits.filter(|_| !is_shadow);
        if limits.is_some_and(|limits| !(limits.factor >= 1.0 && limits.factor <= 1e6)) {
            return refused("what is slow is a multiple from 1 to 1,000,000 of what is usual".to_owned());
        }
        let seed = self.seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        let is_any_order = self.is_any_order;
        Ok(Wanted { share: self.share, is_shadow, is_any_order, calls: self.calls, seed, limits })
    }
}
