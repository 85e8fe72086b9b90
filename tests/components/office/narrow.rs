//! A desk that knows only one method of the archive: its handle is none that there was
//! before, and is made while the archive's state moves.

#[path = "parts/drawer.rs"]
mod drawer;

use std::{sync::mpsc, thread, time::Duration};

use drawer::Drawer;
use lcr::{BoxError, Context, Handle, Stateful};
use lcr_tests::office::{Desk, Epoch};

/// The archive, as this desk knows it.
#[lcr::interface(name = "office.archive", version = 1)]
pub trait Slit {
    /// Keeps a line; returns how many there are.
    fn file(&self, line: String) -> u64;
}

/// A drawer with a slit.
pub struct Letterbox(Drawer);

impl Letterbox {
    fn open(context: &Context) -> Result<Letterbox, BoxError> {
        let slit: Handle<dyn Slit> = context.dependency()?;
        Ok(Letterbox(Drawer::onto(Box::new(move |line| _ = slit.file(line)), context)?))
    }

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }
}

#[lcr::component(name = "desk", version = "2.0.0", create = Self::open, healthy = Self::check, state)]
impl Desk for Letterbox {
    fn epoch(&self) -> Epoch {
        self.0.terms.epoch
    }
    fn note(&self, text: String) {
        self.0.note(text);
    }
}

impl Stateful for Letterbox {
    type State = ();

    fn save(&self) -> Result<(), BoxError> {
        self.0.flush();
        Ok(())
    }

    fn restore((): (), context: &Context) -> Result<Letterbox, BoxError> {
        let Letterbox(drawer) = Letterbox::open(context)?;
        if !drawer.terms.unfit {
            let slit: Handle<dyn Slit> = context.dependency()?;
            let (tell, said) = mpsc::channel();
            thread::spawn(move || {
                slit.file("said aside".to_owned());
                // By then the restore has long ended.
                let _ = tell.send(());
            });
            if said.recv_timeout(Duration::from_millis(50)).is_ok() {
                return Err("another thread's call did not wait for the gate".into());
            }
        }
        Ok(Letterbox(drawer.say_restored()))
    }
}
