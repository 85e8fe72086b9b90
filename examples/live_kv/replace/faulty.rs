//! Candidates that must be refused while the server goes on.

use std::{fs, io, path::PathBuf, time::Duration};

use crate::artifacts::{
    CREATE_FAILS, CREATE_PANICS, OTHER_SHAPE, RESTORE_FAILS, RESTORE_PANICS, SAVE_HANGS, UNHEALTHY,
};

use super::{Attempt, Change, Changer, ENGINE_COMPONENTS, ENGINES};

/// How long a save that hangs may hold callers.
const SHORT: Duration = Duration::from_millis(200);

/// A kind of bad candidate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Candidate {
    /// Half of a good file.
    CutFile,
    /// A file that is not a library.
    Text,
    /// Another shape of the interface.
    OtherShape,
    /// A constructor that returns an error.
    CreateFails,
    /// A constructor that panics.
    CreatePanics,
    /// An instance whose health check fails.
    Unhealthy,
    /// A state that is refused.
    RestoreFails,
    /// A panic while the state is taken over.
    RestorePanics,
    /// An engine whose first save hangs.
    SaveHangs,
}

impl Candidate {
    /// All of them.
    pub(crate) const ALL: [Candidate; 9] = [
        Candidate::CutFile,
        Candidate::Text,
        Candidate::OtherShape,
        Candidate::CreateFails,
        Candidate::CreatePanics,
        Candidate::Unhealthy,
        Candidate::RestoreFails,
        Candidate::RestorePanics,
        Candidate::SaveHangs,
    ];

    /// Its description.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Candidate::CutFile => "a library cut in half",
            Candidate::Text => "a text file",
            Candidate::OtherShape => "another shape of the interface",
            Candidate::CreateFails => "a constructor that fails",
            Candidate::CreatePanics => "a constructor that panics",
            Candidate::Unhealthy => "an unhealthy instance",
            Candidate::RestoreFails => "a restore that fails",
            Candidate::RestorePanics => "a restore that panics",
            Candidate::SaveHangs => "a save that hangs",
        }
    }
}

impl Changer<'_> {
    /// Offers a candidate and returns what was tried for it.
    ///
    /// # Errors
    /// A file to be refused could not be written.
    pub(crate) fn offer(&mut self, candidate: Candidate) -> io::Result<Vec<Change>> {
        let what = candidate.name();
        Ok(match candidate {
            Candidate::CutFile => {
                let whole = fs::read(self.file(ENGINES[(self.engine + 1) % ENGINES.len()]))?;
                vec![self.refuse_bytes(what, &whole[..whole.len() / 2])?]
            }
            Candidate::Text => vec![self.refuse_bytes(what, b"this is not a library\n")?],
            Candidate::OtherShape => vec![self.refuse(what, OTHER_SHAPE)],
            Candidate::CreateFails => vec![self.refuse_constructor(what, CREATE_FAILS)],
            Candidate::CreatePanics => vec![self.refuse_constructor(what, CREATE_PANICS)],
            Candidate::Unhealthy => vec![self.refuse(what, UNHEALTHY)],
            Candidate::RestoreFails => vec![self.refuse(what, RESTORE_FAILS)],
            Candidate::RestorePanics => vec![self.refuse(what, RESTORE_PANICS)],
            Candidate::SaveHangs => self.hang(what),
        })
    }

    fn refuse(&self, what: &str, name: &str) -> Change {
        self.attempt(what, &[self.file(name).to_owned()], &Attempt { faulty: true, ..Attempt::default() })
    }

    /// Only a component that may lose its state is constructed and not restored.
    fn refuse_constructor(&self, what: &str, name: &str) -> Change {
        let component = ENGINE_COMPONENTS[self.engine].to_owned();
        let attempt = Attempt { faulty: true, discard: vec![component], ..Attempt::default() };
        self.attempt(what, &[self.file(name).to_owned()], &attempt)
    }

    fn refuse_bytes(&self, what: &str, bytes: &[u8]) -> io::Result<Change> {
        let directory = tempfile::tempdir()?;
        let file: PathBuf = directory.path().join("candidate.so");
        fs::write(&file, bytes)?;
        Ok(self.attempt(what, &[file], &Attempt { faulty: true, ..Attempt::default() }))
    }

    /// The engine that hangs serves well, so the first step puts it in place. Then its first
    /// replacement must be given up in time, and the second must succeed.
    fn hang(&self, what: &str) -> Vec<Change> {
        let hanging = [self.file(SAVE_HANGS).to_owned()];
        let next = [self.file(ENGINES[self.engine]).to_owned()];
        let short = Attempt { faulty: true, deadline: SHORT, ..Attempt::default() };
        vec![
            self.attempt("engine whose save will hang", &hanging, &Attempt::default()),
            self.attempt(what, &next, &short),
            self.attempt("engine, tried again", &next, &Attempt::default()),
        ]
    }
}
