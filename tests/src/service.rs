//! Runs the program `service`, a service on tokio that sam supervises, and measures what its clients see over TCP
//! while its component is replaced.

use std::{
    error::Error,
    fmt, fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{component, program, wait_until};

/// How long any answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long clients send requests before the first replacement.
const QUIET: Duration = Duration::from_secs(2);
/// How long each client pauses between two requests.
const PACE: Duration = Duration::from_millis(1);

/// The calls and replacements of one run.
#[derive(Clone, Debug)]
pub struct Trial {
    /// How long the long call stays inside the component that is replaced.
    pub call: Duration,
    /// The thread of the long call: of the `pool`, or a `worker`.
    pub place: &'static str,
    /// The plan's timeout. Default: the plan's own.
    pub timeout: Option<Duration>,
    /// How many clients send requests all the time.
    pub clients: usize,
    /// How often a long call is made and its component replaced.
    pub rounds: usize,
    /// Whether `wrk` sends requests, too, if it is installed.
    pub wrk: bool,
    /// How long further calls stay inside, which come at any moment. `None` for no further calls.
    pub others: Option<Duration>,
}

/// The result of a run.
#[derive(Debug)]
pub struct Seen {
    /// Waits before the first replacement.
    pub quiet: Waits,
    /// Waits from the first attempt at a replacement to the last.
    pub busy: Waits,
    /// The result of each attempt.
    pub attempts: Vec<Attempt>,
    /// The version that serves at the end.
    pub version: u64,
    /// The component's sum, to which each request adds 1.
    pub sum: u64,
    /// How often the gate was seen shut while the long call was inside.
    pub shut_on_caller: u64,
    /// The output of `wrk`, if it ran.
    pub wrk: Option<String>,
    /// The supervisor's events, one line each.
    pub events: Vec<String>,
    /// How the supervisor ended at its stop.
    pub status: ExitStatus,
    /// How late a thread beside the clients woke at most: for that long the machine may have stood still.
    pub late: Duration,
}

/// How long a replacement held its callers, or why it was refused.
pub type Attempt = Result<Duration, String>;

/// How long clients waited for their answers.
#[derive(Clone, Debug, Default)]
pub struct Waits(Vec<Duration>);

impl Waits {
    /// How many answers there were.
    pub fn answers(&self) -> usize {
        self.0.len()
    }

    /// The longest wait.
    pub fn longest(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    /// The wait that all but one in `many` answers did not exceed.
    pub fn all_but_one_in(&self, many: usize) -> Duration {
        let beyond = self.0.len() / many.max(1) + 1;
        self.0.len().checked_sub(beyond).map_or_else(|| self.longest(), |at| self.0[at])
    }

    fn of(mut waits: Vec<Duration>) -> Waits {
        waits.sort_unstable();
        Waits(waits)
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (middle, most) = (self.all_but_one_in(2), self.all_but_one_in(1_000));
        write!(f, "{} answers, median {middle:?}, p99.9 {most:?}, longest {:?}", self.answers(), self.longest())
    }
}

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Starts the service, runs the trial, and stops the service.
///
/// # Errors
/// If a request of any client fails.
///
/// # Panics
/// If the service does not start, or does not end.
pub fn run(trial: &Trial) -> Outcome<Seen> {
    let service = Service::start()?;
    let (is_busy, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (quiet, busy) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let ask = || -> Outcome<()> {
        let mut client = Client::connect(service.address)?;
        while !is_over.load(Ordering::Relaxed) {
            let waits = if is_busy.load(Ordering::Relaxed) { &busy } else { &quiet };
            let begun = Instant::now();
            client.get_ok("/")?;
            waits.lock().expect("no client panics").push(begun.elapsed());
            thread::sleep(PACE);
        }
        Ok(())
    };
    let visit = &|stay: Duration| -> Outcome<()> {
        let mut client = Client::connect(service.address)?;
        let path = format!("/inside/pool/{}", stay.as_millis());
        for pause in (0..u64::MAX).map(|round| round * 37 % 200) {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            thread::sleep(Duration::from_millis(pause));
            client.get_ok(&path)?;
        }
        Ok(())
    };
    let look_at_the_clock = || {
        let mut late = Duration::ZERO;
        while !is_over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            thread::sleep(PACE);
            late = late.max(begun.elapsed().saturating_sub(PACE));
        }
        late
    };
    let ((attempts, wrk), late) = thread::scope(|scope| {
        let clock = scope.spawn(look_at_the_clock);
        let visit = trial.others.map(|stay| scope.spawn(move || visit(stay)));
        let clients = (0..trial.clients).map(|_| scope.spawn(ask)).chain(visit).collect::<Vec<_>>();
        let driven = drive(&service, trial, &is_busy);
        is_over.store(true, Ordering::Relaxed);
        clients.into_iter().try_for_each(|client| client.join().expect("no client panics"))?;
        Outcome::Ok((driven?, clock.join().expect("a clock does not panic")))
    })?;
    let [version, sum, _, shut_on_caller] = service.facts()?;
    let (status, events) = service.stop()?;
    let [quiet, busy] = [quiet, busy].map(|waits| Waits::of(waits.into_inner().expect("no client panics")));
    Ok(Seen { quiet, busy, attempts, version, sum, shut_on_caller, wrk, events, status, late })
}

/// Makes long calls, and replaces the component under each.
fn drive(service: &Service, trial: &Trial, is_busy: &AtomicBool) -> Outcome<(Vec<Attempt>, Option<String>)> {
    thread::sleep(QUIET);
    let wrk = trial.wrk.then(|| Wrk::start(service.address)).flatten();
    let timeout = trial.timeout.map_or_else(|| "default".to_owned(), |timeout| timeout.as_millis().to_string());
    let attempt = || -> Outcome<Attempt> {
        match Client::connect(service.address)?.get(&format!("/replace/{timeout}"))? {
            (200, held) => Ok(Ok(Duration::from_micros(held.parse()?))),
            (409, refusal) => Ok(Err(refusal)),
            other => Err(format!("an attempt was answered with {other:?}").into()),
        }
    };
    let mut attempts = Vec::new();
    for _ in 0..trial.rounds {
        let round = thread::scope(|scope| -> Outcome<Vec<Attempt>> {
            let stay = format!("/inside/{}/{}", trial.place, trial.call.as_millis());
            let call = scope.spawn(move || Client::connect(service.address)?.get_ok(&stay));
            wait_until("a call is inside", || service.facts().is_ok_and(|facts| facts[2] > 0));
            is_busy.store(true, Ordering::Relaxed);
            let mut under_way = Vec::new();
            while !call.is_finished() {
                under_way.push(scope.spawn(attempt));
                let next = Instant::now() + Duration::from_secs(1);
                while !call.is_finished() && Instant::now() < next {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            call.join().expect("no client panics")?;
            under_way.into_iter().map(|attempt| attempt.join().expect("no client panics")).collect()
        });
        let mut round = round?;
        // The call has returned.
        if !round.iter().any(Result::is_ok) {
            round.push(attempt()?);
        }
        is_busy.store(false, Ordering::Relaxed);
        attempts.extend(round);
    }
    Ok((attempts, wrk.map(Wrk::stop).transpose()?))
}

/// The supervised program.
struct Service {
    supervisor: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Service {
    fn start() -> Outcome<Service> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program("service"));
        command.args([component("vault_v1"), component("vault_v2"), folder.path().to_owned()]);
        command.env("SAM_EVENTS", folder.path().join("events")).stdout(Stdio::piped());
        // The program has a group of its own, so a signal to the group misses the test.
        let mut supervisor = command.process_group(0).spawn()?;
        let mut line = String::new();
        BufReader::new(supervisor.stdout.take().expect("its output is a pipe")).read_line(&mut line)?;
        Ok(Service { address: line.trim().parse()?, supervisor, folder })
    }

    /// The version, the sum, the number of calls inside, and how often the gate was shut on a call.
    fn facts(&self) -> Outcome<[u64; 4]> {
        let text = Client::connect(self.address)?.get_ok("/facts")?;
        let numbers: Result<Vec<u64>, _> = text.split(' ').map(str::parse).collect();
        Ok(numbers?.try_into().map_err(|_| format!("what is {text}?"))?)
    }

    fn stop(mut self) -> Outcome<(ExitStatus, Vec<String>)> {
        signal(&self.supervisor, "TERM")?;
        let mut status = None;
        wait_until("the service has ended", || {
            status = self.supervisor.try_wait().expect("the supervisor can be waited for");
            status.is_some()
        });
        let events = fs::read_to_string(self.folder.path().join("events"))?;
        Ok((status.expect("the supervisor has ended"), events.lines().map(str::to_owned).collect()))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A test that failed leaves no process behind, because the instance ends with its supervisor.
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

/// `wrk(1)` with connections of its own.
struct Wrk(Child);

impl Wrk {
    /// Starts `wrk`. `None` if it is not installed.
    fn start(address: SocketAddr) -> Option<Wrk> {
        let mut command = Command::new("wrk");
        command.args(["--threads", "1", "--connections", "8", "--duration", "600", "--timeout", "30", "--latency"]);
        let child = command.arg(format!("http://{address}/")).stdout(Stdio::piped()).spawn();
        child.map(Wrk).map_err(|error| eprintln!("wrk sends no requests, because it did not start: {error}")).ok()
    }

    fn stop(mut self) -> Outcome<String> {
        // At this signal `wrk` prints its report.
        signal(&self.0, "INT")?;
        let mut said = String::new();
        self.0.stdout.take().expect("its output is a pipe").read_to_string(&mut said)?;
        Ok(said)
    }
}

impl Drop for Wrk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(child: &Child, name: &str) -> io::Result<()> {
    Command::new("kill").args(["-s", name, &child.id().to_string()]).status().map(drop)
}

/// A connection that stays open.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Client(BufReader::new(stream)))
    }

    /// Status and body of an answer.
    fn get(&mut self, path: &str) -> Outcome<(u16, String)> {
        self.0.get_mut().write_all(format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n").as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or_else(|| format!("what is {line:?}?"))?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line)?;
            match line.trim().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse()?,
                Some(_) => {}
                None if line.is_empty() => return Err("an answer was cut off".into()),
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((status, String::from_utf8(body)?))
    }

    fn get_ok(&mut self, path: &str) -> Outcome<String> {
        match self.get(path)? {
            (200, body) => Ok(body),
            other => Err(format!("{path} was answered with {other:?}").into()),
        }
    }
}
