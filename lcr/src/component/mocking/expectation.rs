//! An expectation while a test writes it, and as the mock keeps it.

use std::{
    any::Any,
    fmt,
    panic::Location,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    method::{Closures, Mocked},
    quota::{Order, Place, Quota, Times},
    script::{Script, Stored},
};

/// The script that an expectation is for. Generated code passes it on.
#[derive(Debug)]
pub struct Expect<'m>(&'m Script);

impl<'m> Expect<'m> {
    pub(super) fn new(script: &'m Script) -> Expect<'m> {
        Expect(script)
    }

    /// Begins an expectation of calls of the method `M`.
    ///
    /// # Panics
    /// If the mock stands around a running component, and no call of the method comes to it.
    #[track_caller]
    pub fn method<M: Mocked, A: Closures<M>>(self) -> Expecting<'m, M, A> {
        assert!(
            self.0.gets(M::NAME),
            "calls of {method} cannot be mocked on the running component of {}: it is polled (async, or a stream), or \
             the component lacks it and callers use its default body; give the mock's object in place of the component",
            self.0.interface,
            method = M::NAME,
        );
        Expecting::new(self.0, Location::caller())
    }
}

/// An expectation that is being written. It counts from when this value is dropped: at the end of the statement.
pub struct Expecting<'m, M: Mocked, A: Closures<M>> {
    script: &'m Script,
    at: &'static Location<'static>,
    /// The call with the arguments that are expected, as text.
    pub(super) call: Option<String>,
    pub(super) when: Option<Box<A::When>>,
    answer: Answer<M, A>,
    times: Option<Times>,
    order: Option<Order>,
}

impl<M: Mocked, A: Closures<M>> fmt::Debug for Expecting<'_, M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expecting").field("method", &M::NAME).field("at", &self.at).finish_non_exhaustive()
    }
}

/// What a call gets.
enum Answer<M: Mocked, A: Closures<M>> {
    /// Nothing was said.
    Unsaid,
    /// `None` if the only value is gone.
    Value(Box<dyn Fn() -> Option<M::Result> + Send + Sync>),
    Closure(Box<A::Then>),
}

impl<'m, M: Mocked, A: Closures<M>> Expecting<'m, M, A> {
    pub(super) fn new(script: &'m Script, at: &'static Location<'static>) -> Self {
        Expecting { script, at, call: None, when: None, answer: Answer::Unsaid, times: None, order: None }
    }

    /// Answers with clones of a value, which threads make of it at the same time: what is not `Sync` goes to
    /// [`returns_once`](Expecting::returns_once), or comes from a closure. Default: `()` if that is what the method
    /// returns, else a panic.
    pub fn returns(mut self, value: M::Result) -> Self
    where
        M::Result: Clone + Send + Sync,
    {
        self.answer = Answer::Value(Box::new(move || Some(value.clone())));
        self
    }

    /// Answers one call with a value, and expects no other: for values that have no clones.
    pub fn returns_once(mut self, value: M::Result) -> Self
    where
        M::Result: Send,
    {
        let value = Mutex::new(Some(value));
        self.answer = Answer::Value(Box::new(move || value.lock().unwrap_or_else(PoisonError::into_inner).take()));
        self.times(1)
    }

    /// How many calls are expected: a number or a range, such as `2`, `1..=3`, `0`, or `..` for any number. Default: at
    /// least one.
    pub fn times(mut self, times: impl Into<Times>) -> Self {
        self.times = Some(times.into());
        self
    }

    /// Expects the calls behind those of all expectations that were put into the order before this one, of this mock or
    /// of others.
    pub fn in_order(mut self, order: &Order) -> Self {
        self.order = Some(order.clone());
        self
    }

    /// Notes the arguments that are expected, as text.
    pub(super) fn expect_arguments(&mut self, arguments: &[String]) {
        self.call = Some(self.script.call(M::NAME, arguments));
    }

    pub(super) fn answered_by(mut self, closure: Box<A::Then>) -> Self {
        self.answer = Answer::Closure(closure);
        self
    }
}

impl<M: Mocked, A: Closures<M>> Drop for Expecting<'_, M, A> {
    fn drop(&mut self) {
        let call = self.call.take().unwrap_or_else(|| M::NAME.to_owned());
        let quota = Arc::new(Quota::new(call, self.at, self.times.unwrap_or_default()));
        let place = self.order.take().map(|order| order.append(&quota));
        let (when, answer) = (self.when.take(), std::mem::replace(&mut self.answer, Answer::Unsaid));
        self.script.add(Arc::new(Expectation::<M, A> { quota, place, when, answer }));
    }
}

/// An expectation that a mock keeps.
pub(super) struct Expectation<M: Mocked, A: Closures<M>> {
    quota: Arc<Quota>,
    place: Option<Place>,
    when: Option<Box<A::When>>,
    answer: Answer<M, A>,
}

impl<M: Mocked, A: Closures<M>> Stored for Expectation<M, A> {
    fn method(&self) -> &'static str {
        M::NAME
    }

    fn quota(&self) -> &Quota {
        &self.quota
    }
}

impl<M: Mocked, A: Closures<M>> fmt::Debug for Expectation<M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation").field("quota", &self.quota).finish_non_exhaustive()
    }
}

impl<M: Mocked, A: Closures<M>> Expectation<M, A> {
    /// Takes a call from the quota, if its arguments fit and it is in order; or says why not.
    pub(super) fn take(&self, fits: impl Fn(&A::When) -> bool) -> Result<(), String> {
        if !self.when.as_ref().is_none_or(|when| fits(when)) {
            return Err(format!("{}: the arguments do not fit", self.quota));
        }
        match &self.place {
            Some(place) => place.take(&self.quota),
            None => self.quota.take(),
        }
    }
}

/// The expectation that a call meets.
#[doc(hidden)]
pub struct Chosen<M: Mocked, A: Closures<M>>(Arc<Expectation<M, A>>);

impl<M: Mocked, A: Closures<M>> fmt::Debug for Chosen<M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chosen").field(&self.0).finish()
    }
}

impl<M: Mocked, A: Closures<M>> Chosen<M, A> {
    pub(super) fn new(expectation: Arc<Expectation<M, A>>) -> Chosen<M, A> {
        Chosen(expectation)
    }

    /// The call's answer; `call` calls a closure with the call's arguments.
    ///
    /// # Panics
    /// If the expectation has no answer.
    pub fn answer(self, call: impl FnOnce(&A::Then) -> M::Result) -> M::Result {
        let answer = match &self.0.answer {
            Answer::Closure(closure) => return call(closure),
            Answer::Value(value) => value(),
            // `()` needs no saying.
            Answer::Unsaid => (Box::new(()) as Box<dyn Any>).downcast::<M::Result>().ok().map(|unit| *unit),
        };
        answer.unwrap_or_else(|| {
            panic!("{} has no answer; add `.returns(value)` or `.then(closure)` to it", self.0.quota)
        })
    }
}
