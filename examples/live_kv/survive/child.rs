//! A supervised server in a process of its own.

use std::{
    env,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{args::Args, artifacts::Artifacts, setup::Fatal};

/// How long the next instance may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The supervisor, and its present instance.
pub(crate) struct Supervised {
    child: Child,
    news: Receiver<Instance>,
    /// Reads the output.
    reader: JoinHandle<()>,
    said: Arc<Lines>,
    pub(crate) address: SocketAddr,
    pub(crate) instance: Instance,
}

/// The lines of all instances that announce none.
#[derive(Default)]
struct Lines {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line that an instance prints when it begins.
pub(crate) struct Instance {
    pub(crate) number: u32,
    pub(crate) process: Pid,
    /// The components that it began with.
    pub(crate) serves: String,
    /// How the one before it ended.
    pub(crate) before: String,
}

impl Supervised {
    /// Starts this program as a server that obeys requests for faults, and keeps its history in a directory.
    ///
    /// # Errors
    /// The server does not serve.
    pub(crate) fn start(
        args: &Args,
        artifacts: &Artifacts,
        pause: Duration,
        history: &Path,
    ) -> Result<Supervised, Fatal> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--serve", "127.0.0.1:0", "--inject-faults"]);
        command.args(["--threads", &args.threads.to_string()]);
        command.args(["--replace-every", &pause.as_millis().max(1).to_string()]);
        command.arg("--history").arg(history);
        command.arg("--components").arg(artifacts.directory().ok_or("the components are in no directory")?);
        // The table reports what happens.
        command.env_remove("SAM_DISABLE").env("SAM_LOG", "0");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?);
        let address = first_address(&mut lines);
        let (tell, news) = mpsc::channel();
        let said = Arc::new(Lines::default());
        let reader = thread::spawn({
            let said = Arc::clone(&said);
            move || {
                for line in lines.lines().map_while(Result::ok) {
                    match Instance::read(&line) {
                        Some(instance) => drop(tell.send(instance)),
                        None => said.lock().push(line),
                    }
                    said.more.notify_all();
                }
            }
        });
        let instance = news.recv_timeout(TIMEOUT);
        match (address, instance) {
            (Ok(address), Ok(instance)) => Ok(Supervised { child, news, reader, said, address, instance }),
            _ => {
                child.kill()?;
                child.wait()?;
                Err("the supervised server does not serve".into())
            }
        }
    }

    /// Sends a signal to the instance, past its supervisor.
    ///
    /// # Errors
    /// The process is gone.
    pub(crate) fn signal(&self, signal: Signal) -> nix::Result<()> {
        kill(self.instance.process, signal)
    }

    /// Waits for the next instance.
    ///
    /// # Errors
    /// None comes.
    pub(crate) fn next(&mut self) -> Result<(), Fatal> {
        let next = self.news.recv_timeout(TIMEOUT).map_err(|_| "no next instance came")?;
        self.instance = next;
        Ok(())
    }

    /// Waits until a line is such.
    ///
    /// # Errors
    /// No such line comes.
    pub(crate) fn wait_for(&self, is_it: impl Fn(&str) -> bool) -> Result<(), Fatal> {
        let is_missing = |lines: &mut Vec<String>| !lines.iter().any(|line| is_it(line));
        let waited = self.said.more.wait_timeout_while(self.said.lock(), TIMEOUT, is_missing);
        let (_lines, late) = waited.unwrap_or_else(PoisonError::into_inner);
        if late.timed_out() { Err("the server did not say what it had to".into()) } else { Ok(()) }
    }

    /// Stops it as an operator does: the status, and what was printed.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub(crate) fn stop(mut self) -> Result<(ExitStatus, Vec<String>), Fatal> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        let status = self.child.wait()?;
        self.reader.join().map_err(|_| "the reading thread panicked")?;
        let said = std::mem::take(&mut *self.said.lock());
        Ok((status, said))
    }
}

fn first_address(lines: &mut BufReader<ChildStdout>) -> io::Result<SocketAddr> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let address = line.strip_prefix("serving on ").and_then(|rest| rest.split(' ').next());
    address.and_then(|address| address.parse().ok()).ok_or_else(|| io::Error::other(line))
}

impl Instance {
    /// `instance 2 process 4711 has 10 keys from 30 records, serves kv-commands 1.0.0: signal 9`.
    fn read(line: &str) -> Option<Instance> {
        let (head, before) = line.strip_prefix("instance ")?.split_once(": ")?;
        let (head, serves) = head.split_once(", serves ")?;
        let mut words = head.split(' ');
        let number = words.next()?.parse().ok()?;
        let process = words.nth(1)?.parse().ok()?;
        let (process, serves, before) = (Pid::from_raw(process), serves.to_owned(), before.to_owned());
        Some(Instance { number, process, serves, before })
    }
}
