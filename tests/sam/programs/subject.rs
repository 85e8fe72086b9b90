//! A supervised program that follows a script. The script of instance N is its N-th argument, or the last. `;`
//! separates statements. Each line that it prints goes to standard output at once, after the instance's number.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::parent_id,
    process, ptr,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// A bit for each signal.
static CAUGHT: AtomicU64 = AtomicU64::new(0);

extern "C" fn catch(signal: i32) {
    CAUGHT.fetch_or(1 << (signal - 1), Ordering::Relaxed);
}

/// Whether the signal came since the last call for it.
fn caught(signal: i32) -> bool {
    let bit = 1 << (signal - 1);
    CAUGHT.fetch_and(!bit, Ordering::Relaxed) & bit != 0
}

/// How often the supervisor asked and was answered.
static ANSWERS: AtomicU32 = AtomicU32::new(0);

fn say(text: &str) {
    let line = format!("{} {text}\n", sam::app().instance());
    // One write for each line, so lines of several processes do not mix.
    let _ = std::io::stdout().write_all(line.as_bytes());
    let _ = std::io::stdout().flush();
}

/// Closes standard streams, which are given as digits.
fn close_all_of(numbers: &str) {
    for number in numbers.split_whitespace() {
        // SAFETY: nothing of this program owns a standard stream.
        unsafe { libc::close(number.parse().unwrap()) };
    }
}

fn main() -> process::ExitCode {
    close_all_of(&env::var("SUBJECT_CLOSES").unwrap_or_default());
    let builder = sam::Builder::new().ready_at_start(env::var_os("SUBJECT_SAYS_READY").is_none());
    if let Err(error) = builder.supervise() {
        eprintln!("subject: {error}");
        return error.kind().exit_status().into();
    }
    let scripts: Vec<String> = env::args().skip(1).collect();
    let instance = usize::try_from(sam::app().instance()).unwrap();
    let script = scripts.get(instance - 1).or(scripts.last()).cloned().unwrap_or_default();
    for statement in script.split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        if let Some((verb, rest)) = words.split_first() {
            act(verb, rest);
        }
    }
    process::ExitCode::SUCCESS
}

fn millis(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap_or_else(|_| panic!("{text} is no number of milliseconds")))
}

fn kept_name(index: i32) -> String {
    format!("{index:02}{}", "\u{1}".repeat(61))
}

fn number(text: &str) -> i32 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

#[allow(clippy::too_many_lines, reason = "a flat list of verbs")]
fn act(verb: &str, rest: &[&str]) {
    let app = sam::app();
    match (verb, rest) {
        ("say", _) => say(&rest.join(" ")),
        ("pid", []) => say(&format!("pid {}", process::id())),
        ("start", []) => app.resume_checks(),
        ("stop", []) => app.pause_checks(),
        ("ready", []) => app.ready(),
        ("beat", []) => app.beat(),
        // Beats for a time, at intervals.
        ("beats", [time, every]) => {
            let end = Instant::now() + millis(time);
            while Instant::now() < end {
                app.beat();
                thread::sleep(millis(every));
            }
        }
        // Beats a number of times, as fast as it can.
        ("burst", [count]) => (0..number(count)).for_each(|_| app.beat()),
        // Beats until one comes later than that after the one before.
        ("late", [gap]) => {
            let mut last = Instant::now();
            while last.elapsed() < millis(gap) {
                last = Instant::now();
                app.beat();
                thread::sleep(Duration::from_millis(5));
            }
            app.beat();
        }
        // From here on a thread of the library answers for it.
        ("callback", []) => {
            let answer = || {
                ANSWERS.fetch_add(1, Ordering::Relaxed);
                true
            };
            app.set_callback(answer).unwrap();
        }
        // Waits for a number of questions, and says whether they came more often than once an interval. The
        // first question may have come before.
        ("answers", [count, interval]) => {
            let (before, began) = (ANSWERS.load(Ordering::Relaxed), Instant::now());
            let so_far = || ANSWERS.load(Ordering::Relaxed) - before;
            while so_far() < number(count).unsigned_abs() {
                thread::sleep(Duration::from_millis(1));
            }
            let (answers, time) = (so_far(), began.elapsed());
            say(&format!(
                "asked {}",
                if millis(interval) * answers.saturating_sub(2) <= time { "in measure" } else { "too often" }
            ));
        }
        ("sleep", [time]) => thread::sleep(millis(time)),
        ("hang", []) => loop {
            thread::sleep(Duration::from_secs(1));
        },
        ("spin", []) => loop {
            std::hint::spin_loop();
        },
        ("exit", [code]) => process::exit(number(code)),
        ("abort", []) => process::abort(),
        ("panic", []) => panic!("as told"),
        ("segv", []) => {
            // SAFETY: none; this is the fault that the test wants.
            unsafe { ptr::null_mut::<u8>().write_volatile(1) };
        }
        ("kill", [signal]) => {
            // SAFETY: takes no pointers.
            unsafe { libc::kill(process::id().cast_signed(), number(signal)) };
        }
        ("fail", []) => app.mark_failed(),
        ("finalize", []) => app.finalize(),
        ("warn", [signal]) => app.set_warn_signal(number(signal)).unwrap(),
        ("ignore", [signal]) => {
            // SAFETY: ignoring needs no handler.
            unsafe { libc::signal(number(signal), libc::SIG_IGN) };
        }
        ("catch", [signal]) => {
            let handler: extern "C" fn(i32) = catch;
            // SAFETY: the handler only stores to an atomic.
            unsafe { libc::signal(number(signal), handler as libc::sighandler_t) };
        }
        // Restores the default action. Rust's runtime ignores SIGPIPE, and the process that spawned this one
        // ignores the two signals of the C library, which the C library's functions do not change.
        ("default", [signal]) => {
            let default = [0_u64; 4];
            // SAFETY: the kernel reads no more than that; zeros are SIG_DFL, without flags.
            unsafe { libc::syscall(libc::SYS_rt_sigaction, number(signal), default.as_ptr(), ptr::null::<u64>(), 8) };
        }
        // Waits, without beats, until a signal is caught.
        ("await", [signal]) => {
            while !caught(number(signal)) {
                thread::sleep(Duration::from_millis(1));
            }
            say(&format!("caught {signal}"));
        }
        // The same, with beats.
        ("serve", [signal]) => {
            while !caught(number(signal)) {
                app.beat();
                thread::sleep(Duration::from_millis(1));
            }
            say(&format!("caught {signal}"));
        }
        ("store", _) => app.store(rest.join(" ").as_bytes()).unwrap(),
        // Stores for a time, at intervals, and gives no other sign of life.
        ("stores", [time, every]) => {
            let end = Instant::now() + millis(time);
            while Instant::now() < end {
                app.store(&[7; 100_000]).unwrap();
                thread::sleep(millis(every));
            }
        }
        ("stored", []) => {
            say(&format!("stored {}", String::from_utf8_lossy(&app.stored().unwrap().unwrap_or_default())))
        }
        ("previous", []) => match app.previous_exit() {
            None => say("previous none"),
            Some(report) => {
                say(&format!("previous {:?} hung {:?} failed {}", report.exit, report.hung, report.failed));
            }
        },
        // Keeps a number of descriptors, under names that are long in the status file.
        ("keep", [count]) => {
            let file = fs::File::open("/dev/null").unwrap();
            (0..number(count)).for_each(|index| app.keep_fd(&kept_name(index), &file).unwrap());
        }
        ("close_too", numbers) => close_all_of(&numbers.join(" ")),
        ("take", []) => {
            let fd = app.take_fd(&kept_name(0)).unwrap().unwrap();
            process::exit(i32::from(std::os::fd::AsRawFd::as_raw_fd(&fd) <= 2));
        }
        ("forget", [count]) => {
            (0..number(count)).for_each(|index| assert!(app.drop_fd(&kept_name(index)).unwrap()));
        }
        ("check", [name, deadline]) => {
            // The check lives until the end of the process.
            std::mem::forget(app.check(name, millis(deadline)).unwrap());
        }
        // Drops a check when the signal is caught, without a beat.
        ("check_until", [name, deadline, signal]) => {
            let check = app.check(name, millis(deadline)).unwrap();
            while !caught(number(signal)) {
                thread::sleep(Duration::from_millis(1));
            }
            drop(check);
        }
        // Forks a child that sleeps, with all inherited descriptors open.
        ("fork", []) => {
            // SAFETY: this process has one thread.
            match unsafe { libc::fork() } {
                0 => loop {
                    thread::sleep(Duration::from_secs(1));
                },
                child => say(&format!("forked {child}")),
            }
        }
        // Forks such a child in a session of its own, as a daemon is.
        ("stray", []) => {
            // SAFETY: this process has one thread.
            match unsafe { libc::fork() } {
                0 => {
                    // SAFETY: takes no pointers.
                    unsafe { libc::setsid() };
                    loop {
                        thread::sleep(Duration::from_secs(1));
                    }
                }
                child => {
                    // SAFETY: takes no pointers.
                    while unsafe { libc::getsid(child) } != child {
                        thread::sleep(Duration::from_millis(1));
                    }
                    say(&format!("strayed {child}"));
                }
            }
        }
        // Has the kernel not kill it when its supervisor dies, as after a change of its user.
        ("immune", []) => {
            let none: libc::c_ulong = 0;
            // SAFETY: the option takes no pointers.
            assert_eq!(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, none, none, none, none) }, 0);
        }
        // Writes to each standard stream, whether it is open or not.
        ("scribble", []) => {
            for stream in 0..=2 {
                let text = "not for the data".repeat(100);
                // SAFETY: the text outlives the call.
                unsafe { libc::pwrite(stream, text.as_ptr().cast(), text.len(), 0) };
                // SAFETY: as above.
                unsafe { libc::write(stream, text.as_ptr().cast(), text.len()) };
            }
        }
        // Writes the stored data to a file.
        ("stored", [file]) => fs::write(file, app.stored().unwrap().unwrap_or_default()).unwrap(),
        // Writes its signal settings and descriptors to a file.
        ("inventory", [file]) => {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let lines = status.lines().filter(|line| line.starts_with("SigIgn") || line.starts_with("SigBlk"));
            fs::write(file, lines.collect::<Vec<_>>().join("\n")).unwrap();
        }
        // Forks a number of children of children, a hundred at a time, each of which ends when its parent has
        // ended.
        ("orphans", [count]) => {
            for _ in 0..number(count) / 100 {
                orphan_a_hundred();
            }
            say("orphaned");
        }
        // Forks a child in a session of its own that fills standard error for ever.
        ("babble", []) => {
            // SAFETY: this process has one thread.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: takes no pointers.
                unsafe { libc::setsid() };
                while std::io::stderr().write_all(&[b'.'; 4096]).is_ok() {}
                process::exit(0);
            }
            // SAFETY: takes no pointers.
            while unsafe { libc::getsid(child) } != child {
                thread::sleep(Duration::from_millis(1));
            }
            say(&format!("babbles {child}"));
        }
        // Signals its supervisor for ever, as fast as it can.
        ("flood", [signal]) => {
            let value = libc::sigval { sival_ptr: ptr::null_mut() };
            loop {
                // SAFETY: takes no pointers that are followed.
                unsafe { libc::sigqueue(parent_id().cast_signed(), number(signal), value) };
            }
        }
        // Forks a child whose parent leaves the group and does not wait for it.
        ("zombie", []) => {
            // SAFETY: this process has one thread.
            match unsafe { libc::fork() } {
                0 => {
                    // SAFETY: what owns those descriptors is used no more.
                    unsafe { libc::close_range(3, u32::MAX, 0) };
                    // SAFETY: this process has one thread.
                    if unsafe { libc::fork() } != 0 {
                        // SAFETY: takes no pointers.
                        unsafe { libc::setsid() };
                        say(&format!("parent {}", process::id()));
                    }
                    loop {
                        thread::sleep(Duration::from_secs(1));
                    }
                }
                child => {
                    // SAFETY: takes no pointers.
                    while unsafe { libc::getsid(child) } != child {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            }
        }
        // Reads a line of standard input.
        ("read", []) => {
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            say(&format!("read {} {}", line.trim_end(), read.is_ok()));
        }
        // Puts a child's group in the foreground of the terminal, as a shell does.
        ("delegate", []) => {
            // SAFETY: this process has one thread.
            let child = unsafe { libc::fork() };
            if child == 0 {
                loop {
                    thread::sleep(Duration::from_secs(1));
                }
            }
            // SAFETY: takes no pointers.
            unsafe { libc::setpgid(child, child) };
            // SAFETY: ignoring needs no handler.
            unsafe { libc::signal(libc::SIGTTOU, libc::SIG_IGN) };
            // SAFETY: takes no pointers.
            assert_eq!(unsafe { libc::tcsetpgrp(0, child) }, 0);
        }
        // Closes everything but the standard streams.
        ("close", []) => {
            // SAFETY: what owns those descriptors is used no more.
            unsafe { libc::close_range(3, u32::MAX, 0) };
        }
        ("timer", [every]) => {
            let every = millis(every);
            let every = libc::timeval { tv_sec: 0, tv_usec: i64::from(every.subsec_micros()) };
            let timer = libc::itimerval { it_interval: every, it_value: every };
            // SAFETY: the value is initialised.
            unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut()) };
        }
        ("listen", [file]) => {
            let listener = app.listener("127.0.0.1:0").unwrap();
            // The file is replaced as a whole, so readers find a whole port.
            fs::write(format!("{file}.new"), listener.local_addr().unwrap().port().to_string()).unwrap();
            fs::rename(format!("{file}.new"), file).unwrap();
            app.resume_checks();
            answer(&listener);
        }
        ("threads", []) => {
            thread::spawn(|| thread::sleep(Duration::from_secs(3600)));
        }
        _ => panic!("there is no statement {verb} {rest:?}"),
    }
}

/// Sends each byte back, on any number of connections.
fn answer(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    let mut open: Vec<TcpStream> = Vec::new();
    loop {
        sam::app().beat();
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true).unwrap();
            open.push(stream);
        }
        open.retain_mut(|stream| {
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(0) => false,
                Ok(_) => stream.write_all(&byte).is_ok(),
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            }
        });
        thread::sleep(Duration::from_micros(200));
    }
}

fn orphan_a_hundred() {
    // SAFETY: takes no pointers.
    let parent = unsafe { libc::fork() };
    if parent != 0 {
        // SAFETY: no status is asked for.
        assert_eq!(unsafe { libc::waitpid(parent, ptr::null_mut(), 0) }, parent);
        return;
    }
    let parent = process::id();
    for _ in 0..100 {
        // SAFETY: this process has one thread.
        if unsafe { libc::fork() } == 0 {
            while parent_id() == parent {
                // SAFETY: takes no pointers.
                unsafe { libc::sched_yield() };
            }
            // SAFETY: nothing of the instance's runs.
            unsafe { libc::_exit(0) };
        }
    }
    // SAFETY: as above.
    unsafe { libc::_exit(0) };
}
