//! A supervised service on tokio and axum, whose component is replaced while a long call is inside. No other
//! client waits for that call, and the supervisor sees no failure.
//!
//! The check that no gate is shut while the call is inside depends on no clock. The time that clients wait
//! does, so its bound is wide: a machine with other work keeps it, and a client that had to wait for the long
//! call would not. `cargo run --release -p lcr-tests --example waits` measures the time.

use std::time::Duration;

use lcr_tests::service::{Attempt, Seen, Trial, run};

const CALL: Duration = Duration::from_secs(8);
/// The time that a machine with other work may add to a request.
const NOISE: Duration = Duration::from_secs(2);

fn serve(trial: &Trial) -> Seen {
    let seen = run(trial).unwrap_or_else(|error| panic!("{trial:?}: {error}"));
    println!("{trial:?}\n  quiet: {}\n  busy: {}\n  {:?}", seen.quiet, seen.busy, seen.attempts);
    let committed: Vec<Duration> = seen.attempts.iter().filter_map(|attempt| attempt.as_ref().ok()).copied().collect();
    // Where the machine stood still, the last attempt may come when the call has returned and the first is committed.
    assert!((1..=2).contains(&committed.len()) && seen.version == 2, "{seen:#?}");
    assert_eq!(seen.shut_on_caller, 0, "the gate was shut while the call was inside");
    let asked = (seen.quiet.answers() + seen.busy.answers()) as u64;
    match &seen.wrk {
        // No addition of a client was lost with the old version.
        None => assert_eq!(seen.sum, asked),
        Some(said) => {
            assert!(seen.sum > asked, "{said}");
            assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
        }
    }
    assert!(seen.busy.longest() < NOISE + seen.late, "{seen:#?}");
    let told = |name: &str| seen.events.iter().filter(|event| event.contains(&format!("\"{name}\""))).count();
    let of_trouble = ["warned", "recovered", "killed", "not started"].map(told);
    assert_eq!((of_trouble, told("started")), ([0; 4], 1), "{:#?}", seen.events);
    assert!(seen.status.success(), "{:?}", seen.status);
    seen
}

#[test]
fn a_replacement_waits_for_a_long_call_on_a_thread_that_may_block_and_no_client_waits_for_it() {
    let seen =
        serve(&Trial { call: CALL, place: "pool", timeout: None, clients: 6, rounds: 1, wrk: true, others: None });
    // The first attempt waited, and the others came meanwhile.
    assert!(seen.attempts[0].is_ok(), "{:?}", seen.attempts);
    let (_, others) = seen.attempts[1..].split_last().expect("there were others");
    let is_busy = |attempt: &Attempt| attempt.as_ref().is_err_and(|error| error.starts_with("Busy"));
    assert!(!others.is_empty() && others.iter().all(is_busy), "{others:?}");
}

#[test]
fn replacements_that_give_up_before_a_long_call_ends_hold_no_client_while_it_blocks_a_worker() {
    let timeout = Some(Duration::from_millis(600));
    let seen = serve(&Trial { call: CALL, place: "worker", timeout, clients: 6, rounds: 1, wrk: false, others: None });
    // One that comes while the one before it is late finds that running.
    let refused: Vec<&String> = seen.attempts.iter().filter_map(|attempt| attempt.as_ref().err()).collect();
    assert!(refused.iter().all(|refusal| ["Deadline", "Busy"].iter().any(|kind| refusal.starts_with(kind))));
    let named = refused.iter().filter(|refusal| refusal.contains("bank.vault.inside")).count();
    assert!(named >= 1, "{refused:?}");
}
