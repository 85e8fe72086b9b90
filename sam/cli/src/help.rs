//! The texts of `--help`. The options of `sam run` come from the library's table.

use sam::__private::{self as private, Section, Setting};

/// The help of the command itself.
pub(crate) const SAM: &str = "\
Keeps programs running.

Usage:
  sam run [OPTIONS] -- PROGRAM [ARGUMENTS...]   supervise a program
  sam status [OPTIONS] FILE                     show how a supervised program is doing
  sam stop [OPTIONS] FILE                       stop the program, and wait for its end
  sam restart [OPTIONS] FILE                    end its instance, and begin the next
  sam signal FILE SIGNAL                        send the program a signal, as SIGHUP to reload

Options:
  -h, --help      this help; that of a command: sam run --help
  -V, --version   the version
";

const RUN: &str = "\
Supervises a program: starts it as a child, watches it, and starts the next instance when the
program fails or hangs. sam ends as the last instance ended, by the same signal if a signal ended
that.

Usage:
  sam run [OPTIONS] -- PROGRAM [ARGUMENTS...]

A TIME is a number with its unit: 150ms, 2s, 1m 30s. Exit CODES are separated by commas: 3,4.
";

const AFTER_OPTIONS: &str = "\
  -q, --quiet
                           The same as --no-log.
  -h, --help
                           This help.

sam reads these messages of sd_notify(3): READY=1, STOPPING=1, WATCHDOG=1, WATCHDOG=trigger,
STATUS=, WATCHDOG_USEC= (until the instance ends; 0: no watchdog), EXTEND_TIMEOUT_USEC= (for a
start, and for an end that the program began itself), BARRIER=1 and MAINPID=. MAINPID= names a
process of the program's process group. That process gets the signals from then on, and once the
main process before it has ended, its end is the program's. So SIGUSR2 upgrades gunicorn if its
when_ready sends MAINPID= and sam has --notify group.

If sam finds NOTIFY_SOCKET set, it sends READY=1, STATUS=, WATCHDOG=1 (while the program is well)
and STOPPING=1 to its own service manager. sam run does not read SAM_... variables, which are for
programs that are linked with the library; the program inherits them.

Exit status, if it is not the program's:
    1    the budget is spent, and the last instance ended with 0 after a warning
    64   an argument is wrong
    69   this system does not support it: for example, no cgroup can be made for --cgroup need
    70   another supervisor keeps the status file
    71   the system refused something, or no instance could be made
    73   there is no room for what is to be stored
    75   an answer did not come in time
    126  the program cannot be executed
    127  the program does not exist
";

/// The column where the text of an option begins, and the one where it ends.
const TEXT: (usize, usize) = (27, 95);

/// The help of `sam run`.
pub(crate) fn run() -> String {
    let mut help = RUN.to_owned();
    for (section, title) in SECTIONS {
        help.push_str(&format!("\n{title}\n"));
        for setting in private::settings_of_command().filter(|setting| setting.section == section) {
            let name = name(setting);
            let gap = TEXT.0.saturating_sub(6 + name.len());
            help.push_str(&format!("      {name}"));
            help.push_str(&if gap > 0 { " ".repeat(gap) } else { format!("\n{:1$}", "", TEXT.0) });
            help.push_str(&filled(&meaning(setting), TEXT.0, TEXT.1));
            help.push('\n');
        }
    }
    help + AFTER_OPTIONS
}

/// The sections, each with its title.
pub(crate) const SECTIONS: [(Section, &str); 6] = [
    (Section::Health, "How sam knows that the program is well. Without these options, only by its end:"),
    (Section::Failure, "What follows a failure:"),
    (Section::Instances, "How instances are made, and what becomes of what they leave:"),
    (
        Section::Stop,
        "Signals. SIGTERM, SIGINT (Ctrl-C) and SIGQUIT stop sam and the program; a second Ctrl-C kills\n\
         the program. sam passes other signals on.",
    ),
    (Section::Surroundings, "What the program finds around itself in place of what sam has. Probes find none of it:"),
    (Section::Reports, "What sam reports:"),
];

/// `--stop-limit TIME`, `--[no-]standby`.
pub(crate) fn name(setting: &Setting) -> String {
    match setting.is_switch() {
        true => format!("--[no-]{}", setting.word),
        false => format!("--{} {}", setting.word, setting.value.placeholder),
    }
}

/// The meaning of an option, and its default.
pub(crate) fn meaning(setting: &Setting) -> String {
    let spell = |text: &'static str| private::spelled(text, |word| format!("--{word}"));
    let default = spell(setting.default_of_command.unwrap_or(setting.default.text()));
    let default = match default.as_str() {
        "1" if setting.is_switch() => "on",
        "0" if setting.is_switch() => "off",
        other => other,
    };
    format!("{} Default: {default}.", spell(setting.meaning))
}

/// The words of `text` in lines that end before column `end`, each but the first behind `indent` blanks.
fn filled(text: &str, indent: usize, end: usize) -> String {
    let (mut lines, mut column) = (String::new(), indent);
    for word in text.split(' ') {
        if column + 1 + word.len() > end && column > indent {
            lines.push_str(&format!("\n{:indent$}", ""));
            column = indent;
        }
        if column > indent {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += word.len();
    }
    lines
}

/// The help of `sam status`.
pub(crate) const STATUS: &str = "\
Shows how a supervised program is doing. FILE is the status file of its supervisor: that of
`sam run --status FILE`, SAM_STATUS=FILE or Builder::status.

Usage:
  sam status [OPTIONS] FILE

Options:
      --json    one line of JSON: what the file says, whether the program serves, whether the
                file is current, and whether the supervisor lives (null if that cannot be
                seen from here)
      --watch   print again at each change, until the supervisor has ended
  -h, --help    this help

Exit status:
    0    the program serves
    1    the program does not serve, yet or any more
    2    the file does not exist or says nothing
    3    the supervisor has ended, and the file does not say so
    4    the file is old: the supervisor cannot write it
    64   an argument is wrong
    71   standard output cannot be written
";

/// The help of `sam stop`.
pub(crate) const STOP: &str = "\
Stops a supervised program and its supervisor, and waits until the supervisor has ended. FILE is
the supervisor's status file.

Usage:
  sam stop [OPTIONS] FILE

Options:
      --no-wait  do not wait for the end
  -h, --help     this help

Exit status:
    0    the program was stopped
    2    the file does not exist or says nothing
    3    the supervisor had ended before
    64   an argument is wrong
    71   the system refused to signal the supervisor
";

/// The help of `sam restart`.
pub(crate) const RESTART: &str = "\
Ends the instance of a supervised program as a stop does (by --stop-signal, else SIGTERM; by
SIGKILL after --stop-limit), begins the next one, and waits until that has begun. FILE is the
supervisor's status file. The state of the program does not matter, and the restart does not count
against --budget. If the next instance waits for its delay, it begins at once.

Usage:
  sam restart [OPTIONS] FILE

Options:
      --no-wait  do not wait for the next instance
  -h, --help     this help

Exit status:
    0    the next instance has begun
    2    the file does not exist or says nothing
    3    the supervisor has ended, or ends because an operator stops it
    64   an argument is wrong
    71   the system refused to signal the supervisor
";

/// The help of `sam signal`.
pub(crate) const SIGNAL: &str = "\
Sends a signal to the supervisor that keeps the status file FILE. SIGTERM, SIGINT and SIGQUIT
stop the supervisor and its program. The supervisor passes others on to the program, such as
SIGHUP to reload.

Usage:
  sam signal FILE SIGNAL

Options:
  -h, --help     this help

Exit status:
    0    the signal was sent
    2    the file does not exist or says nothing
    3    the supervisor has ended
    64   an argument is wrong
    71   the system refused to signal the supervisor
";

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    /// A text as roff has it.
    fn roff(text: &str) -> String {
        text.replace('\\', "\\e").replace('-', "\\-")
    }

    /// Lines as they are.
    fn verbatim(text: &str) -> String {
        format!(".nf\n{}\n.fi\n", roff(text.trim_end()))
    }

    /// The manual page: what `--help` says.
    fn manual() -> String {
        let (about, usage) = SAM.split_once("\n\nUsage:\n").unwrap();
        let mut page = format!(
            ".\\\" SPDX-License-Identifier: MIT OR Apache-2.0\n.\\\" Written from the help of the command; see sam/cli/src/help.rs.\n\
             .TH SAM 1 \"\" \"sam\" \"User Commands\"\n.SH NAME\nsam \\- {}\n.SH SYNOPSIS\n{}.SH SAM RUN\n{}",
            about.to_lowercase().trim_end_matches('.'),
            verbatim(usage.split("\n\n").next().unwrap()),
            verbatim(RUN),
        );
        for (section, title) in SECTIONS {
            page += &format!(".SS {}\n", roff(&title.replace('\n', " ")));
            for setting in private::settings_of_command().filter(|setting| setting.section == section) {
                page += &format!(".TP\n.B {}\n", roff(&name(setting)));
                for sentence in meaning(setting).split_inclusive(". ") {
                    page += &format!("{}\n", roff(sentence.trim_end()));
                }
            }
        }
        let (_, after) = AFTER_OPTIONS.split_once("\n\n").unwrap();
        page += &format!(".SS Messages, environment, exit status\n{}", verbatim(after));
        for (name, text) in [("STATUS", STATUS), ("STOP", STOP), ("RESTART", RESTART), ("SIGNAL", SIGNAL)] {
            page += &format!(".SH SAM {name}\n{}", verbatim(text));
        }
        page + ".SH SEE ALSO\n.BR sam_overview (3),\n.BR sd_notify (3),\n.BR prlimit (1)\n"
    }

    #[test]
    fn the_manual_page_is_what_the_help_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../man/sam.1");
        if env::var_os("SAM_BLESS").is_some() {
            fs::write(&path, manual()).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == manual(), "sam/man/sam.1 differs; run with SAM_BLESS=1 and look at the difference");
        // A dot or a quote at the start of a line would be a request.
        let is_request = |line: &&str| line.starts_with(['.', '\'']);
        let known = [".\\\"", ".TH", ".SH", ".SS", ".TP", ".B", ".BR", ".nf", ".fi"];
        for line in found.lines().filter(is_request) {
            assert!(known.contains(&line.split(' ').next().unwrap()), "{line}");
        }
    }

    #[test]
    fn no_line_is_wider_than_a_terminal_shows() {
        for text in [SAM, &run(), STATUS, STOP, RESTART, SIGNAL] {
            assert!(text.lines().all(|line| line.len() <= 98), "{text}");
        }
    }

    #[test]
    fn each_option_of_the_command_is_in_the_help_once() {
        let help = run();
        for setting in private::settings_of_command() {
            assert_eq!(help.matches(&format!("\n      {}", name(setting))).count(), 1, "{}", setting.word);
        }
    }
}
