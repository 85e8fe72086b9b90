//! Machines that are wrong on purpose: each is the real one with one mistake around it,
//! and the observer must find each in a few thousand random histories.

use std::time::Duration;

use super::{
    action::Actions,
    histories::{Step, first_fault},
    rig::{MS, S},
    *,
};
use crate::time::Time;

type Next = (State, Actions);

/// Under another policy than the operator's.
fn under(state: &State, event: Event, now: Time, change: impl Fn(&mut Policy)) -> Next {
    let mut other = *state;
    change(&mut other.policy);
    let (mut next, actions) = step(&other, event, now);
    next.policy = state.policy;
    (next, actions)
}

/// With another board.
fn seeing(state: &State, event: Event, now: Time, change: impl Fn(&mut Reading)) -> Next {
    match event {
        Event::Look(mut reading) => {
            change(&mut reading);
            step(state, Event::Look(reading), now)
        }
        _ => step(state, event, now),
    }
}

fn shift(due: &mut Time, by: i64) {
    if *due != Time::NEVER {
        *due = Time(due.0.saturating_add_signed(by));
    }
}

const MISTAKES: &[(&str, Step)] = &[
    ("never kills", |s, e, n| {
        let (next, actions) = step(s, e, n);
        let mut rest = Actions::none();
        actions.iter().filter(|&&a| a != Action::Kill).for_each(|&a| rest.push(a));
        (next, rest)
    }),
    ("kills early", |s, e, n| under(s, e, n, |p| p.grace = p.grace.saturating_sub(MS))),
    ("kills late", |s, e, n| under(s, e, n, |p| p.grace += MS)),
    ("warns early", |s, e, n| seeing(s, e, n, |reading| shift(&mut reading.due, -1_000_000))),
    ("warns late", |s, e, n| seeing(s, e, n, |reading| shift(&mut reading.due, 1_000_000))),
    ("does not hear mark_failed", |s, e, n| seeing(s, e, n, |reading| reading.failed = false)),
    ("excuses nothing", |s, e, n| seeing(s, e, n, |reading| reading.excuse = None)),
    ("excuses the starved for ever", |s, e, n| {
        seeing(s, e, n, |reading| reading.excuse = reading.excuse.map(|_| Excuse::Traced))
    }),
    ("excuses every lateness of its own", |s, e, n| {
        let late = n.since(s.deadline()) > (s.policy.interval / 4).max(50 * MS);
        seeing(s, e, n, |reading| reading.excuse = if late { Some(Excuse::Traced) } else { reading.excuse })
    }),
    ("sees no recovery", |s, e, n| match (s.stage, e) {
        (Stage::Warned { .. }, Event::Look(_)) => (*s, Actions::none()),
        _ => step(s, e, n),
    }),
    ("polls the parked", |s, e, n| {
        let (mut next, actions) = step(s, e, n);
        if next.stage == Stage::Living && next.health.reading.due == Time::NEVER {
            next.health.reading.due = n.after(S);
        }
        (next, actions)
    }),
    ("has one restart too many", |s, e, n| under(s, e, n, |p| p.budget.restarts += 1)),
    ("counts a shorter window", |s, e, n| {
        under(s, e, n, |p| p.budget.window = p.budget.window.saturating_sub(10 * MS))
    }),
    ("gives up too soon", |s, e, n| under(s, e, n, |p| p.budget.window += S)),
    ("never backs off", |s, e, n| {
        let mut other = *s;
        other.delays.reset();
        step(&other, e, n)
    }),
    ("never forgives", |s, e, n| under(s, e, n, |p| p.healthy_after = Duration::MAX)),
    ("forgives at once", |s, e, n| under(s, e, n, |p| p.healthy_after = Duration::ZERO)),
    ("waits longer than the longest", |s, e, n| under(s, e, n, |p| p.backoff.max *= 2)),
    ("jitters too much", |s, e, n| under(s, e, n, |p| p.backoff.jitter = (p.backoff.jitter * 2).min(100))),
    ("restarts after a clean exit", |s, e, n| match e {
        Event::Ended(Exit::Code(0)) if s.stop.is_none() => step(s, Event::Ended(Exit::Code(1)), n),
        _ => step(s, e, n),
    }),
    ("restarts after a fatal exit", |s, e, n| under(s, e, n, |p| p.fatal = Codes::default())),
    ("restarts under quit", |s, e, n| under(s, e, n, |p| p.recovery = Recovery::Restart)),
    ("forgets a warning at the recovery", |s, e, n| under(s, e, n, |p| p.healthy_after = Duration::ZERO)),
    ("never forgives a warning", |s, e, n| match e {
        Event::Ended(_) if s.stage == Stage::Living => under(s, e, n, |p| p.healthy_after = Duration::MAX),
        _ => step(s, e, n),
    }),
    ("restarts after an exit that is passed on", |s, e, n| under(s, e, n, |p| p.passes_exits = false)),
    ("counts the probes of one that boots", |s, e, n| {
        under(s, e, n, |p| {
            if let Some(probe) = &mut p.probe {
                probe.tells_ready = false;
            }
        })
    }),
    ("makes the next before the last is gone", |s, e, n| {
        let (mut next, actions) = step(s, e, n);
        if actions.contains(&Action::Kill) && next.stop.is_none() {
            next.stage = Stage::Waiting { at: n };
        }
        (next, actions)
    }),
    ("forgets the operator's stop", |s, e, n| {
        let mut other = *s;
        if let Event::Ended(_) = e {
            other.stop = None;
        }
        step(&other, e, n)
    }),
    ("is put off by a second stop", |s, e, n| {
        let (mut next, actions) = step(s, e, n);
        if let (Event::Signal(2 | 3 | 15), Stage::Stopping { kill_at }) = (e, &mut next.stage) {
            *kill_at = n.after(next.policy.stop_limit);
        }
        (next, actions)
    }),
    ("takes an ignored interrupt for a stop", |s, e, n| under(s, e, n, |p| p.ignored = Policy::default().ignored)),
    ("stops others than it was told", |s, e, n| {
        under(s, e, n, |p| {
            p.stop_to = match p.stop_to {
                SignalTarget::Group => SignalTarget::Main,
                SignalTarget::Main => SignalTarget::Group,
            }
        })
    }),
    ("counts a restart that was asked for", |s, e, n| {
        let mut other = *s;
        other.restart_asked &= !matches!(e, Event::Tick);
        step(&other, e, n)
    }),
    ("forgets a restart that was asked for", |s, e, n| {
        let mut other = *s;
        other.restart_asked &= !matches!(e, Event::Ended(_));
        step(&other, e, n)
    }),
    ("tells of no failure under quit", |s, e, n| match s.policy.recovery {
        Recovery::Quit => under(s, e, n, |p| p.tells_failures = false),
        _ => step(s, e, n),
    }),
    ("loses a signal", |s, e, n| match e {
        Event::Signal(34) => (*s, Actions::none()),
        _ => step(s, e, n),
    }),
    ("sleeps at Ctrl-Z before the instance does", |s, e, n| {
        let (next, mut actions) = step(s, e, n);
        if let (Event::Signal(20), Stage::Living) = (e, next.stage) {
            actions = Actions::none();
            actions.push(Action::Suspend);
        }
        (next, actions)
    }),
    ("counts the time of a Ctrl-Z", |s, e, n| {
        let mut other = *s;
        if let Event::Signal(18) | Event::Resumed = e {
            other.job.suspended = false;
        }
        step(&other, e, n)
    }),
    ("misses its own limits", |s, e, n| match (s.stage, e) {
        (Stage::Living, Event::Tick) => (*s, Actions::none()),
        _ => step(s, e, n),
    }),
    ("wakes up after it left", |s, e, n| {
        let (mut next, actions) = step(s, e, n);
        if let Stage::Left { .. } = s.stage {
            next.stage = Stage::Waiting { at: n };
        }
        (next, actions)
    }),
    ("skips a number when none could be made", |s, e, n| {
        let (mut next, actions) = step(s, e, n);
        if let (Event::NotSpawned(_), Stage::Spawning) = (e, s.stage) {
            next.instance += 1;
        }
        (next, actions)
    }),
];

#[test]
fn every_mistake_is_found() {
    let mut missed = Vec::new();
    for &(mistake, step) in MISTAKES {
        match first_fault(step, 0..20_000) {
            Some((seed, fault)) => println!("{mistake}: history {seed}: {fault}"),
            None => missed.push(mistake),
        }
    }
    assert!(missed.is_empty(), "no test noticed a machine that {missed:?}");
}
