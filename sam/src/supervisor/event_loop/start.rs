//! Makes a process a supervisor: everything that allocates, or may fail, comes here, before the first fork.

use std::{
    ffi::CString,
    io::{self, Write as _},
    os::unix::ffi::OsStrExt as _,
};

use super::{Supervisor, ring::Events, shell::look_for_shell};
use crate::{
    app::app,
    error::{Error, Result},
    options::Options,
    shared::{self, Vault, now},
    state::State,
    supervisor::{
        kernel::{
            cgroup::Cgroups, file_pages::FilePages, huge_pages, signals, subreaper::Children, surroundings::Prepared,
            sys, terminal::Terminal, tsc::Tsc,
        },
        protocols::{journal::Journal, notify_client::NotifyClient, notify_server::NotifyServer},
    },
    time::Time,
    wire::Kept,
};

impl Supervisor {
    pub(in crate::supervisor) fn new(options: Options) -> Result<Supervisor> {
        let mut policy = options.policy(sys::random())?;
        if options.probe.is_some() {
            look_for_shell("probes")?;
        }
        if options.on_failure.is_some() {
            look_for_shell("commands on a failure")?;
        }
        shared::look_at_limit()?;
        let failed = |what| move |error| Error::io(what, error);
        let vault = Vault::create(options.store_limit).map_err(failed("cannot create the memory for stored data"))?;
        vault.fill(app().stored()?.as_deref()).map_err(failed("cannot store what the program has stored before"))?;
        let notify_server = NotifyServer::open(&options).map_err(failed("cannot create a socket for sd_notify"))?;
        let pid_file = options.pid_file.as_ref().map(|file| CString::new(file.as_os_str().as_bytes())).transpose();
        let pid_file =
            pid_file.map_err(|error| Error::io("the path of pid-file has a zero byte; give another", error))?;
        let surroundings = Prepared::new(&options.surroundings);
        let journal = Journal::open(&options)?;
        if policy.is_endless() {
            journal.say(format_args!(
                "the budget cannot be spent with that backoff, so a program that fails at once is restarted for \
                 ever; give a shorter longest delay, or fewer restarts in a longer time"
            ));
        }
        // So that neither the supervisor nor a second instance writes buffered output again.
        let _ = io::stdout().flush();
        // SAFETY: all streams of C, in a process of one thread.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        // Orphans of an instance become this process's children, not those of process 1.
        sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1).map_err(failed("cannot become a subreaper"))?;
        let signals = signals::signal_fd().map_err(failed("cannot create a descriptor for signals"))?;
        let children = Children::now().map_err(failed("cannot read the list of this process's children"))?;
        let cgroups = Cgroups::open(&options)?;
        // The last thing that can fail: a program that goes on without a supervisor has its signals as before.
        let mask = signals::block_all().map_err(failed("cannot block signals"))?;
        let terminal = Terminal::open();
        policy.terminal = terminal.is_there();
        policy.ignored = [libc::SIGINT, libc::SIGQUIT].map(|signal| (signal, signals::is_ignored(signal)));
        app().forget_own();
        if options.gathers() {
            huge_pages::collapse_memory();
        }
        let file_pages = FilePages::look();
        file_pages.give_back();
        Ok(Supervisor {
            state: State::new(policy, now()),
            events: Events::new(),
            pid: std::process::id().cast_signed(),
            mask,
            // With an inherited SIG_IGN the kernel would reap children unseen.
            child_signal: signals::set_default(libc::SIGCHLD),
            signals,
            is_behind: false,
            terminal,
            children,
            cgroups,
            vault,
            kept: Kept::new(),
            tsc: Tsc::new(),
            file_pages,
            instance: None,
            standby: None,
            newest_standby: 0,
            predecessor: None,
            remains: None,
            idle_after: Time(0),
            probe: None,
            failure_command: None,
            journal,
            notify_client: NotifyClient::open(),
            notify_server,
            pid_file,
            surroundings,
            options,
        })
    }
}
