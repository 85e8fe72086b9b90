//! A supervised program that does what it is told: the script of instance N is its N-th
//! argument, or the last. Statements are separated by `;`, and each line that it says goes
//! to standard output at once, behind the instance's number.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::parent_id,
    process, ptr,
    sync::atomic::{AtomicI32, Ordering},
    thread,
    time::{Duration, Instant},
};

static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn catch(signal: i32) {
    CAUGHT.store(signal, Ordering::Relaxed);
}

fn say(text: &str) {
    let line = format!("{} {text}\n", sam::app().instance());
    // One write: lines of several processes do not mix.
    let _ = std::io::stdout().write_all(line.as_bytes());
    let _ = std::io::stdout().flush();
}

fn main() -> process::ExitCode {
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

fn number(text: &str) -> i32 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

#[allow(clippy::too_many_lines, reason = "a flat list of verbs")]
fn act(verb: &str, rest: &[&str]) {
    let app = sam::app();
    match (verb, rest) {
        ("say", _) => say(&rest.join(" ")),
        ("pid", []) => say(&format!("pid {}", process::id())),
        ("start", []) => app.start(),
        ("stop", []) => app.stop(),
        ("ready", []) => app.ready(),
        ("beat", []) => app.beat(),
        // Beats for so long, so often.
        ("beats", [time, every]) => {
            let end = Instant::now() + millis(time);
            while Instant::now() < end {
                app.beat();
                thread::sleep(millis(every));
            }
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
        // Waits, without beats, until a signal is caught.
        ("await", [signal]) => {
            while CAUGHT.load(Ordering::Relaxed) != number(signal) {
                thread::sleep(Duration::from_millis(1));
            }
            CAUGHT.store(0, Ordering::Relaxed);
            say(&format!("caught {signal}"));
        }
        // The same, with beats.
        ("serve", [signal]) => {
            while CAUGHT.load(Ordering::Relaxed) != number(signal) {
                app.beat();
                thread::sleep(Duration::from_millis(1));
            }
            CAUGHT.store(0, Ordering::Relaxed);
            say(&format!("caught {signal}"));
        }
        ("store", _) => app.store(rest.join(" ").as_bytes()).unwrap(),
        // Stores for so long, so often, and gives no other sign of life.
        ("stores", [time, every]) => {
            let end = Instant::now() + millis(time);
            while Instant::now() < end {
                app.store(&[7; 100_000]).unwrap();
                thread::sleep(millis(every));
            }
        }
        ("stored", []) => say(&format!("stored {}", String::from_utf8_lossy(&app.stored().unwrap()))),
        ("previous", []) => match app.previous_exit() {
            None => say("previous none"),
            Some(report) => {
                say(&format!("previous {:?} hung {:?} failed {}", report.ending, report.hung, report.failed));
            }
        },
        ("check", [name, deadline]) => {
            // Lives until the end of the process.
            std::mem::forget(app.check(name, millis(deadline)).unwrap());
        }
        // A child that sleeps, with everything that it inherits open.
        ("fork", []) => {
            // SAFETY: this process has one thread.
            match unsafe { libc::fork() } {
                0 => loop {
                    thread::sleep(Duration::from_secs(1));
                },
                child => say(&format!("forked {child}")),
            }
        }
        // The same, in a session of its own, as a daemon.
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
        // So many children of children, hundred at a time, each of which ends when its parent
        // has gone.
        ("orphans", [count]) => {
            for _ in 0..number(count) / 100 {
                orphan_a_hundred();
            }
            say("orphaned");
        }
        // A child in a session of its own that fills standard error for ever.
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
        // A child whose parent has left the group and does not wait for it.
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
        // A line of standard input.
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
            // Replaced as a whole, for readers.
            fs::write(format!("{file}.new"), listener.local_addr().unwrap().port().to_string()).unwrap();
            fs::rename(format!("{file}.new"), file).unwrap();
            app.start();
            answer(&listener);
        }
        ("threads", []) => {
            thread::spawn(|| thread::sleep(Duration::from_secs(3600)));
        }
        _ => panic!("there is no statement {verb} {rest:?}"),
    }
}

/// Answers each byte with the same one, for as many connections as come.
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
