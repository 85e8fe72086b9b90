//! A program under sam whose runtime is under sam, too. Instance N does what the lines of `N.script` say, in the
//! directory that the argument names, and writes what it finds to `N.out`. An instance without a script ends with
//! status 0.
//!
//! | line | does |
//! |---|---|
//! | `options NAME` | builds the runtime: it saves `every` 10 ms, at `commits`, at the `end`, or if asked (`quiet`) |
//! | `load FILE`, `replace FILE`, `try FILE` | loads or replaces a component, or puts it on trial |
//! | `confirm` | ends the trial |
//! | `block` | beats, then stays inside a call of the clock until the trial is over; writes how it ended |
//! | `add N` | adds to the counter, and writes the sum |
//! | `service` | asks for the counter, and writes how that went |
//! | `keep` | keeps the states now |
//! | `until N` | waits until the kept states have the count N |
//! | `damage N` | cuts the kept states after N bytes |
//! | `kept`, `last` | writes what became of kept states, and how the instance before ended |
//! | `fork` | forks a child that drops the runtime |
//! | `end`, `exit`, `kill` | drops the runtime; ends with status 9; kills its own process |

use std::{
    env,
    error::Error,
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    process, thread,
    time::Duration,
};

use lcr::{Handle, Runtime, RuntimeBuilder, Trial, Under, events::EventKind};
use lcr_tests::{bank::Clock, interfaces::Counter};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The bytes that sam keeps.
fn kept() -> Outcome<Option<Vec<u8>>> {
    let Some(file) = sam::app().take_fd("lcr.states")?.map(File::from) else { return Ok(None) };
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len())?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Some(bytes))
}

/// The count in the kept states.
fn count(library: &Path) -> Outcome<Option<u64>> {
    let Some(bytes) = kept()? else { return Ok(None) };
    let rt = Runtime::builder().linked(false).restore_states(&bytes)?.build()?;
    rt.load(library)?;
    let counter: Handle<dyn Counter> = rt.service()?;
    Ok(Some(counter.add(0)))
}

fn build(options: &str) -> Outcome<Runtime> {
    let under = Under::new(sam::app());
    let under = match options {
        "every" => under.every(Duration::from_millis(10)),
        "commits" => under.every(None).at_end(false),
        "end" => under.every(None).at_commits(false),
        "small" => under.every(None).max_bytes(10),
        _ => under.every(None).at_commits(false).at_end(false),
    };
    let builder: RuntimeBuilder = Runtime::builder().linked(false);
    Ok(builder.under(under).build()?)
}

/// Has the thread that beats stay inside a version on trial.
fn block(rt: &Runtime, out: &mut File) -> Outcome<()> {
    let clock: Handle<dyn Clock> = rt.service()?;
    let app = sam::app();
    app.resume_checks();
    app.beat();
    clock.inside(&|| {
        while rt.trial().is_some() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    app.beat();
    let end = rt.wait_trial(Some(Duration::from_secs(60))).ok_or("the trial has not ended")?;
    let component = end.component.as_ref().map_or_else(String::new, ToString::to_string);
    writeln!(out, "{} {} {component}: {}", end.outcome, end.cause.name(), end.why)?;
    writeln!(out, "version {} serves instance {}", clock.version(), app.instance())?;
    Ok(())
}

fn follow(script: &str, out: &mut File) -> Outcome<()> {
    let mut rt = None;
    let mut library = None;
    for line in script.lines() {
        let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
        let running = || rt.as_ref().ok_or("no options");
        match command {
            "options" => rt = Some(build(argument)?),
            "load" => {
                running()?.load(argument)?;
                library = Some(argument.to_owned());
            }
            "replace" => drop(running()?.replace(argument)?),
            "try" => {
                let mut events = running()?.events();
                let trial = Trial::for_time(Duration::from_secs(600));
                let _ = running()?.plan().replace(argument).trial(trial).commit()?;
                loop {
                    let event = events.next_timeout(Duration::from_secs(60)).ok_or("no trial began")?;
                    if matches!(event.kind, EventKind::TrialBegan { .. }) {
                        break;
                    }
                }
            }
            "block" => block(running()?, out)?,
            "confirm" => drop(running()?.confirm()?),
            "service" => match running()?.service::<dyn Counter>() {
                Ok(counter) => {
                    writeln!(out, "version {}", counter.version())?;
                    // It stays: the shared instance goes with its last handle.
                    std::mem::forget(counter);
                }
                Err(error) => writeln!(out, "{}: {error}", error.kind())?,
            },
            "add" => {
                let counter: Handle<dyn Counter> = running()?.service()?;
                writeln!(out, "{}", counter.add(argument.parse()?))?;
                std::mem::forget(counter);
            }
            "keep" => match running()?.keep_states() {
                Ok(()) => writeln!(out, "kept")?,
                Err(error) => writeln!(out, "{}: {error}", error.kind())?,
            },
            "until" => {
                let wanted = argument.parse()?;
                let library = library.as_deref().ok_or("nothing is loaded")?;
                while count(Path::new(library))? != Some(wanted) {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            "damage" => {
                let bytes = kept()?.ok_or("nothing is kept")?;
                let mut file = tempfile::tempfile()?;
                file.write_all(&bytes[..argument.parse::<usize>()?.min(bytes.len() - 1)])?;
                sam::app().keep_fd("lcr.states", &file)?;
            }
            "kept" => {
                for state in running()?.kept_states() {
                    writeln!(out, "{} {} v{} {:?}", state.component, state.version, state.state_version, state.stage)?;
                }
            }
            "last" => match running()?.last_instance() {
                Some(last) => writeln!(out, "{last}")?,
                None => writeln!(out, "none")?,
            },
            "fork" => {
                // SAFETY: the child only drops the runtime and ends.
                match unsafe { libc::fork() } {
                    0 => {
                        drop(rt.take());
                        // SAFETY: ends the child at once.
                        unsafe { libc::_exit(0) }
                    }
                    // SAFETY: the pointer may be null.
                    child => assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child),
                }
            }
            "end" => drop(rt.take()),
            "exit" => process::exit(9),
            // SAFETY: ends this process.
            "kill" => drop(unsafe { libc::raise(libc::SIGKILL) }),
            _ => return Err(format!("no such command: {line}").into()),
        }
    }
    Ok(())
}

#[sam::main(policy = "restart")]
fn main() -> Outcome<()> {
    let directory = env::args_os().nth(1).ok_or("usage: survivor DIRECTORY")?;
    let name = |kind: &str| Path::new(&directory).join(format!("{}.{kind}", sam::app().instance()));
    let Ok(script) = fs::read_to_string(name("script")) else { return Ok(()) };
    let mut out = OpenOptions::new().create(true).append(true).open(name("out"))?;
    if let Err(error) = follow(&script, &mut out) {
        writeln!(out, "failed: {error}")?;
        return Err(error);
    }
    Ok(())
}
