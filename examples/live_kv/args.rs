//! The command line.

use std::{ffi::OsString, fmt, num::NonZero, path::PathBuf, str::FromStr, thread, time::Duration};

use lexopt::{Arg, Parser, ValueExt};

/// The text of `--help`.
pub(crate) const HELP: &str = "\
A key-value server whose command layer and storage engine are replaced while it serves.

Usage: live_kv [OPTIONS]            drive a server of its own, replace, check, report;
                                    put versions on trial that go bad; then kill, stop,
                                    deadlock and abort a server, also by a version on trial
       live_kv --serve ADDR         serve redis-cli, redis-benchmark and others
       live_kv --check ADDR         write to a server that runs and read everything back;
                                    SIGINT and SIGTERM end the writing
       live_kv --sizes MIB,MIB,..   print how long a replacement holds callers, by size of the state
                                    (1 GiB takes 8 GB of memory and some minutes)

Options:
  --replace-every MS    with --serve: replace components, and pause MS in between
                        otherwise: the pause between replacements [default: 150]
  --seconds N           how long the load lasts [default: 10; with --check: 5]
  --keys N              keys to write and read back [default: 100000]
  --connections N       concurrent clients [default: 4]
  --threads N           threads that serve [default: one for each core]
  --redis-benchmark     with --sizes: run redis-benchmark over as many keys meanwhile
  --history DIR         with --serve: record every replacement in DIR, and begin with what was
                        confirmed last
  --control             with --serve: open a control socket, for the command `lcr`
  --inject-faults       with --serve: obey DEBUG ABORT, DEBUG DEADLOCK and DEBUG TRIAL, which puts an
                        engine on trial that ends the process
  --seed N              seed of the random choices [default: chosen and printed]
  --components DIR      use the component libraries in DIR [default: build them]
  --help                print this help

ADDR is HOST:PORT. Port 0 picks a free port and prints it.
The server runs under a supervisor, which starts the next instance when the server ends or
hangs. Connections wait meanwhile. Acknowledged writes are kept in the kernel's memory: they
survive every end of the server's process, but not the end of its supervisor or of the machine.
SAM_DISABLE=1 in the environment turns the supervisor off.

Exit status: 0 if all went well; 1 if a request failed, a connection was refused or an
acknowledged write was lost; 2 if the command line is wrong.
";

/// What the program is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Serve and be the client too.
    Drive,
    /// Serve others.
    Serve(String),
    /// Be a client only.
    Check(String),
    /// Measure replacements of states of these sizes, in MiB of keys and values.
    Sizes(Vec<usize>),
    /// Print [`HELP`].
    Help,
}

/// The command line, understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Args {
    pub(crate) mode: Mode,
    pub(crate) replace_every: Option<Duration>,
    pub(crate) seconds: Option<u64>,
    pub(crate) keys: usize,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) redis_benchmark: bool,
    pub(crate) history: Option<PathBuf>,
    pub(crate) control: bool,
    pub(crate) inject_faults: bool,
    pub(crate) seed: Option<u64>,
    pub(crate) components: Option<PathBuf>,
}

impl Args {
    /// Understands the words that follow the program's name.
    ///
    /// # Errors
    /// A word is not known, a value is missing or not what it has to be, or two words
    /// contradict each other.
    pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Args, ArgsError> {
        let mut args = Args {
            mode: Mode::Drive,
            replace_every: None,
            seconds: None,
            keys: 100_000,
            connections: 4,
            threads: thread::available_parallelism().map_or(1, NonZero::get),
            redis_benchmark: false,
            history: None,
            control: false,
            inject_faults: false,
            seed: None,
            components: None,
        };
        let mut parser = Parser::from_args(words);
        while let Some(arg) = parser.next()? {
            let Arg::Long(flag) = arg else { return Err(arg.unexpected().into()) };
            let flag = flag.to_owned();
            match flag.as_str() {
                "help" => args.mode = Mode::Help,
                "serve" => args.choose(Mode::Serve(parser.value()?.string()?))?,
                "check" => args.choose(Mode::Check(parser.value()?.string()?))?,
                "sizes" => args.choose(Mode::Sizes(sizes(parser.value()?.string()?)?))?,
                "replace-every" => {
                    args.replace_every = Some(Duration::from_millis(number(&mut parser, &flag, 1)?));
                }
                "seconds" => args.seconds = Some(number(&mut parser, &flag, 1)?),
                "keys" => args.keys = number(&mut parser, &flag, 1)?,
                "connections" => args.connections = number(&mut parser, &flag, 1)?,
                "threads" => args.threads = number(&mut parser, &flag, 1)?,
                "redis-benchmark" => args.redis_benchmark = true,
                "history" => args.history = Some(parser.value()?.into()),
                "control" => args.control = true,
                "inject-faults" => args.inject_faults = true,
                "seed" => args.seed = Some(number(&mut parser, &flag, 0)?),
                "components" => args.components = Some(parser.value()?.into()),
                _ => return Err(ArgsError::Unknown(flag)),
            }
        }
        if args.keys < args.connections {
            return Err(ArgsError::FewKeys { keys: args.keys, connections: args.connections });
        }
        Ok(args)
    }

    /// The given seed, else a random one.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| fastrand::u64(..1 << 32))
    }

    fn choose(&mut self, mode: Mode) -> Result<(), ArgsError> {
        match self.mode {
            Mode::Serve(_) | Mode::Check(_) | Mode::Sizes(_) => Err(ArgsError::TwoModes),
            // `--help` wins over whatever else is asked for.
            Mode::Help => Ok(()),
            Mode::Drive => {
                self.mode = mode;
                Ok(())
            }
        }
    }
}

fn sizes(value: String) -> Result<Vec<usize>, ArgsError> {
    let sizes = value.split(',').map(|size| size.parse().ok().filter(|size| (1..=1 << 20).contains(size)));
    match sizes.collect() {
        Some(sizes) => Ok(sizes),
        None => Err(ArgsError::NotANumber { flag: "sizes".to_owned(), value, least: 1 }),
    }
}

fn number<T: FromStr + PartialOrd + From<u8>>(parser: &mut Parser, flag: &str, least: u8) -> Result<T, ArgsError> {
    let value = parser.value()?.string()?;
    let number = value.parse().ok().filter(|number| *number >= T::from(least));
    number.ok_or_else(|| ArgsError::NotANumber { flag: flag.to_owned(), value, least })
}

/// The error in a command line.
#[derive(Debug)]
pub(crate) enum ArgsError {
    /// The flag does not exist.
    Unknown(String),
    /// A value is not a number, or too small.
    NotANumber { flag: String, value: String, least: u8 },
    /// Serving, checking or measuring at a time.
    TwoModes,
    /// Some connections would have no key.
    FewKeys { keys: usize, connections: usize },
    /// A value is missing, not text, or given to a flag that takes none.
    Syntax(lexopt::Error),
}

impl fmt::Display for ArgsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgsError::Unknown(flag) => write!(f, "there is no flag --{flag}; --help lists them"),
            ArgsError::NotANumber { flag, value, least } => {
                write!(f, "--{flag} takes a number of at least {least}, not {value:?}")
            }
            ArgsError::TwoModes => {
                f.write_str("--serve, --check and --sizes exclude each other; run the program once for each")
            }
            ArgsError::FewKeys { keys, connections } => {
                write!(f, "{keys} keys are too few for {connections} connections; each needs at least one")
            }
            ArgsError::Syntax(error) => write!(f, "{error}; --help lists the flags"),
        }
    }
}

impl std::error::Error for ArgsError {}

impl From<lexopt::Error> for ArgsError {
    fn from(error: lexopt::Error) -> ArgsError {
        ArgsError::Syntax(error)
    }
}
