//! Every option, once.

use std::ffi::OsStr;

use super::{
    Cgroup, Checks, KillMode, Notify, Recovery, Respawn, SignalTarget, Strays,
    defaults::Options,
    setting::{Places, SWITCH, Section, Setting, Unset, Value},
    surroundings::{read_limit, read_variable},
    values::{codes, command, count, put, read, read_backoff, read_budget, signal, switch, time, word},
};

use Section::{Failure, Health, Instances, Reports, Stop, Surroundings};
use Unset::{Text, Value as Is};

const fn value(placeholder: &'static str, expected: &'static str) -> Value {
    Value { placeholder, expected }
}

const TIME: Value = value("TIME", "a time such as 2s or 150ms");
const SIGNAL: Value = value("SIGNAL", "a signal such as SIGTERM, TERM or 15");
const CODES: Value = value("CODES", "exit codes from 0 to 255, as 3,4");
const COMMAND: Value = value("COMMAND", "a command");
const FILE: Value = value("FILE", "a file");

const NOWHERE: Places = Places { attribute: false, environment: false, command: false, builder: false };
/// Each place.
const ALL: Places = Places { attribute: true, environment: true, command: true, builder: true };
/// For programs that are linked with the library.
const LINKED: Places = Places { command: false, ..ALL };
/// For the program's author; the environment, which is the operator's, has none of these.
const AUTHOR: Places = Places { environment: false, ..ALL };
/// About another program: for the command, and for authors of supervisors.
const PROGRAM: Places = Places { attribute: false, ..AUTHOR };
const BUILDER_ONLY: Places = Places { builder: true, ..NOWHERE };
const COMMAND_ONLY: Places = Places { command: true, ..NOWHERE };
const ENVIRONMENT_ONLY: Places = Places { environment: true, ..NOWHERE };

/// The table.
pub static SETTINGS: &[Setting] = &[
    // These two are first: `disable` ends the reading, and `corosync` sets values that others then change.
    setting("disable", Instances, SWITCH, Is("0"), ENVIRONMENT_ONLY, |o, text| put(&mut o.disabled, switch(text)))
        .means("1: the program runs without a supervisor, and every call works within the process."),
    setting("corosync", Instances, SWITCH, Text("1 in programs for libsam, else 0"), ENVIRONMENT_ONLY, |o, text| {
        switch(text).map(|is_like| o.be_like_corosync(is_like))
    })
    .means(
        "1: restarts and exits follow the rules of corosync's libsam. There is no {budget}: 200 restarts in a row come \
         at once, further ones up to once a second. An exit while the main check is paused ends the supervisor \
         with the same status.",
    ),
    setting("interval", Health, TIME, Is("2s"), LINKED, |o, text| {
        // Text has no `None`.
        put(&mut o.interval, time(text).map(|time| Some(time).filter(|time| !time.is_zero())))
    })
        .means("How long an instance may go without a beat. 0s: beats are not checked."),
    setting("checks", Health, value("WHO", Checks::WORDS), Is("beats"), LINKED, |o, text| {
        put(&mut o.checks, word(text))
    })
    .means("beats: the application sends beats. asks: the supervisor asks and the application answers."),
    setting(
        "watchdog",
        Health,
        value("TIME", "a time such as 2s or 150ms, not zero"),
        Text("off"),
        COMMAND_ONLY,
        |o, text| put(&mut o.interval, time(text).filter(|time| !time.is_zero()).map(Some)),
    )
    .means(
        "The program sends WATCHDOG=1 by sd_notify(3) at least once in this time; longer silence is a failure. The \
         time counts from READY=1. The program finds WATCHDOG_USEC set.",
    ),
    setting("notify", Health, value("WHO", Notify::WORDS), Text("off"), PROGRAM, |o, text| {
        put(&mut o.notify, word(text).map(Some))
    })
    .or_in_command("main with {watchdog}, else off")
    .means(
        "The supervisor reads what the program sends by sd_notify(3). main: from its main process; group: from every \
         process of its process group. The program finds NOTIFY_SOCKET set.",
    ),
    setting("pid-file", Health, FILE, Text("none"), PROGRAM, |o, text| put(&mut o.pid_file, Some(Some(text.into()))))
        .means(
            "The program writes the number of its main process to this file. When the main process ends, the process \
             that the file then names becomes the main process, if it is of the program's process group.",
        ),
    setting("probe", Health, COMMAND, Text("none"), AUTHOR, |o, text| put(&mut o.probe, command(text).map(Some)))
        .means(
            "/bin/sh -c runs this command while the program serves. A status other than 0 is a failed probe. The \
             command finds SAM_PID and SAM_INSTANCE set; its output goes to standard error; what it leaves in its \
             process group is killed. On the command line without {notify}, the first good probe makes the program \
             ready; with it, probes begin at READY=1.",
        ),
    setting("probe-every", Health, TIME, Is("10s"), AUTHOR, |o, text| put(&mut o.probe_every, time(text)))
        .means("The time from the start of one {probe} to the start of the next; 1s at most until a probe finds the program ready."),
    setting("probe-limit", Health, TIME, Is("5s"), AUTHOR, |o, text| put(&mut o.probe_limit, time(text)))
        .means("How long a {probe} may run. If it runs longer, the supervisor kills it, and the probe has failed."),
    setting("probe-failures", Health, value("N", "a number from 1 on"), Is("3"), AUTHOR, |o, text| {
        put(&mut o.probe_failures, count(text))
    })
    .means("How many failed probes in a row are a failure of the program."),
    setting("ready-at-start", Health, SWITCH, Is("1"), AUTHOR, |o, text| put(&mut o.ready_at_start, switch(text)))
        .or_in_command("off with {notify} or {probe}, else on")
        .means(
            "Whether an instance is ready when it first calls App::resume_checks, and another program at its start. \
             Otherwise the instance says when it is ready, by App::ready or READY=1, or a {probe} finds it ready.",
        ),
    setting("ready-by-probe", Health, SWITCH, Is("0"), BUILDER_ONLY, |o, text| {
        put(&mut o.ready_by_probe, switch(text))
    })
    .means("Whether the first good {probe} makes an instance ready."),
    setting("start-limit", Health, TIME, Text("no limit"), ALL, |o, text| {
        put(&mut o.start_limit, time(text).map(Some))
    })
    .or_in_command("90s if a {probe} makes it ready, else no limit")
    .means("How long an instance may take until it is ready. If it takes longer, it has failed. Failed probes before it is ready do not count."),
    setting("warn-signal", Failure, SIGNAL, Is("SIGTERM"), ALL, |o, text| put(&mut o.warn_signal, signal(text)))
        .means("The signal that warns an instance that hangs or has marked itself failed."),
    setting("grace", Failure, TIME, Text("the interval"), ALL, |o, text| put(&mut o.grace, time(text).map(Some)))
        .or_in_command("the time of {watchdog}, else 10s")
        .means("The time from the warning to SIGKILL. An instance that recovers within this time goes on."),
    setting("policy", Failure, value("POLICY", Recovery::WORDS), Is("restart"), ALL, |o, text| {
        put(&mut o.recovery, word(text))
    })
    .means(
        "What follows the end of an instance. restart: the next instance after a failure; always: also after a clean \
         end; quit: the supervisor ends as the instance did.",
    ),
    setting(
        "backoff",
        Failure,
        value("TIME..TIME", "the first and the longest delay, as 100ms..30s"),
        Text("100ms..3s; with another budget, so short that a program that fails at once spends it in half its TIME"),
        ALL,
        |o, text| put(&mut o.backoff, read(text, read_backoff).map(Some)),
    )
    .means(
        "The delay before the second restart in a row, and the longest delay. Delays double from the first to the \
         longest, with jitter. The first restart does not wait.",
    ),
    setting("healthy-after", Failure, TIME, Is("10s"), ALL, |o, text| put(&mut o.healthy_after, time(text)))
        .means("How long an instance must serve without a complaint until delays begin anew at the next failure."),
    setting("budget", Failure, value("N/TIME", "restarts and a time, as 10/60s"), Is("10/60s"), ALL, |o, text| {
        put(&mut o.budget, read(text, read_budget).map(Some))
    })
    .means("At most N restarts, 64 or fewer, in any TIME. If an instance fails when none is left, the supervisor ends as that instance did."),
    setting("clean-exits", Failure, CODES, Text("none"), ALL, |o, text| put(&mut o.clean, codes(text)))
        .means("Exit codes, 8 at most, that end the service as 0 does: the supervisor ends with the same code."),
    setting("fatal-exits", Failure, CODES, Text("none"), ALL, |o, text| put(&mut o.fatal, codes(text)))
        .means("Exit codes, 8 at most, after which a restart would not help: the supervisor ends with the same code."),
    setting("on-failure", Failure, COMMAND, Text("none"), PROGRAM, |o, text| {
        put(&mut o.on_failure, command(text).map(Some))
    })
    .means(
        "/bin/sh -c runs this command at each end that is a failure, beside the next instance. It finds SAM_INSTANCE, \
         SAM_DECISION (restart, budget spent, fatal, quit), SAM_EXIT_STATUS or SAM_EXIT_SIGNAL, SAM_CAUSE if the \
         instance was warned (overdue, unanswered, probe, failed, start) and SAM_LIVED_MS. While the command runs, \
         the supervisor starts no second one.",
    ),
    setting("on-failure-limit", Failure, TIME, Is("30s"), PROGRAM, |o, text| put(&mut o.on_failure_limit, time(text)))
        .means(
            "How long the command of {on-failure} may run; then the supervisor kills it with its process group. At its \
             own end the supervisor waits that long for the command, unless an operator stops it.",
        ),
    setting("respawn", Instances, value("HOW", Respawn::WORDS), Is("fork"), LINKED, |o, text| {
        put(&mut o.respawn, word(text))
    })
    .means(
        "How the next instance is made. fork: a copy of the supervisor; exec: the program anew from its file; \
         exec-after-fault: exec after SIGSEGV, SIGBUS, SIGILL or SIGABRT, else fork.",
    ),
    setting("standby", Instances, SWITCH, Is("1"), ALL, |o, text| put(&mut o.standby, switch(text))).means(
        "Whether the supervisor forks the next instance while one serves, so that a restart does not wait for a fork. \
         It costs a process that waits.",
    ),
    setting("huge-pages", Instances, SWITCH, Is("1"), LINKED, |o, text| put(&mut o.huge_pages, switch(text))).means(
        "Whether the supervisor moves what the application has allocated before supervision begins to huge pages, in \
         250 ms at most, so that a restart takes no longer for much memory.",
    ),
    setting("strays", Instances, value("WHAT", Strays::WORDS), Is("kill"), ALL, |o, text| {
        put(&mut o.strays, word(text))
    })
    .means("What becomes of processes that have left their instance's process group and outlive the instance. kill: the supervisor kills them; keep: they live on."),
    setting("cgroup", Instances, value("WHEN", Cgroup::WORDS), Is("auto"), ALL, |o, text| {
        put(&mut o.cgroup, word(text))
    })
    .means(
        "Each instance lives in a cgroup of its own and is killed with everything in it. auto: where the supervisor \
         can make one; need: supervision does not begin without one; off: never.",
    ),
    setting("outlive", Instances, SWITCH, Is("0"), AUTHOR, |o, text| put(&mut o.outlive, switch(text)))
        .means("Whether an instance lives on when its supervisor is killed."),
    setting("stop-signal", Stop, SIGNAL, Text("the signal that stops the supervisor"), ALL, |o, text| {
        put(&mut o.stop_signal, signal(text).map(Some))
    })
    .means("The signal that a stop sends to the instance."),
    setting("stop-limit", Stop, TIME, Is("10s"), ALL, |o, text| put(&mut o.stop_limit, time(text)))
        .means("The time from a stop to SIGKILL."),
    setting("kill-mode", Stop, value("MODE", KillMode::WORDS), Is("group"), ALL, |o, text| {
        put(&mut o.kill_mode, word(text))
    })
    .means(
        "Which processes a stop and SIGKILL reach. group: the whole process group; mixed: a stop reaches the main \
         process, and SIGKILL ends the rest as soon as that has ended; main: the main process alone, and what it has \
         started lives on.",
    ),
    setting("pass-signals", Stop, value("WHO", SignalTarget::WORDS), Is("main"), ALL, |o, text| {
        put(&mut o.pass_signals, word(text))
    })
    .means("Which processes get the signals that do not stop the supervisor. main: the main process; group: its process group."),
    setting("env", Surroundings, value("NAME=VALUE", "NAME=VALUE"), Text("the supervisor's"), COMMAND_ONLY, {
        |o, text| {
            o.surroundings.variables.push(read_variable(text)?);
            Some(())
        }
    })
    .means("A variable of the program's environment. May be given several times."),
    // The command reads this one, because it looks names up.
    setting(
        "user",
        Surroundings,
        value("USER[:GROUP]", "a user and perhaps a group, as www-data or www-data:adm, by names or numbers"),
        Text("the supervisor's"),
        COMMAND_ONLY,
        not_read,
    )
    .means(
        "The program's user and group, by names or numbers, with the other groups of that user. USER, LOGNAME, HOME \
         and SHELL are set.",
    ),
    setting("cwd", Surroundings, value("DIR", "a folder"), Text("the supervisor's"), COMMAND_ONLY, |o, text| {
        put(&mut o.surroundings.folder, Some(Some(text.into())))
    })
    .means("The program's working directory, entered as {user}. A relative PROGRAM is looked for from there."),
    setting(
        "limit",
        Surroundings,
        value(
            "NAME=LIMIT",
            "a limit by its name in prlimit(1), as nofile=4096, nofile=1024:4096 (soft and hard) or core=unlimited",
        ),
        Text("the supervisor's"),
        COMMAND_ONLY,
        |o, text| {
            o.surroundings.limits.push(read(text, read_limit)?);
            Some(())
        },
    )
    .means(
        "A resource limit by its name in prlimit(1): nofile=4096, core=unlimited, nofile=1024:4096 (soft and hard). \
         May be given several times.",
    ),
    setting("status", Reports, FILE, Text("none"), ALL, |o, text| put(&mut o.status, Some(Some(text.into()))))
        .means("The supervisor describes itself and its instance in this file, in JSON, and replaces the file at each change. `sam status FILE` shows it."),
    setting("events", Reports, FILE, Text("none"), ALL, |o, text| put(&mut o.events, Some(Some(text.into()))))
        .means("The supervisor appends each event to this file, as one line of JSON."),
    setting("reopen-signal", Reports, SIGNAL, Is("SIGHUP"), ALL, |o, text| put(&mut o.reopen_signal, signal(text)))
        .means(
            "At this signal the supervisor opens the file of {events} anew by its name, for rotation of logs. It passes \
             the signal on to the program as well.",
        ),
    setting("log", Reports, SWITCH, Is("1"), ALL, |o, text| put(&mut o.log, switch(text))).means(
        "Whether the supervisor writes a line to standard error when something happens that an operator wants to know.",
    ),
];

fn not_read(_: &mut Options, _: &OsStr) -> Option<()> {
    None
}

const fn setting(
    word: &'static str,
    section: Section,
    value: Value,
    default: Unset,
    places: Places,
    set: fn(&mut Options, &OsStr) -> Option<()>,
) -> Setting {
    Setting { word, section, value, default, default_of_command: None, meaning: "", places, since: "0.1.0", set }
}

impl Setting {
    const fn means(self, meaning: &'static str) -> Setting {
        Setting { meaning, ..self }
    }

    const fn or_in_command(self, default: &'static str) -> Setting {
        Setting { default_of_command: Some(default), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::setting::spelled, *};

    #[test]
    fn each_word_is_there_once_and_has_a_meaning() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[index + 1..].iter().all(|other| other.word != setting.word), "{}", setting.word);
            assert!(setting.meaning.ends_with('.'), "{}", setting.word);
            assert!(setting.places != NOWHERE, "{}", setting.word);
            for text in [setting.meaning, setting.default.text(), setting.default_of_command.unwrap_or_default()] {
                spelled(text, |word| {
                    assert!(SETTINGS.iter().any(|other| other.word == word), "{}: {{{word}}}", setting.word);
                    String::new()
                });
            }
        }
    }

    #[test]
    fn what_the_table_calls_the_default_is_the_default() {
        let of = |options: &Options| format!("{options:?}");
        let mut checked = 0;
        for setting in SETTINGS {
            if let Is(default) = setting.default {
                let mut options = Options::default();
                (setting.set)(&mut options, default.as_ref()).expect(setting.word);
                assert_eq!(of(&options), of(&Options::default()), "{}", setting.word);
                checked += 1;
            }
        }
        assert!(checked >= 20, "{checked}");
    }

    #[test]
    fn what_an_option_lists_as_its_words_is_what_it_takes() {
        let mut lists = 0;
        for setting in SETTINGS.iter().filter(|setting| setting.value.expected.contains(" or ")) {
            let words = setting.value.expected.replace(" or ", ", ");
            let words: Vec<_> = words.split(", ").collect();
            if words.iter().any(|word| word.contains(' ')) {
                continue;
            }
            for word in words {
                let taken = (setting.set)(&mut Options::default(), word.as_ref());
                assert!(taken.is_some(), "{}: {word}", setting.word);
            }
            lists += 1;
        }
        assert!(lists >= 8, "{lists}");
    }
}
