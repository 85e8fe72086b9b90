//! Thousands of restarts: an instance is killed at every moment of its life.

use std::{
    thread,
    time::{Duration, Instant},
};

use sam_tests::{
    Running, Subject,
    churn::{BORN, HELD, HOLD, KEPT, NAMES, ROUNDS},
    in_a_process_of_its_own,
    page::{Page, get, monotonic, set},
    proc::{adopt_orphans, children, descriptors, field, mappings, reap_all},
    send, state_of, wait_until,
};

/// How many kills; an optimised build makes all of them.
const RESTARTS: u64 = if cfg!(debug_assertions) { 1_000 } else { 10_000 };

/// The sizes that must not grow.
#[derive(Debug, PartialEq, Eq)]
struct Size {
    descriptors: usize,
    mappings: usize,
    /// KiB of anonymous memory, whether shared with an instance or not.
    anonymous: u64,
    data: u64,
}

/// The supervisor's size at a moment when an instance is past its start, keeps every name and holds still, and
/// the next child stands by. The instance holds still because a reader of a directory may count an entry that
/// moves meanwhile twice, or not at all.
fn size(running: &Running, page: &Page) -> Size {
    let pid = running.pid();
    let mut since = Instant::now();
    set(&page[HOLD], 1);
    wait_until("an instance holds still, and the next stands by", || {
        let holds = get(&page[HELD]) == get(&page[BORN]) && (0..NAMES).all(|name| get(&page[KEPT + name]) > 0);
        let stands_by = children(pid).len() == 2;
        // One child stands by for each instance, and a kill may have hit that child.
        if holds && !stands_by && since.elapsed() > Duration::from_millis(200) {
            children(pid).first().into_iter().for_each(|&pid| send(pid, libc::SIGKILL));
            since = Instant::now();
        }
        holds && stands_by
    });
    let size = Size {
        // A descriptor that is passed on, and that of a new status file, exist for a moment.
        descriptors: (0..1000).map(|_| descriptors(pid)).min().unwrap(),
        mappings: mappings(pid),
        anonymous: field(pid, "smaps_rollup", "Anonymous"),
        data: field(pid, "status", "VmData"),
    };
    set(&page[HOLD], 0);
    size
}

fn restarts(running: &Running) -> u64 {
    running.status()["restarts"].as_u64().unwrap()
}

#[test]
fn an_instance_may_be_killed_at_any_moment_ten_thousand_times() {
    in_a_process_of_its_own(|| {
        adopt_orphans();
        let mut random = fastrand::Rng::with_seed(7);
        let subject = Subject::of("churn", &[]);
        let path = subject.path("page");
        let page = Page::open(&path).unwrap();
        let mut subject = subject.set("SAM_BUDGET", "64/1ns").set("SAM_BACKOFF", "0s..0s");
        subject.command().arg(&path);
        let running = subject.start();
        let pid = running.pid();
        wait_until("the first instance works", || get(&page[ROUNDS]) > 0);

        let (began, mut last, mut early, mut latencies) = (Instant::now(), 0, None, Vec::new());
        let mut kills = 0_u64;
        while !kills.is_multiple_of(64) || restarts(&running) < RESTARTS {
            kills += 1;
            let mut newest = last;
            wait_until("there is a next instance", || {
                newest = children(pid).first().copied().unwrap_or(last);
                newest != last || state_of(pid) == Some('Z')
            });
            match random.u8(..3) {
                0 => {}
                1 => {
                    let until = Instant::now() + Duration::from_micros(random.u64(..400));
                    while Instant::now() < until {
                        std::hint::spin_loop();
                    }
                }
                _ => thread::sleep(Duration::from_micros(random.u64(..3000))),
            }
            let killed = monotonic();
            send(newest, libc::SIGKILL);
            if random.u8(..16) == 0 {
                // Lets an instance go past its start, to see how long that took.
                // The kill may have hit a process of the instance before, which the supervisor has adopted for a
                // moment. Then no instance ends; a lost instance shows in the next turn.
                let since = Instant::now();
                wait_until("the next is born", || {
                    get(&page[BORN]) > killed || state_of(pid) == Some('Z') || since.elapsed() > Duration::from_secs(1)
                });
                if get(&page[BORN]) > killed {
                    latencies.push(get(&page[BORN]) - killed);
                }
            }
            last = newest;
            if early.is_none() && kills.is_multiple_of(64) && restarts(&running) >= 100 {
                early = Some(size(&running, &page));
            }
        }
        let time = began.elapsed();
        let (early, late) = (early.unwrap(), size(&running, &page));
        // An action that is seldom executed may touch one page of the stack for the first time.
        let late = Size { anonymous: late.anonymous - 4 * u64::from(late.anonymous == early.anonymous + 4), ..late };
        assert_eq!(late, early, "the supervisor has grown");
        // The last kill may have hit the standby child, which is reaped a moment later.
        wait_until("an instance is left, perhaps one that stands by, and no zombie", || {
            let left: Vec<_> = children(pid).into_iter().map(state_of).collect();
            left.len() <= 2 && !left.contains(&Some('Z'))
        });
        latencies.sort_unstable();
        let (restarts, median) = (restarts(&running), latencies[latencies.len() / 2] / 1000);
        println!("{restarts} restarts in {time:.1?}; from kill to next {median} us in the median; {early:?}");

        running.signal(libc::SIGTERM);
        let seen = running.end();
        assert_eq!(seen.code(), -libc::SIGTERM);
        assert_eq!(seen.of("started").len() as u64, restarts + 1);
        assert!(
            seen.of("ended").iter().rev().skip(1).all(|event| event["signal"] == 9),
            "an instance did not die of a kill"
        );
        assert_eq!(reap_all(), Ok(vec![]), "a process of the program is left");
    });
}
