use std::sync::{Mutex, PoisonError};

use lcr::{BoxError, Context, Handle, Stateful};
use lcr_tests::office::{Archive, Ledger, Terms};

type File = Box<dyn Fn(String) + Send + Sync>;

/// Notes, and where to file them.
pub struct Drawer {
    notes: Mutex<Vec<String>>,
    pub terms: Terms,
    file: File,
}

impl Drawer {
    /// A drawer whose notes go to the archive, or else to the ledger.
    pub fn open(context: &Context) -> Result<Drawer, BoxError> {
        let file: File = match context.dependency::<dyn Archive>() {
            Ok(archive) => Box::new(move |line| _ = archive.file(line)),
            Err(_) => {
                let ledger: Handle<dyn Ledger> = context.dependency()?;
                Box::new(move |line| _ = ledger.file(line))
            }
        };
        Drawer::onto(file, context)
    }

    pub fn onto(file: File, context: &Context) -> Result<Drawer, BoxError> {
        let terms = if context.is_configured() { context.config()? } else { Terms::default() };
        Ok(Drawer { notes: Mutex::new(Vec::new()), terms, file })
    }

    pub fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn say(&self, what: &str) {
        (self.file)(format!("{what} by {}", self.terms.epoch));
    }

    pub fn check(&self) -> Result<(), String> {
        self.say("checked");
        if self.terms.unfit { Err(format!("a drawer of epoch {} is unfit", self.terms.epoch)) } else { Ok(()) }
    }

    pub fn say_restored(self) -> Drawer {
        self.say("restored");
        self
    }

    /// Files the notes: what is filed is not handed over.
    pub fn flush(&self) {
        for text in std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.say(&format!("{text} flushed"));
        }
    }
}

impl Stateful for Drawer {
    type State = ();

    fn save(&self) -> Result<(), BoxError> {
        self.flush();
        Ok(())
    }

    fn restore((): (), context: &Context) -> Result<Drawer, BoxError> {
        Ok(Drawer::open(context)?.say_restored())
    }
}
