use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use lcr::{BoxError, Context, Fault, Handle, Stateful};

use crate::{Binding, Notebook, Paper as _, Refusal};

type Notes = BTreeMap<String, Vec<u8>>;
type Reminder = Box<dyn Fn(String) -> String + Send>;

/// Notes in memory.
pub struct Pages {
    notes: Mutex<Notes>,
    reminder: Mutex<Option<Reminder>>,
    limit: u64,
    paper: Handle<dyn crate::Paper>,
}

impl Pages {
    fn open(context: &Context) -> Result<Pages, lcr::Error> {
        Pages::bind(Notes::new(), context)
    }

    fn bind(notes: Notes, context: &Context) -> Result<Pages, lcr::Error> {
        let limit = if context.is_configured() { context.config::<Binding>()?.limit } else { u64::MAX };
        Ok(Pages { notes: Mutex::new(notes), reminder: Mutex::new(None), limit, paper: context.dependency()? })
    }

    fn check(&self) -> Result<(), String> {
        let notes = self.notes().len();
        if notes as u64 <= self.limit { Ok(()) } else { Err(format!("{notes} notes, for {}", self.limit)) }
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[lcr::component(name = "stationery", create = Self::open, healthy = Self::check, state)]
impl Notebook for Pages {
    fn write(&self, title: &str, text: &[u8]) -> Result<u64, Refusal> {
        let mut notes = self.notes();
        if notes.len() as u64 >= self.limit && !notes.contains_key(title) {
            return Err(Refusal::Full { limit: self.limit });
        }
        self.paper.take(1);
        notes.insert(title.to_owned(), text.to_vec());
        Ok(notes.len() as u64)
    }

    fn read(&self, title: &str) -> Option<Vec<u8>> {
        self.notes().get(title).cloned()
    }

    fn each(&self, visit: &dyn Fn(&str, &[u8]) -> bool) -> u64 {
        // The visitor may call the notebook, so it runs without the lock.
        let notes = self.notes().clone();
        notes.iter().take_while(|(title, text)| visit(title, text)).count() as u64
    }

    fn remind(&self, call: Box<dyn Fn(String) -> String + Send>) {
        *self.reminder.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
    }

    fn ring(&self, text: String) -> Option<String> {
        let reminder = self.reminder.lock().unwrap_or_else(PoisonError::into_inner);
        reminder.as_ref().map(|call| call(text))
    }

    fn copy(&self, other: Handle<dyn Notebook>) -> u64 {
        let copied = Mutex::new(Notes::new());
        other.each(&|title, text| {
            copied.lock().unwrap_or_else(PoisonError::into_inner).insert(title.to_owned(), text.to_vec());
            true
        });
        let mut notes = self.notes();
        notes.append(&mut copied.into_inner().unwrap_or_else(PoisonError::into_inner));
        notes.len() as u64
    }

    fn paper(&self) -> Handle<dyn crate::Paper> {
        self.paper.clone()
    }

    fn tear(&self, text: &str) -> Result<(), Fault> {
        panic!("torn at {text}")
    }

    fn burn(&self) {
        panic!("ashes")
    }
}

impl Stateful for Pages {
    type State = Notes;

    fn save(&self) -> Result<Notes, BoxError> {
        Ok(self.notes().clone())
    }

    fn restore(state: Notes, context: &Context) -> Result<Pages, BoxError> {
        Ok(Pages::bind(state, context)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use lcr::{RawState, testing};
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    /// Paper of the test, which counts its sheets and is no component.
    struct Sheets(Arc<AtomicU64>);

    impl crate::Paper for Sheets {
        fn take(&self, sheets: u32) -> u64 {
            self.0.fetch_add(u64::from(sheets), Ordering::Relaxed)
        }
    }

    fn context(limit: u64) -> (testing::Context, Arc<AtomicU64>) {
        let taken = Arc::<AtomicU64>::default();
        let context = testing::Context::new("stationery").configure(&Binding { limit }).unwrap();
        (context.provide::<dyn crate::Paper, _>(Sheets(taken.clone())).unwrap(), taken)
    }

    #[test]
    fn a_notebook_is_constructed_with_its_binding_and_takes_the_paper_that_a_test_provides() {
        let (context, taken) = context(2);
        let pages = Pages::open(&context).unwrap();
        assert_eq!((pages.write("a", b"1"), pages.write("b", b"2")), (Ok(1), Ok(2)));
        assert_eq!(pages.write("c", b"3"), Err(Refusal::Full { limit: 2 }));
        assert_eq!((taken.load(Ordering::Relaxed), pages.check()), (2, Ok(())));
    }

    #[test]
    fn a_notebook_is_not_constructed_without_paper() {
        let context = testing::Context::new("stationery");
        let error = Pages::open(&context).err().unwrap();
        assert_eq!(error.kind(), lcr::ErrorKind::Dependency);
        assert!(error.to_string().contains("the test provides no "), "{error}");
    }

    #[test]
    fn a_notebook_hands_its_notes_over_and_refuses_state_that_has_none() {
        let (context, taken) = context(2);
        let old = Pages::open(&context).unwrap();
        old.write("a", b"1").unwrap();
        let new: Pages = testing::hand_over(&old, &context).unwrap();
        assert_eq!((new.read("a").as_deref(), taken.load(Ordering::Relaxed)), (Some(&b"1"[..]), 1));
        let saved = RawState::of(&old.save().unwrap()).unwrap();
        assert!(testing::restore::<Pages>(1, &saved, &context).is_ok());
        let error = testing::restore::<Pages>(2, &saved, &context).err().unwrap().to_string();
        assert!(error.contains("state version 2 is not known here, only 1"), "{error}");
        let error = testing::restore::<Pages>(1, &RawState::of("no notes").unwrap(), &context).err().unwrap();
        assert!(error.to_string().contains("the state of version 1 cannot be decoded"), "{error}");
    }
}
