use std::sync::{Mutex, PoisonError};

use lcr::{BoxError, Context, Handle, Stateful};
use lcr_tests::office::{Epoch, Seal, Terms};

/// Lines, and the seal for them if there is one.
pub struct Files {
    lines: Mutex<Vec<String>>,
    pub terms: Terms,
    seal: Option<Handle<dyn Seal>>,
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

    pub fn file(&self, line: String) -> u64 {
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
        Ok(self.lines())
    }

    fn restore(lines: Vec<String>, context: &Context) -> Result<Files, BoxError> {
        let terms = if context.is_configured() { context.config()? } else { Terms::default() };
        Ok(Files { lines: Mutex::new(lines), terms, seal: context.dependency().ok() })
    }
}
