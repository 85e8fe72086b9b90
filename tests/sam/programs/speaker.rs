//! A program that is not linked with sam, speaks `sd_notify(3)` and follows a script. The script of instance N
//! is its N-th argument, or the last. `;` separates statements.

use std::{
    env,
    io::{self, Write as _},
    os::{
        fd::AsRawFd as _,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    process, ptr,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

fn instance() -> usize {
    env::var("SAM_INSTANCE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn say(text: &str) {
    let line = format!("{} {text}\n", instance());
    // One write for each line, so lines of several processes do not mix.
    let _ = io::stdout().write_all(line.as_bytes());
    let _ = io::stdout().flush();
}

fn main() {
    let scripts: Vec<String> = env::args().skip(1).collect();
    let script = scripts.get(instance() - 1).or(scripts.last()).cloned().unwrap_or_default();
    for statement in script.split(';') {
        let (verb, rest) = statement.trim().split_once(' ').unwrap_or((statement.trim(), ""));
        act(verb, rest);
    }
}

fn address() -> SocketAddr {
    let name = env::var("NOTIFY_SOCKET").expect("NOTIFY_SOCKET is set");
    match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).unwrap(),
        None => SocketAddr::from_pathname(name).unwrap(),
    }
}

/// `|` stands for the end of a line, `$$` for the number of this process.
fn notify(text: &str) {
    let socket = UnixDatagram::unbound().unwrap();
    let text = text.replace('|', "\n").replace("$$", &process::id().to_string());
    socket.send_to_addr(text.as_bytes(), &address()).unwrap();
}

/// Waits until everything that was sent before has been read: sends one end of a pipe, and waits until no
/// process has that end any more.
fn barrier() {
    let (mut ours, theirs) = io::pipe().unwrap();
    let socket = UnixDatagram::unbound().unwrap();
    socket.connect_addr(&address()).unwrap();
    let mut text = *b"BARRIER=1";
    let mut iov = libc::iovec { iov_base: text.as_mut_ptr().cast(), iov_len: text.len() };
    let mut control = [0_u64; 8];
    // SAFETY: zeros are a valid msghdr.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut iov;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    // SAFETY: CMSG_SPACE only computes.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(4) } as _;
    // SAFETY: there is room for one header.
    let first = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    // SAFETY: CMSG_LEN only computes.
    let len = unsafe { libc::CMSG_LEN(4) };
    let cmsg = libc::cmsghdr { cmsg_len: len as _, cmsg_level: libc::SOL_SOCKET, cmsg_type: libc::SCM_RIGHTS };
    // SAFETY: `first` points to aligned room for it.
    unsafe { first.write(cmsg) };
    // SAFETY: the data follows the header.
    let data = unsafe { libc::CMSG_DATA(first) };
    // SAFETY: there is room for four bytes.
    unsafe { data.cast::<i32>().write_unaligned(theirs.as_raw_fd()) };
    // SAFETY: `header` points to what outlives the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) };
    assert!(sent > 0, "{}", io::Error::last_os_error());
    drop(theirs);
    // The end of the pipe is read when its last writer is closed.
    io::copy(&mut ours, &mut io::sink()).unwrap();
}

/// Sends from a child that ends at once.
fn brief(text: &str) {
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        notify(text);
        process::exit(0);
    }
    // SAFETY: waits for the child, without its status.
    unsafe { libc::waitpid(child, ptr::null_mut(), 0) };
}

/// Sends from a child, which waits until the message has been read.
fn helper(text: &str, own_group: bool) {
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        if own_group {
            // SAFETY: takes no pointers.
            unsafe { libc::setpgid(0, 0) };
        }
        notify(text);
        barrier();
        process::exit(0);
    }
    // SAFETY: waits for the child, without its status.
    unsafe { libc::waitpid(child, ptr::null_mut(), 0) };
}

/// Goes on beside a child that follows a script of its own, whose statements are separated by `,`.
fn heir(script: &str) {
    // SAFETY: this process has one thread.
    if unsafe { libc::fork() } == 0 {
        CAUGHT.store(0, Ordering::Relaxed);
        for statement in script.split(',') {
            let (verb, rest) = statement.trim().split_once(' ').unwrap_or((statement.trim(), ""));
            act(verb, rest);
        }
        process::exit(0);
    }
}

fn millis(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap_or_else(|_| panic!("{text} is no number of milliseconds")))
}

fn number(text: &str) -> i32 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

static CAUGHT: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: i32) {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
    let line = b"caught\n";
    // SAFETY: the bytes outlive the call.
    unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
}

fn act(verb: &str, rest: &str) {
    match verb {
        "say" => say(rest),
        "heir" => heir(rest),
        // Leaves the group for one of its own.
        "leave" => {
            // SAFETY: takes no pointers.
            unsafe { libc::setpgid(0, 0) };
        }
        "reap" => {
            // SAFETY: waits for a child, without its status.
            unsafe { libc::wait(ptr::null_mut()) };
        }
        // Writes its process id.
        "record" => std::fs::write(rest, format!("{}\n", process::id())).unwrap(),
        "pid" => say(&format!("pid {}", process::id())),
        // Prints a variable of the environment.
        "env" => say(&format!("{rest} {:?}", env::var(rest).ok())),
        // Prints whether the watchdog is meant for this process.
        "mine" => say(&format!("mine {}", env::var("WATCHDOG_PID") == Ok(process::id().to_string()))),
        "notify" => notify(rest),
        "barrier" => barrier(),
        "helper" => helper(rest, false),
        "brief" => brief(rest),
        "stranger" => helper(rest, true),
        "sleep" => thread::sleep(millis(rest)),
        // Says for a time that it is well, at intervals.
        "beats" => {
            let (time, every) = rest.split_once(' ').expect("the statement has a time and an interval");
            let end = Instant::now() + millis(time);
            while Instant::now() < end {
                notify("WATCHDOG=1");
                thread::sleep(millis(every));
            }
        }
        "ignore" => {
            // SAFETY: ignoring needs no handler.
            unsafe { libc::signal(number(rest), libc::SIG_IGN) };
        }
        "catch" => {
            let handler: extern "C" fn(i32) = count;
            // SAFETY: the handler only writes.
            unsafe { libc::signal(number(rest), handler as libc::sighandler_t) };
        }
        "hang" => loop {
            thread::sleep(Duration::from_secs(1));
        },
        // Waits for a signal that is caught, or was caught since the last time.
        "pause" => {
            while CAUGHT.load(Ordering::Relaxed) == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            CAUGHT.fetch_sub(1, Ordering::Relaxed);
        }
        "exit" => process::exit(number(rest)),
        "kill" => {
            // SAFETY: takes no pointers.
            unsafe { libc::kill(process::id().cast_signed(), number(rest)) };
        }
        "" => {}
        _ => panic!("there is no statement {verb}"),
    }
}
