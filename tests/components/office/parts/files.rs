use std::{
    fs,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use lcr::{BoxError, Context, Handle, Stateful};
use lcr_tests::office::{Desk, Epoch, Seal, Terms};

/// Lines, and the seal for them if there is one.
pub struct Files {
    lines: Mutex<Vec<String>>,
    pub terms: Terms,
    seal: Option<Handle<dyn Seal>>,
    desk: Mutex<Option<Handle<dyn Desk>>>,
}

impl Files {
    pub fn open(context: &Context) -> Result<Files, BoxError> {
        Files::restore(Vec::new(), context)
    }

    pub fn check(&self) -> Result<(), String> {
        if self.terms.unfit { Err(format!("files of epoch {} are unfit", self.terms.epoch)) } else { Ok(()) }
    }

    #[allow(dead_code, reason = "a ledger has no such method")]
    pub fn epoch(&self) -> Epoch {
        self.terms.epoch
    }

    #[allow(dead_code, reason = "as above")]
    pub fn report_to(&self, desk: Handle<dyn Desk>) {
        *self.desk.lock().unwrap_or_else(PoisonError::into_inner) = Some(desk);
    }

    pub fn file(&self, line: String) -> u64 {
        while self.terms.hang.as_ref().is_some_and(|path| fs::exists(path).is_ok_and(|exists| exists)) {
            thread::sleep(Duration::from_millis(1));
        }
        if let Some(seal) = &self.seal {
            seal.stamp(format!("{line}, says archive {}", self.terms.epoch));
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
        lines.len() as u64
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Stateful for Files {
    type State = Vec<String>;

    fn save(&self) -> Result<Vec<String>, BoxError> {
        if let Some(desk) = &*self.desk.lock().unwrap_or_else(PoisonError::into_inner) {
            desk.note("saved".to_owned());
        }
        if let Some(seal) = &self.seal {
            seal.stamp(format!("saved, says archive {}", self.terms.epoch));
        }
        Ok(self.lines())
    }

    fn restore(lines: Vec<String>, context: &Context) -> Result<Files, BoxError> {
        let terms = if context.is_configured() { context.config()? } else { Terms::default() };
        Ok(Files { lines: Mutex::new(lines), terms, seal: context.dependency().ok(), desk: Mutex::new(None) })
    }
}
