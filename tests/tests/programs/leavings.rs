//! Stores of processes that are killed: the first load of the next process removes them, and leaves the
//! stores of living processes alone.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use lcr::Runtime;
use lcr_tests::{component, program, wait_until};
use tempfile::{TempDir, tempdir};

/// A process with a runtime. Dropping it kills it.
struct Lodger {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Lodger {
    fn start(base: &Path) -> Lodger {
        let mut command = Command::new(program("lodger"));
        command.arg(base).arg(component("counter_v1")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (input, output) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        let mut lodger = Lodger { process, input, output };
        lodger.expect("loaded");
        lodger
    }

    fn expect(&mut self, expected: &str) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), expected);
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Kills the process by SIGKILL.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Lets the process end by itself.
    fn end(mut self) {
        self.input = None;
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Lodger {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn entries(path: &Path) -> Vec<PathBuf> {
    // The last store takes the user's directory with it.
    fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn stores(base: &TempDir) -> BTreeSet<PathBuf> {
    entries(base.path()).iter().flat_map(|user| entries(user)).collect()
}

fn runtime(base: &TempDir) -> Runtime {
    Runtime::builder().linked(false).store(base.path()).build().unwrap()
}

fn load(base: &TempDir) -> Runtime {
    let rt = runtime(base);
    rt.load(component("counter_v2")).unwrap();
    rt
}

#[test]
fn the_first_load_removes_what_a_killed_process_left_and_nothing_of_a_living_one() {
    let base = tempdir().unwrap();
    let mut killed = Lodger::start(base.path());
    let dead = stores(&base);
    let mut living = Lodger::start(base.path());
    let alive: BTreeSet<_> = stores(&base).difference(&dead).cloned().collect();
    assert_eq!((dead.len(), alive.len()), (1, 1));
    killed.kill();
    let rt = runtime(&base);
    assert_eq!(stores(&base), &dead | &alive, "a runtime that loads nothing removes nothing");
    rt.load(component("counter_v2")).unwrap();
    let now = stores(&base);
    assert!(now.is_disjoint(&dead) && now.is_superset(&alive) && now.len() == 2, "{now:?}");
    living.say("replace");
    living.expect("done");
    assert_eq!(entries(alive.first().unwrap()).len(), 2);
    drop(rt);
    assert_eq!(stores(&base), alive);
    living.end();
    assert_eq!(entries(base.path()), [] as [PathBuf; 0]);
}

#[test]
fn a_child_keeps_the_store_of_the_parent_that_was_killed() {
    let base = tempdir().unwrap();
    let mut lodger = Lodger::start(base.path());
    let parents = stores(&base);
    lodger.say("fork");
    lodger.expect("done");
    lodger.say("replace");
    lodger.expect("done");
    let childs: BTreeSet<_> = stores(&base).difference(&parents).cloned().collect();
    assert_eq!(childs.len(), 1, "the child has a store of its own");
    lodger.kill();
    drop(load(&base));
    assert_eq!(stores(&base), &parents | &childs);
    // The child ends by itself. No process waits for it, but its output is closed when it ends.
    lodger.input = None;
    wait_until("the leavings are removed", || {
        drop(load(&base));
        stores(&base).is_empty()
    });
}

#[test]
fn processes_that_are_killed_in_the_middle_leave_nothing_for_long() {
    let base = tempdir().unwrap();
    let mut living = Lodger::start(base.path());
    let alive = stores(&base);
    thread::scope(|scope| {
        for thread in 0..2 {
            let base = &base;
            scope.spawn(move || {
                for round in 0..10 {
                    let mut lodger = Lodger::start(base.path());
                    lodger.say("churn");
                    (0..(thread + 2 * round) % 5).for_each(|_| lodger.expect("again"));
                    lodger.kill();
                    drop(load(base));
                }
            });
        }
    });
    let rt = load(&base);
    let left = stores(&base);
    assert!(left.is_superset(&alive) && left.len() == 2, "{left:?}");
    living.say("replace");
    living.expect("done");
    drop(rt);
    living.end();
    assert_eq!(entries(base.path()), [] as [PathBuf; 0]);
}
