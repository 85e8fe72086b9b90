//! The machine on a clock of the tests' own, and under random events.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);

fn why(cause: TrialCause) -> Why {
    Why::new(cause, "a test says so")
}

fn checked(time: Duration) -> Trial {
    Trial::for_time(time).check(|| Ok(()))
}

fn end(decision: &Decision) -> Option<(TrialOutcome, TrialCause)> {
    decision.end.as_ref().map(|(outcome, why)| (*outcome, why.cause))
}

#[test]
fn a_trial_that_nothing_watches_confirms_when_its_time_is_over() {
    let begin = Instant::now();
    let mut machine = Machine::new(&Trial::for_time(SECOND), false, begin);
    assert_eq!(machine.step(Event::Tick, begin), Decision { until: Some(begin + SECOND), ..Decision::default() });
    assert_eq!(end(&machine.step(Event::Tick, begin + SECOND - MOMENT)), None);
    let decision = machine.step(Event::Tick, begin + SECOND);
    assert_eq!(end(&decision), Some((TrialOutcome::Confirmed, TrialCause::Time)));
    assert!(machine.has_ended());
    assert_eq!(machine.step(Event::Abandon(why(TrialCause::Abandoned)), begin + SECOND), Decision::default());
}

#[test]
fn a_trial_confirms_only_after_a_last_look() {
    let begin = Instant::now();
    let mut machine = Machine::new(&checked(SECOND / 2), true, begin);
    assert_eq!(machine.step(Event::Tick, begin).looks, [Look::Health, Look::Check]);
    machine.step(Event::Passed(Look::Health), begin + MOMENT);
    machine.step(Event::Passed(Look::Check), begin + MOMENT);
    let over = begin + SECOND / 2;
    assert_eq!(machine.step(Event::Tick, over).looks, [Look::Health, Look::Check]);
    assert_eq!(end(&machine.step(Event::Passed(Look::Health), over + MOMENT)), None);
    let decision = machine.step(Event::Passed(Look::Check), over + MOMENT);
    assert_eq!(end(&decision), Some((TrialOutcome::Confirmed, TrialCause::Time)));
}

#[test]
fn a_last_look_that_refuses_rolls_back() {
    let begin = Instant::now();
    let mut machine = Machine::new(&checked(SECOND / 2), false, begin);
    machine.step(Event::Tick, begin);
    machine.step(Event::Passed(Look::Check), begin + MOMENT);
    machine.step(Event::Tick, begin + SECOND / 2);
    let decision = machine.step(Event::Refused(Look::Check, why(TrialCause::Check)), begin + SECOND);
    assert!(decision.roll_back && decision.end.is_none());
    let decision = machine.step(Event::RolledBack, begin + SECOND);
    assert_eq!(end(&decision), Some((TrialOutcome::RolledBack, TrialCause::Check)));
}

#[test]
fn a_look_that_does_not_return_fails_and_one_that_got_no_time_does_not() {
    let begin = Instant::now();
    let mut machine = Machine::new(&Trial::until_confirmed(), true, begin);
    let until = machine.step(Event::Tick, begin).until.unwrap();
    assert_eq!(until, begin + SECOND);
    // Nobody called for a minute: the machine stood still, and the check with it.
    let until = machine.step(Event::Tick, begin + 60 * SECOND).until.unwrap();
    assert!(machine.rolling_back().is_none());
    assert_eq!(until, begin + 61 * SECOND);
    let decision = machine.step(Event::Tick, until);
    assert!(decision.roll_back);
    assert_eq!(machine.rolling_back().unwrap().0.cause, TrialCause::Health);
}

#[test]
fn a_trial_by_calls_confirms_with_a_look_that_began_behind_the_last_call() {
    let begin = Instant::now();
    let rules = Trial::for_calls(3).within(60 * SECOND).check(|| Ok(()));
    let mut machine = Machine::new(&rules, false, begin);
    assert_eq!(machine.step(Event::Tick, begin).looks, [Look::Check]);
    machine.note_answered(2, begin + MOMENT);
    assert_eq!(end(&machine.step(Event::Passed(Look::Check), begin + MOMENT)), None);
    let last = begin + 2 * MOMENT;
    machine.note_answered(4, last);
    assert_eq!(machine.step(Event::Tick, last).looks, [Look::Check], "it is not due yet, and wanted");
    let decision = machine.step(Event::Passed(Look::Check), last + MOMENT);
    assert_eq!(end(&decision), Some((TrialOutcome::Confirmed, TrialCause::Calls)));
    assert_eq!(decision.end.unwrap().1.text, "4 calls were answered");
}

#[test]
fn a_trial_whose_calls_do_not_come_rolls_back_at_its_limit_and_not_before() {
    let begin = Instant::now();
    let mut machine = Machine::new(&Trial::for_calls(3).within(SECOND), false, begin);
    assert_eq!(machine.step(Event::Tick, begin).until, Some(begin + SECOND));
    machine.note_answered(2, begin + SECOND - MOMENT);
    assert!(!machine.step(Event::Tick, begin + SECOND - MOMENT).roll_back);
    assert!(machine.step(Event::Tick, begin + SECOND).roll_back);
    // They come too late.
    machine.note_answered(3, begin + SECOND);
    let decision = machine.step(Event::RolledBack, begin + SECOND);
    assert_eq!(end(&decision), Some((TrialOutcome::RolledBack, TrialCause::TooFewCalls)));
    assert_eq!(decision.end.unwrap().1.text, "2 of 3 calls were answered within 1s");
    // At the limit, the last ones count.
    let mut machine = Machine::new(&Trial::for_calls(3).within(SECOND), false, begin);
    machine.note_answered(3, begin + SECOND);
    assert_eq!(end(&machine.step(Event::Tick, begin + SECOND)), Some((TrialOutcome::Confirmed, TrialCause::Calls)));
}

#[test]
fn a_fault_behind_the_last_call_and_ahead_of_the_end_rolls_back() {
    let begin = Instant::now();
    let mut machine = Machine::new(&Trial::for_calls(3), false, begin);
    machine.step(Event::Tick, begin);
    machine.note_answered(3, begin);
    assert!(machine.step(Event::Faults(1, why(TrialCause::Fault)), begin).roll_back);
}

#[test]
fn faults_roll_back_only_beyond_what_is_allowed() {
    let begin = Instant::now();
    let mut machine = Machine::new(&Trial::for_time(SECOND).faults_allowed(2), false, begin);
    assert!(!machine.step(Event::Faults(2, why(TrialCause::Fault)), begin).roll_back);
    assert!(machine.step(Event::Faults(3, why(TrialCause::Fault)), begin).roll_back);
}

#[test]
fn what_went_wrong_outweighs_a_confirmation_that_comes_later() {
    let begin = Instant::now();
    let mut machine = Machine::new(&Trial::for_time(SECOND), false, begin);
    assert!(machine.step(Event::Faults(1, why(TrialCause::Fault)), begin).roll_back);
    assert_eq!(end(&machine.step(Event::Confirm(why(TrialCause::Operator)), begin)), None);
    machine.step(Event::Gate(why(TrialCause::Gate)), begin + 2 * SECOND);
    let decision = machine.step(Event::RolledBack, begin + 2 * SECOND);
    assert_eq!(end(&decision), Some((TrialOutcome::RolledBack, TrialCause::Fault)), "the first reason stays");
}

#[test]
fn a_refused_rollback_is_tried_again_with_growing_pauses_and_fails_in_the_end() {
    let begin = Instant::now();
    let tries = NonZeroU32::new(4).unwrap();
    let mut machine = Machine::new(&Trial::until_confirmed().tries(tries), false, begin);
    assert!(machine.step(Event::Abandon(why(TrialCause::Abandoned)), begin).roll_back);
    let (mut now, mut pauses) = (begin, Vec::new());
    for _ in 0..3 {
        let until = machine.step(Event::RollbackRefused(false), now).until.unwrap();
        assert!(!machine.step(Event::Tick, until - MOMENT).roll_back);
        pauses.push(until - now);
        now = until;
        assert!(machine.step(Event::Tick, now).roll_back);
    }
    assert!(pauses.is_sorted() && pauses[0] < pauses[2], "{pauses:?}");
    let decision = machine.step(Event::RollbackRefused(false), now);
    assert_eq!(end(&decision), Some((TrialOutcome::Failed, TrialCause::Abandoned)));
}

#[test]
fn a_busy_runtime_costs_a_rollback_no_try() {
    let begin = Instant::now();
    let mut machine = Machine::new(&Trial::until_confirmed().tries(NonZeroU32::MIN), false, begin);
    machine.step(Event::Abandon(why(TrialCause::Abandoned)), begin);
    let mut now = begin;
    for _ in 0..100 {
        now = machine.step(Event::RollbackRefused(true), now).until.unwrap();
        assert!(machine.step(Event::Tick, now).roll_back);
    }
    assert_eq!(machine.rolling_back().unwrap().1, 0);
    assert_eq!(end(&machine.step(Event::RollbackRefused(false), now)).unwrap().0, TrialOutcome::Failed);
}

#[test]
fn the_end_of_the_runtime_interrupts_in_every_phase() {
    let begin = Instant::now();
    for event in [Event::Tick, Event::Abandon(why(TrialCause::Abandoned))] {
        let mut machine = Machine::new(&checked(SECOND), true, begin);
        machine.step(event, begin);
        let decision = machine.step(Event::Close, begin);
        assert_eq!(end(&decision), Some((TrialOutcome::Interrupted, TrialCause::Closed)));
    }
}

/// A kind of event, without its words.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Tick,
    Fault,
    Answer(Look, bool),
    Gate,
    Calls(u64),
    Confirm,
    Abandon,
    Answered(Option<bool>),
    Close,
}

fn happens() -> impl Strategy<Value = Happens> {
    let look = prop_oneof![Just(Look::Health), Just(Look::Check)];
    prop_oneof![
        8 => Just(Happens::Tick),
        8 => (look, prop::bool::weighted(0.9)).prop_map(|(look, passes)| Happens::Answer(look, passes)),
        2 => Just(Happens::Fault),
        1 => Just(Happens::Gate),
        2 => (1_u64..4).prop_map(Happens::Calls),
        1 => Just(Happens::Confirm),
        1 => Just(Happens::Abandon),
        6 => prop::option::of(any::<bool>()).prop_map(Happens::Answered),
        1 => Just(Happens::Close),
    ]
}

proptest! {
    /// Invariants 1 to 5, whatever happens in whatever order.
    #[test]
    fn whatever_happens_a_trial_ends_once_and_as_it_must(
        events in prop::collection::vec((happens(), 0_u64..700), 1..200),
        faults_allowed in 0_u64..3,
        tries in 1_u32..4,
        (has_health, has_check) in any::<(bool, bool)>(),
        ends in 0..3,
    ) {
        let begin = Instant::now();
        let (has_time, has_calls) = (ends == 1, ends == 2);
        let rules = match ends {
            1 => Trial::for_time(SECOND),
            2 => Trial::for_calls(5).within(3 * SECOND),
            _ => Trial::until_confirmed(),
        };
        let rules = rules.faults_allowed(faults_allowed).tries(NonZeroU32::new(tries).unwrap());
        let rules = if has_check { rules.check(|| Ok(())) } else { rules };
        let mut machine = Machine::new(&rules, has_health, begin);
        // What the thread of the trial knows.
        let (mut now, mut faults, mut refused, mut wrong) = (begin, 0, 0, false);
        let (mut running, mut trying, mut ended) = (Vec::new(), false, None);
        let (mut calls, mut enough) = (0, None);
        let mut passed = [None; 2];
        let place = |look| usize::from(look == Look::Check);
        for (happens, pause) in events {
            now += Duration::from_millis(pause);
            let event = match happens {
                Happens::Tick => Event::Tick,
                Happens::Fault => {
                    faults += 1;
                    wrong |= faults > faults_allowed;
                    Event::Faults(faults, why(TrialCause::Fault))
                }
                // Only a look that runs has an answer.
                Happens::Answer(look, passes) => {
                    let Some(at) = running.iter().position(|(kind, _)| *kind == look) else { continue };
                    let (_, since) = running.swap_remove(at);
                    wrong |= !passes;
                    if passes {
                        passed[place(look)] = Some(since);
                        Event::Passed(look)
                    } else {
                        Event::Refused(look, why(TrialCause::Check))
                    }
                }
                Happens::Gate => {
                    wrong = true;
                    Event::Gate(why(TrialCause::Gate))
                }
                Happens::Calls(more) => {
                    calls += more;
                    if calls >= 5 {
                        enough.get_or_insert(now);
                    }
                    machine.note_answered(calls, now);
                    continue;
                }
                Happens::Confirm => Event::Confirm(why(TrialCause::Operator)),
                Happens::Abandon => {
                    wrong = true;
                    Event::Abandon(why(TrialCause::Abandoned))
                }
                Happens::Answered(answer) => {
                    if !trying {
                        continue;
                    }
                    trying = false;
                    match answer {
                        None => Event::RolledBack,
                        Some(is_busy) => {
                            refused += u32::from(!is_busy);
                            Event::RollbackRefused(is_busy)
                        }
                    }
                }
                Happens::Close => Event::Close,
            };
            let decision = machine.step(event.clone(), now);
            if ended.is_some() {
                prop_assert_eq!(&decision, &Decision::default(), "an end is final");
                continue;
            }
            for look in &decision.looks {
                prop_assert!(running.iter().all(|(kind, _)| kind != look), "two looks of a kind at once");
                let is_on = [has_health, has_check][place(*look)];
                prop_assert!(is_on, "a look that there is not");
                running.push((*look, now));
            }
            prop_assert!(!(decision.roll_back && trying), "two tries at once");
            trying |= decision.roll_back;
            if let Some((outcome, reason)) = &decision.end {
                ended = Some(*outcome);
                match outcome {
                    TrialOutcome::Confirmed => {
                        prop_assert!(!wrong, "confirmed though something was wrong");
                        if reason.cause == TrialCause::Time {
                            prop_assert!(has_time && now >= begin + SECOND);
                            let last = |at: usize| passed[at].is_some_and(|since| since >= begin + SECOND);
                            prop_assert!((!has_health || last(0)) && (!has_check || last(1)));
                        }
                        if reason.cause == TrialCause::Calls {
                            let since = enough.unwrap();
                            let last = |at: usize| passed[at].is_some_and(|began| began >= since);
                            prop_assert!(has_calls && calls >= 5);
                            prop_assert!((!has_health || last(0)) && (!has_check || last(1)));
                        }
                    }
                    TrialOutcome::Failed => prop_assert_eq!(refused, tries),
                    TrialOutcome::RolledBack => prop_assert!(matches!(event, Event::RolledBack)),
                    TrialOutcome::Interrupted => prop_assert!(matches!(event, Event::Close)),
                }
            } else {
                prop_assert!(refused < tries);
                let waits = decision.roll_back || trying || ends == 0 && !has_health && !has_check;
                prop_assert!(waits || decision.until.is_some_and(|until| until > now), "{:?}", decision);
            }
        }
        prop_assert_eq!(machine.has_ended(), ended.is_some());
    }
}
