//! The manual.

/// Of the command.
pub(crate) const SAM: &str = "\
Keeps programs running.

Usage:
  sam run [OPTIONS] -- PROGRAM [ARGUMENTS...]   supervise a program
  sam status [OPTIONS] FILE                     show how a supervised program is doing
  sam stop [OPTIONS] FILE                       stop it, and wait for its end
  sam restart [OPTIONS] FILE                    end its instance, and begin the next
  sam signal FILE SIGNAL                        send it a signal, SIGHUP to reload

Options:
  -h, --help      this, or the manual of a command: sam run --help
  -V, --version   the version
";

/// Of `sam run`.
pub(crate) const RUN: &str = "\
Supervises a program: starts it as a child, watches it, and starts the next instance when
one ends or hangs. Ends as the last instance ended, by the same signal if it died of one.

Usage:
  sam run [OPTIONS] -- PROGRAM [ARGUMENTS...]

A TIME is a number with its unit: 150ms, 2s, 1m 30s. The default is in brackets.

How its health is known. Without these, by its end alone:
      --probe COMMAND      run by /bin/sh -c while the program serves; an end otherwise
                           than by 0 is a failure. Finds SAM_PID and SAM_INSTANCE set.
                           What it says goes to standard error; what it leaves in its
                           process group is killed. Without --notify the program is
                           ready as soon as the first probe finds it well; with it, probes
                           begin when the program says READY=1
      --probe-every TIME   from one probe to the next [10s; at most 1s until it is ready]
      --probe-limit TIME   a probe that runs longer has failed [5s]
      --probe-failures N   how many in a row are a failure of the program [3]
      --watchdog TIME      the program says WATCHDOG=1 by sd_notify(3) so often, or it
                           hangs; counted from its READY=1 on. Finds WATCHDOG_USEC set
      --notify WHO         listen to sd_notify(3): main (the program's first process) or
                           group (its helpers, too); others are ignored. Finds
                           NOTIFY_SOCKET set [main with --watchdog, else nobody]
      --pid-file FILE      the program writes the number of its main process there; when that
                           ends, the one that the file names then goes on in its place, if
                           it is of the program's process group
      --ready-at-start     do not wait for READY=1, nor for a probe
      --start-limit TIME   how long it may take until READY=1 [no limit], or without
                           --notify until the first probe finds it well [90s]; probes
                           that fail before that do not count

What follows a failure:
      --warn-signal SIGNAL what a program is sent that hangs [SIGTERM]
      --grace TIME         from that to SIGKILL [as --watchdog, else 10s]
      --policy POLICY      restart; always: also after a clean end; or quit: end as it
                           ended [restart]
      --backoff TIME..TIME the delay before the second restart in a row, and the longest;
                           the first is at once [100ms..3s; with another budget what has
                           a program that fails at once spend it in half its TIME, up to
                           30s]
      --healthy-after TIME how long it serves until the delays begin anew [10s]
      --budget N/TIME      at most N restarts in any such time [10/60s]
      --clean-exits CODES  end with these, beside 0, as if nothing were wrong: 3,4
      --fatal-exits CODES  end with these, as a restart would not help: 78
      --strays WHAT        kill or keep processes that left the program's group [kill]
      --cgroup WHEN        have each instance in a cgroup of its own, by which all that it
                           started is killed at once: auto (where that can be), need or
                           off [auto]
      --on-failure COMMAND run by /bin/sh -c at each end that is a failure, beside the next
                           instance. Finds SAM_INSTANCE, SAM_DECISION (restart, budget spent,
                           fatal, quit), SAM_EXIT_STATUS or SAM_EXIT_SIGNAL, SAM_CAUSE if the
                           program was warned (overdue, probe, failed, start) and
                           SAM_LIVED_MS. Not run while the one of a failure before runs
      --on-failure-limit TIME  it is killed after that, with its process group; at its own
                           end the supervisor waits so long for it, if it is not told to
                           stop [30s]
      --no-standby         do not have a process wait that becomes the next instance: a
                           restart takes a fork longer, and a service one process less
      --outlive            let the program live on if its supervisor is killed

SIGTERM, SIGINT (Ctrl-C) and SIGQUIT stop it; a second Ctrl-C kills it. Other signals are
passed on.
      --stop-signal SIGNAL what a stop sends to it [the signal that stops the supervisor]
      --stop-limit TIME    from that to SIGKILL [10s]
      --kill-mode MODE     group: a stop is for the whole process group, and so is SIGKILL;
                           mixed: a stop is for the main process, and the rest is killed as
                           soon as that has ended; main: the main process alone, what it has
                           started goes on [group]
      --pass-signals WHO   who gets the others: main (the program's main process) or group
                           (its helpers, too) [main]

What the program finds, if not what the supervisor has:
      --env NAME=VALUE     a variable of its environment; may be given several times
      --user USER[:GROUP]  its user and group, by names or numbers, with the other groups of
                           that user; USER, LOGNAME, HOME and SHELL are set
      --cwd DIR            its working directory, entered as that user; a PROGRAM with a
                           relative path is looked for from there
      --limit NAME=LIMIT   a resource limit by its name in prlimit(1): nofile=4096,
                           core=unlimited, nofile=1024:4096 (soft and hard); may be given
                           several times
Probes have none of these.

What is told:
      --status FILE        keep a file that `sam status FILE` shows
      --events FILE        append what happens, one JSON object a line
      --reopen-signal SIGNAL  opens that file anew by its name, as rotation of logs wants
                           it; it is passed on to the program as well [SIGHUP]
      --quiet              nothing on standard error
  -h, --help               this

Of sd_notify(3) it knows READY=1, STOPPING=1, WATCHDOG=1, WATCHDOG=trigger, STATUS=,
WATCHDOG_USEC= (until the instance ends; 0 for none),
EXTEND_TIMEOUT_USEC= (of a start, and of an end of its own), BARRIER=1 and MAINPID=: a
process of the program's process group that it names gets its signals from then on, and
when the one before has ended, its end is the program's. So gunicorn is upgraded (SIGUSR2)
if its when_ready says MAINPID= and --notify group is given. Under a service manager that sets NOTIFY_SOCKET it says READY=1, STATUS=, WATCHDOG=1 (while the program is
well) and STOPPING=1 itself. SAM_... variables are passed on, for programs that are
linked with sam.

Exit status, if not the program's:
    1    the restarts are spent, and the last instance ended with 0 when it was warned
    64   the arguments make no sense
    69   this system cannot do that (a cgroup that is needed, for one)
    70   the status file is kept by another supervisor; or another misuse
    71   the system refused something; no instance could be made
    73   there is no room for what is to be stored
    75   an answer did not come in time
    126  the program cannot be executed
    127  the program is not there
";

/// Of `sam status`.
pub(crate) const STATUS: &str = "\
Shows how a supervised program is doing, by the status file of its supervisor (that of
`sam run --status FILE`, SAM_STATUS=FILE or Builder::status).

Usage:
  sam status [OPTIONS] FILE

Options:
      --json    one line of JSON: what is in the file, whether the program serves,
                whether what the file says is current, and whether its supervisor lives
                (null if that cannot be seen from here)
      --watch   again at each change, until the supervisor is done
  -h, --help    this

Exit status: 0 it serves; 1 it does not, yet or any more; 2 the file is not there or says
nothing; 3 its supervisor is gone without having said so; 4 what it says is old: its
supervisor cannot write it; 64 the arguments make no sense; 71 standard output cannot be
written.
";

/// Of `sam stop`.
pub(crate) const STOP: &str = "\
Stops a supervised program and its supervisor, by the supervisor's status file, and waits
until the supervisor has ended.

Usage:
  sam stop [OPTIONS] FILE

Options:
      --no-wait  do not wait for the end
  -h, --help     this

Exit status: 0 it was stopped; 2 the file is not there or says nothing; 3 its supervisor is
gone; 64 the arguments make no sense; 71 the system refused it.
";

/// Of `sam restart`.
pub(crate) const RESTART: &str = "\
Ends a supervised program as a stop does (by --stop-signal, else SIGTERM; killed after
--stop-limit) and begins the next instance, by the supervisor's status file. Waits until
that has begun. It happens whatever the status of the program is, and is not counted
against --budget; while a restart waits for its delay, it comes at once.

Usage:
  sam restart [OPTIONS] FILE

Options:
      --no-wait  do not wait for the next instance
  -h, --help     this

Exit status: 0 the next has begun; 2 the file is not there or says nothing; 3 its supervisor
is gone, or ends, as it is being stopped; 64 the arguments make no sense; 71 the system
refused it.
";

/// Of `sam signal`.
pub(crate) const SIGNAL: &str = "\
Sends a signal to a supervisor, by its status file. SIGTERM, SIGINT and SIGQUIT stop it and
its program; it passes others on to the program, such as SIGHUP for a reload.

Usage:
  sam signal FILE SIGNAL

Options:
  -h, --help     this

Exit status: 0 it was sent; 2 the file is not there or says nothing; 3 its supervisor is
gone; 64 the arguments make no sense; 71 the system refused it.
";
