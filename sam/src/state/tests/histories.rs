//! Random histories of instances that crash, hang, recover, halt, park, fail, stop and
//! cannot be made, under a supervisor that is late, on a virtual clock.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use super::{
    action::Actions,
    observer::{Fault, Observer},
    rig::{MS, NONE, PARKED, S},
    *,
};
use crate::time::Time;

pub(super) type Step = fn(&State, Event, Time) -> (State, Actions);

/// Xorshift64* (Vigna 2016).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize]
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.roll(100) < chance
    }

    /// Less than that.
    fn part(&mut self, of: Duration) -> Duration {
        Duration::from_nanos((of.as_nanos() as u64 / 1000).saturating_mul(self.roll(1000)))
    }

    fn exit(&mut self) -> Exit {
        match self.roll(4) {
            0 => Exit::Code(self.pick(&[0, 0, 3, 64])),
            1 => Exit::Code(1 + self.roll(255) as i32),
            _ => Exit::Signal { signal: self.pick(&[6, 9, 11, 15]), core: false },
        }
    }

    fn policy(&mut self) -> Policy {
        let probe = Probing {
            every: self.pick(&[NONE, 500 * MS, 3 * S]),
            limit: self.pick(&[NONE, 200 * MS, S]),
            failures: self.pick(&[0, 1, 3]),
            tells_ready: self.percent(30),
        };
        Policy {
            interval: self.pick(&[NONE, 100 * MS, S, S, S]),
            recovery: self.pick(&[
                Recovery::Restart,
                Recovery::Restart,
                Recovery::Restart,
                Recovery::Restart,
                Recovery::Always,
                Recovery::Quit,
            ]),
            warn: self.pick(&[10, 15]),
            grace: self.pick(&[NONE, 300 * MS, S, 5 * S]),
            start_limit: self.pick(&[None, None, Some(2 * S)]),
            says_ready: self.percent(30),
            stop_signal: self.pick(&[None, None, Some(libc::SIGUSR2)]),
            stop_to: self.pick(&[SignalTarget::Main, SignalTarget::Group, SignalTarget::Group]),
            pass_to: self.pick(&[SignalTarget::Main, SignalTarget::Group]),
            stop_limit: self.pick(&[NONE, S, 5 * S, Duration::MAX]),
            checks: self.pick(&[Checks::Beats, Checks::Beats, Checks::Asks]),
            probe: self.percent(25).then_some(probe),
            backoff: Backoff {
                at_once: self.pick(&[1, 1, 3]),
                first: self.pick(&[MS, 100 * MS]),
                max: self.pick(&[200 * MS, 2 * S]),
                jitter: self.pick(&[0, 25, 100]),
            },
            healthy_after: self.pick(&[500 * MS, 3 * S, 10 * S]),
            budget: Budget { restarts: self.pick(&[0, 1, 2, 5, 5, 64]), window: self.pick(&[NONE, S, 10 * S, 60 * S]) },
            clean: Codes::new(&[3]).unwrap(),
            fatal: Codes::new(&[64]).unwrap(),
            terminal: self.percent(30),
            tells_failures: self.percent(50),
            finalizes: self.percent(50),
            passes_exits: self.percent(20),
            ignored: [(2, self.percent(20)), (3, self.percent(20))],
            seed: self.roll(1 << 30),
        }
    }
}

struct History {
    dice: Dice,
    step: Step,
    state: State,
    observer: Observer,
    now: Time,
    reading: Reading,
    hangs: bool,
    parks: bool,
    answers: bool,
    halted: bool,
    asked: u64,
    making: bool,
    /// It will end, soon, in this way.
    ending: Option<Exit>,
    /// Filled on request.
    log: Option<Vec<String>>,
}

impl History {
    fn new(seed: u64, step: Step) -> History {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let policy = dice.policy();
        let now = Time(3_600_000_000_000);
        History {
            dice,
            step,
            state: State::new(policy, now),
            observer: Observer::new(policy, now),
            now,
            reading: PARKED,
            hangs: false,
            parks: false,
            answers: true,
            halted: false,
            asked: 0,
            making: false,
            ending: None,
            log: None,
        }
    }

    fn tell(&mut self, event: Event) -> Result<(), Fault> {
        let planned = self.state.deadline();
        let (state, actions) = (self.step)(&self.state, event, self.now);
        self.state = state;
        if let Some(log) = &mut self.log {
            let stage = state.stage();
            log.push(format!("{:?} {event:?} -> {:?} {stage:?}", self.now, &*actions));
        }
        self.observer.see(event, &actions, planned, state.deadline(), self.now)?;
        for &action in &actions {
            self.obey(action);
        }
        Ok(())
    }

    /// What the world makes of an action.
    fn obey(&mut self, action: Action) {
        match action {
            Action::Spawn { .. } => self.making = true,
            Action::Kill => self.ending = Some(Exit::Signal { signal: 9, core: false }),
            Action::Ask(number) => self.asked = number,
            Action::Warn { .. } => match self.dice.roll(10) {
                0..4 => {
                    (self.hangs, self.reading.failed, self.answers) = (false, false, true);
                }
                4 => self.ending = Some(Exit::Code(0)),
                5 => self.ending = Some(self.dice.exit()),
                _ => {}
            },
            Action::Send { signal: 2 | 3 | 15, .. } if self.dice.percent(40) => {
                self.ending = Some(self.dice.exit());
            }
            _ => {}
        }
    }

    /// Sleeps, on time or not, or is woken by something else.
    fn sleep(&mut self) {
        let deadline = self.state.deadline();
        let policy = *self.state.policy();
        let unit = policy.interval.max(100 * MS);
        if deadline == Time::NEVER || self.dice.percent(25) {
            let nap = self.dice.part(2 * unit);
            self.now = deadline.min(self.now.after(nap)).max(self.now);
            return;
        }
        let late = match self.dice.roll(20) {
            0 => self.dice.part(4 * unit),
            1..4 => self.dice.part((unit / 4).max(50 * MS)),
            _ => NONE,
        };
        self.now = self.now.max(deadline).after(late);
    }

    /// The board, as the instance leaves it at this moment.
    fn board(&mut self) -> Reading {
        let interval = self.state.policy().interval.max(100 * MS);
        if self.parks {
            self.reading.due = Time::NEVER;
        } else if !self.hangs && !self.halted {
            let ago = self.dice.part(interval / 2);
            let due = Time(self.now.0 - ago.as_nanos() as u64).after(interval);
            self.reading.due = if self.reading.due == Time::NEVER { due } else { due.max(self.reading.due) };
        }
        if self.answers && !self.halted {
            self.reading.answered = self.asked;
        }
        self.reading
    }

    fn turn(&mut self) -> Result<(), Fault> {
        self.sleep();
        if self.making && self.dice.percent(80) {
            self.making = false;
            let made = self.dice.percent(90);
            (self.hangs, self.parks, self.answers, self.halted) = (false, false, true, false);
            self.reading = PARKED;
            self.reading.phase = self.dice.pick(&[Phase::Starting, Phase::Running, Phase::Running]);
            self.reading.check = self.dice.pick(&[0, 0, 0, 5]);
            self.asked = 0;
            self.tell(if made { Event::Spawned } else { Event::NotSpawned(11) })?;
        }
        if self.state.lives() && self.ending.is_some() && self.dice.percent(70) {
            let exit = self.ending.take().unwrap();
            self.tell(Event::Ended(exit))?;
        }
        self.happen()?;
        self.wake()
    }

    fn wake(&mut self) -> Result<(), Fault> {
        if self.state.lives() {
            let reading = self.board();
            self.tell(Event::Look(reading))?;
        } else {
            self.ending = None;
        }
        self.tell(Event::Tick)
    }

    /// One thing, or nothing.
    fn happen(&mut self) -> Result<(), Fault> {
        match self.dice.roll(40) {
            0..4 => self.hangs = true,
            4 => self.hangs = false,
            5 => self.parks = true,
            6..8 => self.parks = false,
            8 => self.reading.failed = true,
            9 => self.reading.failed = false,
            10..13 => self.reading.phase = Phase::Running,
            13 => self.reading.phase = self.dice.pick(&[Phase::Ready, Phase::Stopping, Phase::Starting]),
            14..17 if self.state.lives() => {
                let exit = self.dice.exit();
                return self.tell(Event::Ended(exit));
            }
            17 if self.state.lives() && !self.halted => {
                self.halted = true;
                let signal = self.dice.pick(&[19, 20, 21]);
                return self.tell(Event::Halted(signal));
            }
            18..20 if self.halted && self.state.lives() => {
                self.halted = false;
                return self.tell(Event::Resumed);
            }
            20 => {
                self.tell(Event::Signal(20))?;
                if self.state.lives() && !self.halted && self.dice.percent(70) {
                    self.halted = true;
                    return self.tell(Event::Halted(20));
                }
            }
            21..23 => {
                self.tell(Event::Signal(18))?;
                if self.state.lives() && self.halted {
                    self.halted = false;
                    return self.tell(Event::Resumed);
                }
            }
            23 if self.dice.percent(50) => {
                let signal = self.dice.pick(&[2, 3, 15]);
                return self.tell(Event::Signal(signal));
            }
            24 => {
                let signal = self.dice.pick(&[1, 10, 12, 28, 34, 64]);
                return self.tell(Event::Signal(signal));
            }
            25..28 => {
                let excuses = [None, None, Some(Excuse::Traced), Some(Excuse::Starved)];
                self.reading.excuse = self.dice.pick(&excuses);
            }
            28 => self.answers = !self.answers,
            29 if self.dice.percent(20) => return self.tell(Event::Unprobed),
            29..32 => {
                let well = self.dice.percent(50);
                return self.tell(Event::Probed(well));
            }
            36 if self.dice.percent(30) => return self.tell(Event::Restart),
            35 if self.dice.percent(30) => {
                self.halted &= self.state.job.suspended;
                return self.tell(Event::HandedOver);
            }
            // Events that the machine does not wait for.
            32 if !self.making => return self.tell(Event::Spawned),
            33 if !self.making => return self.tell(Event::NotSpawned(12)),
            34 if !self.state.lives() => return self.tell(Event::Ended(Exit::Code(1))),
            _ => {}
        }
        Ok(())
    }

    /// The operator stops it; it ends by itself only where there is no limit.
    fn finish(&mut self) -> Result<(), Fault> {
        self.tell(Event::Signal(libc::SIGTERM))?;
        for _ in 0..4 {
            self.wake()?;
            if self.making {
                self.making = false;
                self.tell(Event::Spawned)?;
            } else if self.state.lives() && self.state.deadline() == Time::NEVER {
                self.tell(Event::Ended(Exit::Signal { signal: 9, core: false }))?;
            } else if !self.observer.left() {
                self.now = self.now.max(self.state.deadline());
            }
            if self.observer.left() {
                self.now = self.now.after(S);
                return self.wake();
            }
        }
        Err("the operator's stop does not end")
    }

    fn run(&mut self) -> Result<(), Fault> {
        self.tell(Event::Tick)?;
        for _ in 0..40 {
            if self.observer.left() {
                return self.turn();
            }
            self.turn()?;
        }
        if self.observer.left() { Ok(()) } else { self.finish() }
    }
}

/// The first history of these that shows a fault.
pub(super) fn first_fault(step: Step, seeds: Range<u64>) -> Option<(u64, Fault)> {
    seeds.into_iter().find_map(|seed| {
        let fault = History::new(seed, step).run().err()?;
        Some((seed, fault))
    })
}

#[test]
fn no_history_breaks_a_rule() {
    let histories = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let share = histories / threads + 1;
    let fault = std::thread::scope(|scope| {
        let search = |t| scope.spawn(move || first_fault(step, t * share..(t + 1) * share));
        let searches: Vec<_> = (0..threads).map(search).collect();
        searches.into_iter().find_map(|search| search.join().unwrap())
    });
    if let Some((seed, fault)) = fault {
        let mut history = History::new(seed, step);
        history.log = Some(Vec::new());
        let _ = history.run();
        let policy = history.state.policy();
        panic!("{fault} in history {seed}\n{policy:?}\n{}", history.log.unwrap().join("\n"));
    }
}

/// Fails where the argument of the supervisor's loop would: see `supervisor::event_loop`.
fn step_of_which_only_a_tick_asks(state: &State, event: Event, now: Time) -> (State, Actions) {
    let (next, actions) = step(state, event, now);
    let answered = actions.iter().filter(|action| matches!(action, Action::Spawn { .. } | Action::Probe)).count();
    assert!(answered <= usize::from(event == Event::Tick), "{event:?} of {state:?} asks: {actions:?}");
    (next, actions)
}

#[test]
fn only_a_tick_asks_for_an_answer_and_for_one() {
    assert!(first_fault(step_of_which_only_a_tick_asks, 0..20_000).is_none());
}

#[test]
fn the_histories_see_every_cause_every_action_and_every_end() {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..1_000 {
        let mut history = History::new(seed, step);
        history.log = Some(Vec::new());
        history.run().unwrap();
        for line in history.log.unwrap() {
            for word in line.split(|c: char| !c.is_alphanumeric()) {
                *seen.entry(word.to_owned()).or_default() += 1;
            }
        }
        let decision = format!("{:?}", history.state.last().map(|end| end.decision));
        *seen.entry(decision).or_default() += 1;
    }
    for word in [
        "Failed",
        "Overdue",
        "Unanswered",
        "Probe",
        "Start",
        "Spawn",
        "Send",
        "Warn",
        "Kill",
        "Ask",
        "StopProbe",
        "Suspend",
        "Exit",
        "Traced",
        "Starved",
        "Some(Stopped)",
        "Some(Clean)",
        "Some(Fatal)",
        "Some(Finished)",
        "Some(Quit)",
        "Some(Spent)",
    ] {
        let times = seen.get(word).copied().unwrap_or(0);
        assert!(times >= 10, "{word} is in {times} places only");
    }
}
