//! A second opinion on a history: from the events and the actions alone it says what the
//! machine owed and what it must not have done. Of the machine it reads `deadline` only.

mod health;

use std::time::Duration;

use super::*;
use crate::time::Time;

/// What is wrong with a history.
pub(super) type Fault = &'static str;

fn ensure(holds: bool, fault: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault) }
}

#[derive(Clone, Copy, PartialEq)]
enum Life {
    Nothing { next: Time },
    Making,
    Alive,
    Left,
}

#[derive(Clone, Copy, PartialEq)]
enum Why {
    Failed,
    Probe,
    Miss { due: Time },
}

pub(super) struct Observer {
    policy: Policy,
    life: Life,
    instance: u32,
    ends: u32,
    restarts: Vec<Time>,
    stop: Option<i32>,
    stopped_at: Time,
    /// An operator asked for the next instance.
    renews: bool,
    stop_by: Time,
    killed: bool,
    halted: bool,
    suspended: bool,
    tstp: Option<Time>,
    reading: Reading,
    ready_by: Time,
    question: Option<(u64, Time)>,
    next_question: Option<Time>,
    probe_by: Option<Time>,
    next_probe: Time,
    probes_failed: u32,
    warned: Option<(Why, Time)>,
    /// When it recovered from a warning of which it is not cleared yet.
    suspect_since: Option<Time>,
    excused_until: Time,
    starved: u32,
    late_excused: bool,
    well_since: Option<Time>,
    streak: u32,
}

const BRIEF: Duration = Duration::from_millis(1);
const NEVER: Time = Time::NEVER;

impl Observer {
    pub(super) fn new(policy: Policy, now: Time) -> Observer {
        Observer {
            policy,
            life: Life::Nothing { next: now },
            instance: 1,
            ends: 0,
            restarts: Vec::new(),
            stop: None,
            stopped_at: Time(0),
            renews: false,
            stop_by: NEVER,
            killed: false,
            halted: false,
            suspended: false,
            tstp: None,
            reading: rig::PARKED,
            ready_by: NEVER,
            question: None,
            next_question: None,
            probe_by: None,
            next_probe: NEVER,
            probes_failed: 0,
            warned: None,
            suspect_since: None,
            excused_until: Time(0),
            starved: 0,
            late_excused: false,
            well_since: None,
            streak: 0,
        }
    }

    pub(super) fn left(&self) -> bool {
        self.life == Life::Left
    }

    /// One event, what it led to, and the deadlines before and after it.
    pub(super) fn see(
        &mut self,
        event: Event,
        actions: &[Action],
        planned: Time,
        deadline: Time,
        now: Time,
    ) -> Result<(), Fault> {
        if self.life == Life::Left {
            ensure(actions.is_empty(), "it acted after it had left")?;
            return ensure(deadline == NEVER, "it has a deadline after it left");
        }
        let mut must_warn = None;
        let mut must_leave = None;
        let mut stops = false;
        match event {
            Event::Spawned if self.life == Life::Making => {
                stops = self.stop.is_some();
                self.spawned(now);
            }
            Event::NotSpawned(_) if self.life == Life::Making => {
                must_leave = self.ended(None, actions, deadline, now)?;
            }
            Event::Ended(exit) if self.life == Life::Alive => {
                must_leave = self.ended(Some(exit), actions, deadline, now)?;
            }
            Event::Look(reading) if self.life == Life::Alive => {
                must_warn = self.looked(reading, planned, now);
            }
            Event::Probed(well) if self.probe_by.take().is_some() => {
                must_warn = self.probed(well, now);
            }
            Event::Unprobed if self.probe_by.take().is_some() => {
                self.next_probe = self.next_probe.max(now.after(BRIEF))
            }
            Event::Halted(signal) if self.life == Life::Alive => {
                self.halted = true;
                let asked = self.tstp.is_some_and(|at| now.since(at) <= 5 * rig::S);
                let terminal = self.policy.terminal && [20, 21, 22].contains(&signal);
                let owed = self.attended() && (asked || terminal);
                ensure(actions.contains(&Action::Suspend) == owed, "wrong about suspending")?;
                if owed {
                    (self.suspended, self.tstp) = (true, None);
                }
            }
            Event::Resumed if self.life == Life::Alive => {
                self.halted = false;
                self.continued(now);
            }
            Event::Restart if self.stop.is_none() => match self.life {
                Life::Alive if self.killed => {
                    self.renews = true;
                    ensure(actions.is_empty(), "it acted on a restart of one that is being killed")?;
                }
                Life::Alive if !self.renews => {
                    (stops, self.renews, self.suspended) = (true, true, false);
                    self.stop_by = now.after(self.policy.stop_limit);
                    if let Some((_, kill_at)) = self.warned {
                        self.stop_by = self.stop_by.min(kill_at);
                    }
                }
                Life::Nothing { .. } => {
                    (self.renews, self.streak) = (true, 0);
                    self.life = Life::Nothing { next: now };
                    ensure(deadline <= now, "a restart that was asked for waits")?;
                }
                _ => ensure(actions.is_empty(), "it acted on a restart that is on its way")?,
            },
            Event::HandedOver if self.life == Life::Alive => {
                ensure(actions.is_empty(), "it acted on a hand-over")?;
                self.halted &= self.suspended;
            }
            Event::Signal(signal @ (2 | 3 | 15)) if !self.policy.ignored.contains(&(signal, true)) => {
                let again = (self.stop, signal) == (Some(2), 2) && now.since(self.stopped_at) >= 100 * rig::MS;
                if self.stop.is_none() {
                    (self.stop, self.stopped_at) = (Some(signal), now);
                }
                match self.life {
                    Life::Alive if again && !self.killed => {
                        self.stop_by = now;
                        ensure(actions.contains(&Action::Kill), "a second Ctrl-C did not kill")?;
                    }
                    Life::Nothing { .. } => must_leave = Some(Exit::Signal { signal, core: false }),
                    Life::Making => self.stop_by = self.stop_by.min(now.after(self.policy.stop_limit)),
                    _ => {
                        stops = true;
                        self.stop_by = self.stop_by.min(now.after(self.policy.stop_limit));
                        if let Some((_, kill_at)) = self.warned {
                            self.stop_by = self.stop_by.min(kill_at);
                        }
                        self.suspended = false;
                    }
                }
            }
            Event::Signal(20) => {
                let waits = matches!(self.life, Life::Nothing { .. });
                let sent = actions.contains(&Action::Send { signal: 20, to: SignalTarget::Group });
                let slept = actions.contains(&Action::Suspend);
                ensure(!slept || waits || self.halted, "suspended before the instance halted")?;
                if self.attended() {
                    ensure(sent != slept, "Ctrl-Z did nothing")?;
                    self.tstp = sent.then_some(now);
                    self.suspended |= slept;
                } else {
                    let again = self.suspended && slept;
                    ensure(!sent && (slept == waits || again), "Ctrl-Z at a wrong time")?;
                }
            }
            Event::Signal(signal) if self.life == Life::Alive => {
                let to = if signal == libc::SIGCONT { SignalTarget::Group } else { self.policy.pass_to };
                let sent = actions == [Action::Send { signal, to }];
                ensure(sent, "a signal was not passed on")?;
                if signal == libc::SIGCONT {
                    self.tstp = None;
                    self.continued(now);
                }
            }
            Event::Tick => must_warn = self.probe_too_long(now),
            _ => ensure(actions.is_empty(), "it acted on what was not its business")?,
        }
        let left = actions.iter().find_map(|a| if let Action::Exit(e) = a { Some(*e) } else { None });
        ensure(left == must_leave, "it left, stayed, or left with another status than it should")?;
        let warned = actions.iter().any(|a| matches!(a, Action::Warn { .. }));
        ensure(must_warn.is_none() || warned, "a miss without a warning")?;
        ensure(!warned || must_warn.is_some(), "a warning without a miss, or of an excused one")?;
        let sent = actions.contains(&Action::Send { signal: libc::SIGCONT, to: SignalTarget::Group });
        ensure(!stops || !self.halted || sent, "a stop for a halted instance cannot arrive")?;
        let to_whom = self.policy.stop_to;
        let sent = actions.iter().any(|a| matches!(a, Action::Send { to, .. } if *to == to_whom));
        ensure(!stops || sent, "a stop was not passed on")?;
        if let Some(why) = must_warn {
            self.warn(why, now);
        }
        for &action in actions {
            self.acted(action, event, now)?;
        }
        if event == Event::Tick { self.rested(deadline, now) } else { Ok(()) }
    }

    fn spawned(&mut self, now: Time) {
        let limit = self.policy.start_limit;
        *self = Observer {
            life: Life::Alive,
            instance: self.instance,
            ends: self.ends,
            restarts: std::mem::take(&mut self.restarts),
            stop: self.stop,
            stopped_at: self.stopped_at,
            stop_by: self.stop_by,
            streak: self.streak,
            ready_by: limit.map_or(NEVER, |l| now.after(l)),
            well_since: limit.is_none().then_some(now),
            reading: Reading { phase: Phase::Starting, ..rig::PARKED },
            ..Observer::new(self.policy, now)
        };
        self.life = Life::Alive;
    }

    /// The status that it must leave with now, if it must.
    fn ended(
        &mut self,
        exit: Option<Exit>,
        actions: &[Action],
        deadline: Time,
        now: Time,
    ) -> Result<Option<Exit>, Fault> {
        self.clear(now);
        let accused = self.warned.is_some() || self.suspect_since.is_some();
        let ill = exit.is_some() && (accused || self.killed || self.reading.failed);
        if exit.is_some() {
            if self.warned.is_none() && !self.killed && self.stop.is_none() && !self.renews {
                self.credit(now);
            }
            let stopped = actions.contains(&Action::StopProbe);
            ensure(stopped == self.probe_by.is_some(), "a probe outlived its instance")?;
        }
        self.ends += 1;
        let own = match (exit, self.stop) {
            (Some(exit), _) => exit,
            (None, Some(signal)) => Exit::Signal { signal, core: false },
            (None, None) => Exit::Code(71),
        };
        let is_always = self.policy.recovery == Recovery::Always && self.stop.is_none();
        let unwatched = !is_always && !ill && self.reading.phase != Phase::Running;
        let is_clean = !ill && matches!(exit, Some(Exit::Code(code)) if code == 0 || self.policy.clean.contains(code));
        let left = actions.iter().any(|a| matches!(a, Action::Exit(_)));
        let fails = match exit {
            _ if self.stop.is_some() || self.renews => false,
            _ if self.policy.recovery == Recovery::Quit => !is_clean,
            Some(Exit::Code(code)) if self.policy.fatal.contains(code) => true,
            _ if is_always => !is_clean || left,
            Some(_) if is_clean || (!ill && self.reading.phase == Phase::Stopping) => false,
            Some(Exit::Code(_)) if unwatched && self.policy.passes_exits => false,
            _ => true,
        };
        let told = actions.contains(&Action::Failed);
        ensure(told == (fails && self.policy.tells_failures), "a failure was not told, or one that was none")?;
        if self.renews && self.stop.is_none() {
            ensure(deadline <= now, "a restart that was asked for waits")?;
            self.instance += u32::from(exit.is_some());
            (self.life, self.stop_by) = (Life::Nothing { next: now }, NEVER);
            (self.killed, self.halted, self.suspended, self.streak) = (false, false, false, 0);
            return Ok(None);
        }
        self.life = Life::Nothing { next: NEVER };
        (self.killed, self.halted, self.suspended) = (false, false, false);
        if let Some(Exit::Code(code)) = exit
            && (self.policy.fatal.contains(code)
                || (!is_always && !ill && (code == 0 || self.policy.clean.contains(code))))
        {
            return Ok(Some(own));
        }
        if exit.is_some() && !is_always && !ill && self.reading.phase == Phase::Stopping {
            return Ok(Some(own));
        }
        if self.stop.is_some() || self.policy.recovery == Recovery::Quit {
            return Ok(Some(own));
        }
        if let (Some(Exit::Code(_)), true, true) = (exit, unwatched, self.policy.passes_exits) {
            return Ok(Some(own));
        }
        let Backoff { at_once, first, max, jitter } = self.policy.backoff;
        let most = match self.streak {
            n if n < at_once => Duration::ZERO,
            n => (first * 2u32.pow((n - at_once).min(20))).min(max),
        };
        let least = most - most * u32::from(jitter) / 100;
        self.streak += 1;
        if actions.iter().any(|a| matches!(a, Action::Exit(_))) {
            ensure(!self.affords(now.after(least)), "it gave up within its budget")?;
            return Ok(Some(if own == Exit::Code(0) { Exit::Code(1) } else { own }));
        }
        let delay = deadline.since(now);
        ensure(delay >= least && delay <= most, "a delay out of the backoff's bounds")?;
        ensure(self.affords(deadline), "a restart is planned above the budget")?;
        if exit.is_some() {
            self.instance += 1;
        }
        self.life = Life::Nothing { next: deadline };
        Ok(None)
    }

    fn affords(&self, at: Time) -> bool {
        let Budget { restarts, window } = self.policy.budget;
        let recent = self.restarts.iter().filter(|&&t| at.since(t) < window).count();
        restarts > 0 && recent < usize::from(restarts)
    }

    fn acted(&mut self, action: Action, event: Event, now: Time) -> Result<(), Fault> {
        let alive = self.life == Life::Alive;
        match action {
            Action::Spawn { instance } => {
                let Life::Nothing { next } = self.life else {
                    return Err("two live instances");
                };
                ensure(self.stop.is_none(), "a new instance after the operator's stop")?;
                ensure(event == Event::Tick && now >= next, "an instance before its time")?;
                ensure(instance == self.instance, "a wrong instance number")?;
                if self.ends > 0 && !std::mem::take(&mut self.renews) {
                    ensure(self.affords(now), "more restarts than the budget has")?;
                    self.restarts.push(now);
                }
                self.renews = false;
                self.life = Life::Making;
            }
            Action::Kill => {
                ensure(alive && !self.killed, "a kill where no instance lives")?;
                let stopped = (self.stop.is_some() || self.renews) && now >= self.stop_by;
                let warned = self.warned.is_some_and(|(_, kill_at)| now >= kill_at);
                let hung = self.stop.is_none() && !self.renews && warned && !self.suspended;
                ensure(stopped || hung, "a kill before its time")?;
                self.killed = true;
            }
            Action::Ask(number) => {
                ensure(self.attended() && number != 0, "a question where no instance lives")?;
                let due = self.next_question.take().is_some_and(|at| at <= now);
                ensure(due && self.question.is_none(), "a question before its time")?;
                self.question = Some((number, now));
            }
            Action::Probe => {
                ensure(self.attended() && self.probe_by.is_none(), "two probes at once")?;
                ensure(self.next_probe <= now, "a probe before its time")?;
                let probe = self.policy.probe.ok_or("a probe that no option asks for")?;
                self.probe_by = Some(now.after(probe.limit.max(BRIEF)));
                self.next_probe = now.after(self.probe_period(probe));
            }
            Action::StopProbe => {
                ensure(self.probe_by.take().is_some(), "the stop of no probe")?;
            }
            Action::Send { .. } => ensure(alive, "a signal where no instance lives")?,
            Action::Exit(_) => {
                ensure(!alive && self.life != Life::Making, "it left an instance behind")?;
                self.life = Life::Left;
            }
            Action::Warn { signal } => {
                ensure(alive && signal == self.policy.warn, "a wrong warning")?;
            }
            Action::Suspend | Action::Failed => {}
        }
        Ok(())
    }

    /// After a wake-up: was everything done that was due, and will it be?
    fn rested(&self, deadline: Time, now: Time) -> Result<(), Fault> {
        let mut next = NEVER;
        match self.life {
            Life::Nothing { next: at } => next = at,
            Life::Alive if self.killed => {}
            Life::Alive if self.stop.is_some() || self.renews => next = self.stop_by,
            Life::Alive if !self.suspended => {
                next = match self.warned {
                    Some((_, kill_at)) => kill_at,
                    None => self.due().max(self.excused_until),
                };
                next = next.min(self.next_question.unwrap_or(NEVER));
                next = next.min(self.probe_by.unwrap_or(self.next_probe));
            }
            _ => {}
        }
        ensure(next > now, "something that was due was not done")?;
        ensure(deadline > now, "it does not sleep")?;
        ensure(deadline <= next, "it sleeps too long")?;
        ensure(next != NEVER || deadline == NEVER, "it wakes up for nothing")
    }
}
