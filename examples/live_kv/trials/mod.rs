//! New versions that go bad under load: each is put on trial, is caught, and is rolled back by the runtime itself.
//!
//! The program only says what is to be watched: panics are, and [`Known`] is the check of the program. While a
//! version is on trial, clients charge what it answers badly to it ([`watch`]), and nothing else may go wrong: what
//! they were acknowledged meanwhile must be there when the version is gone. A version that ends the process is tried
//! where a supervisor starts the next one ([`fatal`]).

pub(crate) mod fatal;
pub(crate) mod known;
pub(crate) mod watch;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kv::Engine;
use lcr::{ErrorKind, Report, Trial, TrialCause, TrialEnd, TrialOutcome};

use crate::{
    artifacts::{LOSES_HALF, TRIAL_COMMANDS_PANIC, TRIAL_ENGINE_SILENT, TRIAL_ENGINE_WRONG},
    replace::{Attempt, Changer, Refused},
};

use known::Known;
use watch::Watch;

/// How long a trial lasts if nothing is found: longer than any version here takes to go bad.
const TIME: Duration = Duration::from_secs(60);

/// How often the program's check runs.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// How long the check may take: much longer than ever, or a little less than the version is silent.
const CHECK_LIMIT: Duration = Duration::from_secs(30);
const SHORT_CHECK_LIMIT: Duration = Duration::from_millis(300);

/// A version that goes bad.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bad {
    /// A command layer that panics.
    Panics,
    /// An engine that answers wrongly.
    AnswersWrongly,
    /// An engine that stops answering.
    StopsAnswering,
    /// An engine that loses half of the state as it takes it over.
    LosesHalf,
}

impl Bad {
    /// All of them, in the order of their trials.
    pub(crate) const ALL: [Bad; 4] = [Bad::Panics, Bad::AnswersWrongly, Bad::StopsAnswering, Bad::LosesHalf];

    /// What is wrong with it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Bad::Panics => "panics under load",
            Bad::AnswersWrongly => "answers wrongly",
            Bad::StopsAnswering => "stops answering",
            Bad::LosesHalf => "loses half of the state",
        }
    }

    /// The component that it is a version of.
    pub(crate) fn component(self) -> &'static str {
        match self {
            Bad::Panics => "kv-commands 2.1.0",
            Bad::AnswersWrongly | Bad::StopsAnswering => "kv-engine-hash 1.1.0",
            Bad::LosesHalf => "kv-engine-faulty 1.0.0",
        }
    }

    fn library(self) -> &'static str {
        match self {
            Bad::Panics => TRIAL_COMMANDS_PANIC,
            Bad::AnswersWrongly => TRIAL_ENGINE_WRONG,
            Bad::StopsAnswering => TRIAL_ENGINE_SILENT,
            Bad::LosesHalf => LOSES_HALF,
        }
    }

    /// What must end its trial; `None` if it must be refused before the trial begins. What a copy has lost can only be
    /// had from the version before, as long as that one serves.
    fn caught_by(self) -> Option<TrialCause> {
        match self {
            Bad::Panics => Some(TrialCause::Fault),
            Bad::AnswersWrongly | Bad::StopsAnswering => Some(TrialCause::Check),
            Bad::LosesHalf => None,
        }
    }
}

/// A trial that was asked for.
pub(crate) struct Tried {
    pub(crate) bad: Bad,
    /// What came of it.
    pub(crate) result: Result<Ended, Refused>,
    /// From the request to the end.
    pub(crate) took: Duration,
}

/// A trial that began, and ended.
pub(crate) struct Ended {
    /// The commit that put the new version in place.
    pub(crate) began: Report,
    pub(crate) end: TrialEnd,
    /// Why the same file is refused now; `None` if it is not.
    pub(crate) again: Option<ErrorKind>,
}

impl Tried {
    /// Whether the version was caught by what is there to catch it, is gone, and does not come back.
    pub(crate) fn is_as_expected(&self) -> bool {
        match (&self.result, self.bad.caught_by()) {
            (Ok(Ended { end, again, .. }), Some(cause)) => {
                let is_back = end.outcome == TrialOutcome::RolledBack && end.cause == cause;
                is_back && *again == Some(ErrorKind::Quarantined)
            }
            (Err(refused), None) => refused.kind == ErrorKind::Unhealthy,
            _ => false,
        }
    }
}

impl Changer<'_> {
    /// Puts a bad version on trial, and waits until it is gone.
    ///
    /// # Errors
    /// The engine cannot be asked to keep what the check knows.
    pub(crate) fn try_out(&self, bad: Bad, watch: &Watch) -> Result<Tried, String> {
        let engine = self.runtime().service::<dyn Engine>().map_err(|error| error.to_string())?;
        let known = Arc::new(Known::keep(engine).map_err(|error| error.to_string())?);
        let limit = if bad == Bad::StopsAnswering { SHORT_CHECK_LIMIT } else { CHECK_LIMIT };
        let rules = Trial::for_time(TIME).check(move || known.check()).check_every(CHECK_EVERY).check_limit(limit);
        let files = [self.file(bad.library()).to_owned()];
        let start = Instant::now();
        watch.begin(bad);
        let change = self.attempt(bad.name(), &files, &Attempt { trial: Some(rules), ..Attempt::default() });
        let ended = change.result.map(|began| (began, self.runtime().wait_trial(None)));
        watch.end();
        let took = start.elapsed();
        let result = match ended {
            Ok((_, None)) => return Err("a trial began and cannot be waited for".to_owned()),
            Ok((began, Some(end))) => {
                let again = self.attempt(bad.name(), &files, &Attempt::default());
                Ok(Ended { began, end, again: again.result.err().map(|refused| refused.kind) })
            }
            Err(refused) => Err(refused),
        };
        Ok(Tried { bad, result, took })
    }
}
