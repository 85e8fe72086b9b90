//! Beats of a tokio runtime (feature `tokio`).
//!
//! Each beat takes the runtime's whole path: its timer must fire, it must queue and run a new task, and it
//! must wake the task that waits for the new one. A runtime that makes no progress, because every worker is
//! blocked or its driver is stuck, does not beat. If only one of several workers hangs, the runtime beats
//! on: give a task that matters a [`check`](crate::App::check) of its own.
//!
#![doc = include_str!("../../docs/tokio.md")]

use std::time::Duration;

use ::tokio::time::{MissedTickBehavior, interval};

use super::{Check, app};

/// Begins the check of beats ([`App::resume_checks`](crate::App::resume_checks)) and beats four times in an
/// interval, as long as the current runtime makes progress. Spawn the future on that runtime.
///
/// The task ends after [`App::finalize`](crate::App::finalize). It ends at once if beats are not checked. When
/// the task is dropped, because it was aborted or its runtime ends, it pauses the check
/// ([`App::pause_checks`](crate::App::pause_checks)): silence is no hang then.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// tokio::spawn(sam::tokio::beats());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// Outside of a runtime, and in one whose timer is not enabled.
pub async fn beats() {
    struct Stop;
    impl Drop for Stop {
        fn drop(&mut self) {
            app().pause_checks();
        }
    }
    let Some(longest) = app().interval() else { return };
    app().resume_checks();
    let _stop = Stop;
    every(longest / 4, || app().beat()).await;
}

/// Beats for a named check, as long as the current runtime makes progress: for each further runtime, or for a
/// check with another deadline. `period`, 1 ms or more, is the time between two beats; a quarter of the
/// check's deadline is a good choice. The check ends with this task.
///
/// # Panics
/// As [`beats`].
pub async fn beats_of(check: Check, period: Duration) {
    every(period, || check.beat()).await;
}

async fn every(period: Duration, beat: impl Fn()) {
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    // After a time without progress one beat is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !app().is_finalized() {
        ticks.tick().await;
        if ::tokio::spawn(async {}).await.is_ok() {
            beat();
        }
    }
}

#[cfg(test)]
mod tests {
    use ::tokio::runtime::{Builder, Runtime};

    use super::*;
    use crate::{
        shared::{MAIN, now},
        state::Phase,
        testing::Supervisor,
    };

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_time().build().unwrap()
    }

    #[test]
    fn where_nothing_is_checked_it_ends_at_once() {
        runtime().block_on(async { ::tokio::spawn(beats()).await.unwrap() });
    }

    #[test]
    fn a_runtime_beats_until_something_blocks_it() {
        let mut supervisor = Supervisor::new(1);
        supervisor.interval = Duration::from_millis(40);
        let mut instance = supervisor.spawn(|| {
            runtime().block_on(async {
                let main = ::tokio::spawn(beats());
                let check = app().check("runtime", Duration::from_secs(1)).unwrap();
                ::tokio::spawn(beats_of(check, Duration::from_millis(5)));
                while !app().is_stopping() {
                    ::tokio::task::yield_now().await;
                }
                // Blocks its only worker, until the supervisor has seen that and asks.
                while app().asked().is_none() {
                    std::thread::yield_now();
                }
                app().finalize();
                main.await.unwrap();
            });
        });
        let (mut beats, mut last) = (0, None);
        let ended = supervisor.serve(&mut instance, |instance, _| {
            let board = &instance.board;
            let now = now();
            let Some((main, other)) = board.check(MAIN, now).zip(board.check(1, now)) else { return };
            let beat = (now.0 - main.silent.as_nanos() as u64, now.0 - other.silent.as_nanos() as u64);
            if board.phase() == Phase::Running && last != Some(beat) {
                (beats, last) = (beats + 1, Some(beat));
            }
            if beats == 20 {
                board.set_stop_asked();
            }
            if board.stop_asked() && main.silent.min(other.silent) > Duration::from_secs(1) {
                board.ask(1);
            }
        });
        assert_eq!(ended, Ok(0));
        assert!(beats >= 20);
        assert_eq!(instance.board.phase(), Phase::Stopping);
    }

    #[test]
    fn an_aborted_task_leaves_the_application_stopped() {
        let mut supervisor = Supervisor::new(1);
        let mut instance = supervisor.spawn(|| {
            let runtime = runtime();
            runtime.spawn(beats());
            runtime.block_on(::tokio::task::yield_now());
            drop(runtime);
        });
        assert_eq!(supervisor.serve(&mut instance, |_, _| {}), Ok(0));
        assert_eq!(instance.board.phase(), Phase::Ready);
    }
}
