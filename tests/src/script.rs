//! Scripts, which say where a scripted component fails, and have the transcript of its life.
//!
//! A script is a directory that a test gives to its components as their configuration.
//! Each [`Moment`] of a component's life appends a line to the file `transcript`, and then
//! does what the file of that moment says: `error`, `panic`, or `hang` for as long as it
//! says so. The test may write these files at any time, so it decides where a component fails and when
//! it goes on.
//!
//! The thread's name in a transcript is the kernel's, because each image has its own copy of the standard
//! library, which knows only the names of threads that it started.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use lcr::BoxError;
use serde::{Deserialize, Serialize};

use crate::wait_until;

/// Why a scripted component fails.
pub const REASON: &str = "as the script says";

/// The directory in which a component notes what happens to it, and reads where to fail. Without a directory
/// it does neither.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Script(Option<PathBuf>);

/// A moment in a component's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Its constructor.
    Create,
    /// Its health check.
    Healthy,
    /// `Stateful::save`.
    Save,
    /// `Stateful::migrate`.
    Migrate,
    /// `Stateful::restore`.
    Restore,
    /// A method that tells the version. It is not in the transcript, and cannot return an error.
    Call,
    /// Its destructor, which cannot return an error.
    Drop,
}

/// What a component does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdeed {
    /// The function returns an error.
    Error,
    /// The function panics.
    Panic,
    /// The function does not return before the script is changed.
    Hang,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Moment::Create => "create",
            Moment::Healthy => "healthy",
            Moment::Save => "save",
            Moment::Migrate => "migrate",
            Moment::Restore => "restore",
            Moment::Call => "call",
            Moment::Drop => "drop",
        })
    }
}

/// A test's side of a script.
impl Script {
    /// A script in a directory of the test's.
    pub fn new(directory: impl AsRef<Path>) -> Script {
        Script(Some(directory.as_ref().to_owned()))
    }

    /// Has `who` ("vault 2.0.0") fail at a moment.
    ///
    /// # Panics
    /// If the script cannot be written.
    pub fn set(&self, who: &str, moment: Moment, misdeed: Misdeed) {
        let text = match misdeed {
            Misdeed::Error => "error",
            Misdeed::Panic => "panic",
            Misdeed::Hang => "hang",
        };
        // The file is renamed into place, so no component reads half of it.
        let draft = self.file("draft");
        fs::write(&draft, text).expect("the script can be written");
        fs::rename(draft, self.file(&format!("{who} {moment}"))).expect("the script can be put in place");
    }

    /// Has `who` fail no more. A function that hangs there goes on.
    pub fn clear(&self, who: &str, moment: Moment) {
        let _ = fs::remove_file(self.file(&format!("{who} {moment}")));
    }

    /// The transcript: lines of `who moment on thread`.
    pub fn transcript(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file("transcript")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Empties the transcript.
    pub fn clear_transcript(&self) {
        let _ = fs::remove_file(self.file("transcript"));
    }

    /// Whether `who` came to a moment.
    pub fn has_come(&self, who: &str, moment: Moment) -> bool {
        let beginning = format!("{who} {moment} on ");
        self.transcript().iter().any(|line| line.starts_with(&beginning))
    }

    /// Waits until `who` came to a moment.
    pub fn wait_for(&self, who: &str, moment: Moment) {
        wait_until(&format!("{who} {moment}"), || self.has_come(who, moment));
    }
}

/// A component's side of a script.
impl Script {
    /// Notes a moment of `who`, and does what the script says for it.
    ///
    /// # Errors
    /// If the script says so.
    ///
    /// # Panics
    /// If the script says so.
    pub fn play(&self, who: &str, moment: Moment) -> Result<(), BoxError> {
        if self.0.is_none() {
            return Ok(());
        }
        self.note(&format!("{who} {moment}"));
        self.obey(who, moment)
    }

    /// Does what the script says for a moment of `who`, if there is a script.
    fn obey(&self, who: &str, moment: Moment) -> Result<(), BoxError> {
        let Some(directory) = &self.0 else { return Ok(()) };
        let file = directory.join(format!("{who} {moment}"));
        loop {
            match fs::read_to_string(&file).as_deref() {
                Ok("error") => return Err(REASON.into()),
                Ok("panic") => panic!("{REASON}"),
                Ok("hang") => thread::sleep(Duration::from_millis(1)),
                _ => return Ok(()),
            }
        }
    }

    fn note(&self, what: &str) {
        let thread = fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
        let line = format!("{what} on {}\n", thread.trim_end());
        let transcript = OpenOptions::new().create(true).append(true).open(self.file("transcript"));
        // One write for each line, so lines of several threads do not mix. An object may outlive the test
        // and its directory.
        let _ = transcript.and_then(|mut file| file.write_all(line.as_bytes()));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.as_deref().expect("the script has a directory").join(name)
    }
}

/// The file that `clock_slow` waits for while it is loaded, one for each process. Its initialiser runs before a
/// script could be given to it.
pub fn slow_file() -> PathBuf {
    std::env::temp_dir().join(format!("lcr-tests-{}-slow", std::process::id()))
}

/// A scripted object holds one of these for as long as it lives, so that its end is noted.
#[derive(Debug)]
pub struct Role {
    who: String,
    script: Script,
}

impl Role {
    /// Plays the moment of construction (`Create` or `Restore`).
    ///
    /// # Errors
    /// If the script says so; then there is no object.
    pub fn begin(who: String, script: Script, moment: Moment) -> Result<Role, BoxError> {
        script.play(&who, moment)?;
        Ok(Role { who, script })
    }

    /// Plays a later moment.
    ///
    /// # Errors
    /// If the script says so.
    pub fn play(&self, moment: Moment) -> Result<(), BoxError> {
        self.script.play(&self.who, moment)
    }

    /// A call, which notes nothing.
    ///
    /// # Panics
    /// If the script says so.
    pub fn answer(&self) {
        self.script.obey(&self.who, Moment::Call).expect("a call returns no error");
    }

    /// The script of the object.
    pub fn script(&self) -> &Script {
        &self.script
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // A destructor cannot return an error.
        let _ = self.play(Moment::Drop);
    }
}
