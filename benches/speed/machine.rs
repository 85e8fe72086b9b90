//! The machine and the day, for the head of the table.

use std::{fs, process::Command};

/// The facts that a reader needs to compare figures.
pub(crate) struct Machine {
    model: String,
    cores: usize,
    kernel: String,
    rustc: String,
    date: String,
    busy_before: String,
}

impl Machine {
    /// Describes the machine that this runs on.
    pub(crate) fn describe() -> Machine {
        let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu_info
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, model)| model.trim().to_owned());
        Machine {
            model,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease"),
            rustc: ask("rustc", &["-V"]),
            date: ask("date", &["-u", "+%Y-%m-%d"]),
            busy_before: load(),
        }
    }

    /// How many threads can run at the same time.
    pub(crate) fn cores(&self) -> usize {
        self.cores
    }

    /// The description as lines of Markdown. `seconds` is how long the run took.
    pub(crate) fn to_markdown(&self, seconds: f64) -> String {
        let Machine { model, cores, kernel, rustc, date, busy_before } = self;
        format!(
            "{model}, {cores} cores, Linux {kernel}, {rustc}, {date}. The run took {seconds:.0} s; load average \
             {busy_before} before it and {} after (one run alone brings 1).\n",
            load()
        )
    }
}

fn load() -> String {
    read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn ask(program: &str, args: &[&str]) -> String {
    match Command::new(program).args(args).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => format!("{program} unknown"),
    }
}
