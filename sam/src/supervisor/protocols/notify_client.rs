//! The client of a service manager above, by the protocol of `sd_notify(3)`: the supervisor says when the
//! application is ready, that it is well, and that it stops.
//!
//! The variables of the environment that name the manager are for the supervisor; instances do not find
//! them.

use std::{
    env,
    fmt::Write as _,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

use crate::{
    state::{Stage, State},
    supervisor::text::Text,
    time::Time,
};

/// How long the supervisor waits before it sends again what the manager had no room for.
const AGAIN: Duration = Duration::from_millis(100);

/// The way to a service manager, if there is one.
#[derive(Debug, Default)]
pub(crate) struct NotifyClient {
    manager: Option<Manager>,
    /// Half of the time that the manager waits for a sign of life.
    half: Option<Duration>,
    /// When the next sign of life is due.
    next: Option<Time>,
    owed: Owed,
    /// When to send what is owed again.
    again: Option<Time>,
}

/// A service manager. Each message carries its address, because a manager that begins anew binds a new socket
/// there.
#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

/// What the supervisor has not told the manager yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Owed {
    status: bool,
    ready: bool,
    stopping: bool,
}

impl NotifyClient {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`. A manager that cannot be reached counts as
    /// none.
    pub(crate) fn open() -> NotifyClient {
        let manager = Manager::look();
        let is_ours = env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let micros: Option<u64> = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        let half = micros.filter(|micros| manager.is_some() && is_ours && *micros > 1);
        let half = half.map(|micros| Duration::from_micros(micros / 2));
        NotifyClient { manager, half, next: half.map(|_| Time(0)), ..NotifyClient::default() }
    }

    /// When a sign of life is due, or something is to be sent again. While the instance is not well the
    /// supervisor gives no sign of life, so that the manager notices.
    pub(crate) fn due(&self, state: &State) -> Time {
        self.life_due(state).min(self.again.unwrap_or(Time::NEVER))
    }

    fn life_due(&self, state: &State) -> Time {
        match (self.next, state.stage()) {
            (Some(next), Stage::Living | Stage::Waiting { .. } | Stage::Spawning) => next,
            _ => Time::NEVER,
        }
    }

    /// Tells the manager what a step has changed. `said` is how the instance describes itself.
    pub(crate) fn tell(&mut self, before: &State, after: &State, said: &[u8], now: Time) {
        if self.manager.is_none() {
            return;
        }
        let is_left = |state: &State| matches!(state.stage(), Stage::Left { .. });
        let is_stopping = |state: &State| state.stop_signal().is_some() || is_left(state);
        self.owed.status |= before.stage_name() != after.stage_name();
        // A manager that hears late hears only what is still true.
        self.owed.ready = after.serves() && (self.owed.ready || !before.serves());
        self.owed.stopping |= is_stopping(after) && !is_stopping(before);
        if self.owed != Owed::default() || self.due(after) <= now {
            self.send(after, said, now);
        }
    }

    /// Tells the manager how the instance describes itself.
    pub(crate) fn pass_on(&mut self, state: &State, said: &[u8], now: Time) {
        self.owed.status = true;
        self.send(state, said, now);
    }

    fn send(&mut self, state: &State, said: &[u8], now: Time) {
        let Some(manager) = &self.manager else { return };
        let mut text = Text::<512>::new();
        // Writing cuts off and never fails; the words that matter come first.
        if self.owed.ready {
            let _ = writeln!(text, "READY=1");
        }
        if self.owed.stopping {
            let _ = writeln!(text, "STOPPING=1");
        }
        let lives = self.half.filter(|_| self.life_due(state) <= now);
        if lives.is_some() {
            let _ = writeln!(text, "WATCHDOG=1");
        }
        if self.owed.status {
            let _ = write!(text, "STATUS=instance {} is {}", state.instance(), state.stage_name());
            if let Ok(said) = str::from_utf8(said)
                && !said.is_empty()
            {
                let _ = write!(text, ": {said}");
            }
        }
        if text.as_bytes().is_empty() {
            self.again = None;
            return;
        }
        // The socket does not block.
        match manager.socket.send_to_addr(text.as_bytes(), &manager.address) {
            Ok(_) => {
                self.owed = Owed::default();
                self.again = None;
                if let Some(half) = lives {
                    self.next = Some(now.after(half));
                }
            }
            Err(_) => {
                self.again = Some(now.after(AGAIN));
                if lives.is_some() {
                    self.next = self.again;
                }
            }
        }
    }
}

/// Hides the manager from this process, which is an instance or a command.
pub(crate) fn hide() {
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        // SAFETY: the child of a fork of a process of one thread has one thread.
        unsafe { env::remove_var(name) };
    }
}

impl Manager {
    fn look() -> Option<Manager> {
        let name = env::var_os("NOTIFY_SOCKET")?;
        let address = match name.as_encoded_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            [b'/', ..] => SocketAddr::from_pathname(&name),
            _ => return None,
        };
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Manager { socket, address: address.ok()? })
    }
}
