//! What a recorder is told, and that its refusal refuses the transaction.

use std::sync::Mutex;

use super::*;
use crate::Runtime;

#[lcr_macros::interface(name = "recorder.clock", version = 1)]
trait Clock {
    fn now(&self) -> u64;
}

struct Fixed(u64);

impl Clock for Fixed {
    fn now(&self) -> u64 {
        self.0
    }
}

#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<String>>,
    refuses: Mutex<bool>,
}

impl Listener {
    fn hear(&self, text: String) {
        self.heard.lock().unwrap().push(text);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

impl Recorder for Listener {
    fn note_intent(&self, intent: &Intent) -> Result<Token> {
        if *self.refuses.lock().unwrap() {
            return Err(Error::new(ErrorKind::History, "no room"));
        }
        let after: Vec<String> =
            intent.members.iter().flat_map(|change| &change.after).map(ToString::to_string).collect();
        self.hear(format!("intent on {}: {}", intent.generation, after.join(", ")));
        Ok(Token(7))
    }

    fn note_outcome(&self, token: Token, outcome: &Outcome<'_>) {
        let text = match outcome {
            Outcome::Committed(report, present) => {
                let present: Vec<String> = present.iter().map(|present| present.id.to_string()).collect();
                format!("{} is committed as {}: {}", token.0, report.generation, present.join(", "))
            }
            Outcome::Refused(error) => format!("{} is refused: {}", token.0, error.kind()),
        };
        self.hear(text);
    }

    fn note_refusal(&self, intent: &Intent, error: &Error) {
        self.hear(format!("{} refused at once: {}", intent.members.len(), error.kind()));
    }

    fn note_trial_end(&self, _: &Ending) -> Result<()> {
        Ok(())
    }

    fn note_quarantined(&self, _: &Quarantined) -> Result<()> {
        Ok(())
    }

    fn note_release(&self, _: &ContentHash) {}

    fn began(&self) -> u64 {
        1
    }

    fn find(&self, _: Sought) -> Result<Recorded> {
        Err(Error::new(ErrorKind::NotFound, "nothing is kept"))
    }

    fn firsts(&self) -> Result<BTreeMap<String, First>> {
        Ok(BTreeMap::new())
    }

    fn file(&self, _: &Present) -> Result<KeptFile> {
        Err(Error::new(ErrorKind::NotFound, "nothing is kept"))
    }
}

fn recorded() -> (Runtime, Arc<Listener>) {
    let runtime = Runtime::builder().linked(false).build().unwrap();
    let listener = Arc::new(Listener::default());
    assert!(runtime.inner().record_by(Arc::clone(&listener) as _));
    (runtime, listener)
}

fn provide(runtime: &Runtime, now: u64) -> Result<Report> {
    runtime.provide::<dyn Clock, _>("clock", Arc::new(Fixed(now)))
}

#[test]
fn a_commit_is_an_intent_and_an_outcome_and_a_refused_plan_is_recorded_too() {
    let (runtime, listener) = recorded();
    provide(&runtime, 1).unwrap();
    assert_eq!(listener.take(), ["intent on 1: clock 0.0.0+provided", "7 is committed as 2: clock 0.0.0+provided"]);
    runtime.plan().remove("nothing").commit().unwrap_err();
    assert_eq!(listener.take(), ["1 refused at once: not-found"]);
    runtime.plan().add("no/such/file.so").commit().unwrap_err();
    assert_eq!(listener.take(), ["1 refused at once: not-found"]);
}

#[test]
fn a_commit_behind_which_something_panicked_is_recorded_as_a_commit() {
    let (runtime, listener) = recorded();
    provide(&runtime, 1).unwrap();
    listener.take();
    for (committed, heard) in [(Some(3), "7 is committed as 3: clock 0.0.0+provided"), (None, "7 is refused: internal")]
    {
        let recording = runtime.inner().recording().unwrap();
        recording.begin(&Intent::new(2, &[], &[], &Options::default())).unwrap();
        let panicked = Err(Error::new(ErrorKind::Internal, "a panic"));
        recording.end(runtime.inner(), &panicked, committed);
        assert_eq!(listener.take()[1..], [heard]);
    }
}

#[test]
fn an_intent_that_cannot_be_noted_refuses_the_transaction_and_changes_nothing() {
    let (runtime, listener) = recorded();
    provide(&runtime, 1).unwrap();
    let clock = runtime.service::<dyn Clock>().unwrap();
    listener.take();
    *listener.refuses.lock().unwrap() = true;
    assert_eq!(provide(&runtime, 2).unwrap_err().kind(), ErrorKind::History);
    assert_eq!((clock.now(), runtime.generation()), (1, 2));
    assert!(listener.take().is_empty(), "an intent without a record has no outcome");
    *listener.refuses.lock().unwrap() = false;
    provide(&runtime, 2).unwrap();
    assert_eq!((clock.now(), runtime.generation()), (2, 3));
    assert_eq!(listener.take().len(), 2);
}
