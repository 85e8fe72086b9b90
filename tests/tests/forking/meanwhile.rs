//! A child that is forked while other threads of its parent are at work: they call, replace, begin and end, map and
//! unmap images, run destructors, or hold a gate shut.

use std::{
    future::Future,
    panic::{self, AssertUnwindSafe},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use lcr::{ErrorKind, Handle, Runtime};
use lcr_tests::{
    bank::{Bank, Branch as _, Clock, Vault as _},
    component,
    crowd::{Crew, Lower, Scene, Upper},
    empty_runtime,
    hoard::{Hoard, word},
    in_a_process_of_its_own,
    interfaces::Counter,
    keeper::Keeper,
    larder::{Larder, Spoiled},
    patient,
    script::{Misdeed, Moment, Script, slow_file},
    wait_until,
};

use crate::{LONG, PAIR, STATEFUL_PAIR, assert_was_cut_off, both_ways, child::in_child};

#[test]
fn a_child_calls_and_replaces_while_its_parents_threads_are_anywhere() {
    in_a_process_of_its_own(|| {
        for cast in [PAIR, STATEFUL_PAIR] {
            let scene = Scene::open(Runtime::builder(), cast);
            let (lower, upper): (Handle<dyn Lower>, Handle<dyn Upper>) =
                (scene.rt.service().unwrap(), scene.rt.service().unwrap());
            // The crew is inside components, in the middle of entering and leaving them.
            let work = |_| (0..100).map(|_| upper.add(1).0).fold(100, |calls, epoch| calls + epoch);
            let fork = || {
                in_child(|| {
                    let (_, _, sum) = upper.add(1);
                    assert_eq!(scene.rt.status().stragglers, []);
                    for epoch in 1..4 {
                        let report = scene.replace().unwrap();
                        assert_eq!(report.stragglers, []);
                        assert_eq!(upper.both(), (epoch, epoch));
                    }
                    if cast == STATEFUL_PAIR {
                        assert_eq!(lower.add(1).1, sum + 1);
                    }
                    // The child starts threads of its own, which call.
                    thread::scope(|scope| assert_eq!(scope.spawn(|| upper.both()).join().unwrap(), (3, 3)));
                    let own: Handle<dyn Upper> = scene.rt.reference(&7_u64).unwrap();
                    assert_eq!(own.both(), (7, 3));
                    drop(own);
                    scene.rt.wait_drained(LONG).unwrap();
                    wait_until("what the child replaced and released is destroyed", || {
                        let counts = scene.counts();
                        (counts.born, counts.died) == (9, 7)
                    });
                });
            };
            let (calls, forks) = Crew::new(10_000, 20).run(work, fork);
            assert!(calls >= 10_000 && forks >= 20);
            // The parent's instances did not change.
            assert_eq!((upper.both(), scene.epoch()), ((0, 0), 0));
            if cast == STATEFUL_PAIR {
                assert_eq!(lower.add(0), (0, calls));
            }
            scene.replace().unwrap();
            drop((lower, upper));
            assert_eq!(scene.close().born, 4);
        }
    });
}

#[test]
fn a_child_that_is_forked_in_the_middle_of_replacements_calls_and_replaces() {
    in_a_process_of_its_own(|| {
        for builder in both_ways() {
            // The runtime is boxed, because the C library of a child reclaims the stacks of threads that
            // are gone, that of this thread included, and unmaps those that its cache has no room for.
            let rt = Box::new(builder.build().unwrap());
            rt.load(component("counter_v1")).unwrap();
            let counter: Box<Handle<dyn Counter>> = Box::new(rt.service().unwrap());
            let replace = || rt.replace(component("counter_v2")).unwrap();
            let fork = |_| {
                in_child(|| {
                    let before = counter.add(1);
                    match rt.replace(component("counter_v1")) {
                        Ok(_) => assert_eq!(counter.version(), 1),
                        Err(error) => assert_was_cut_off(&error),
                    }
                    assert_eq!(counter.add(1), before + 1);
                });
                counter.add(1);
                5
            };
            Crew::new(200, 20).run(fork, || drop(replace()));
        }
    });
}

#[test]
fn a_child_is_forked_while_other_threads_begin_and_end() {
    in_a_process_of_its_own(|| {
        // Std holds a lock while a thread begins or ends, and a child that is forked then has the lock for
        // ever. The runtime's own threads must not need it.
        let rt = Box::new(empty_runtime());
        rt.load(component("counter_v1")).unwrap();
        let counter: Box<Handle<dyn Counter>> = Box::new(rt.service().unwrap());
        let is_over = Box::new(AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let brief: Vec<_> = (0..16).map(|_| thread::spawn(|| ())).collect();
                        brief.into_iter().for_each(|thread| thread.join().unwrap());
                    }
                });
            }
            let forked = panic::catch_unwind(AssertUnwindSafe(|| {
                for _ in 0..400 {
                    in_child(|| {
                        patient(&rt).replace(component("counter_v2")).commit().unwrap();
                        assert_eq!((counter.version(), counter.add(1)), (2, 1));
                        rt.wait_drained(LONG).unwrap();
                    });
                }
            }));
            is_over.store(true, Ordering::Relaxed);
            forked.unwrap();
        });
    });
}

#[test]
fn a_child_is_forked_while_images_are_mapped_and_unmapped() {
    in_a_process_of_its_own(|| {
        let rt = Box::new(empty_runtime());
        rt.load(component("keeper_unload")).unwrap();
        let keeper: Box<Handle<dyn Keeper>> = Box::new(rt.service().unwrap());
        let replace = || rt.replace(component("keeper_unload"));
        let fork = |_| {
            in_child(|| {
                keeper.park();
                match replace() {
                    Ok(_) => assert_eq!(keeper.leave_local(), 0, "each version has thread-locals of its own"),
                    Err(error) => assert_was_cut_off(&error),
                }
                keeper.join_thread();
            });
            keeper.park();
            5
        };
        Crew::new(200, 20).run(fork, || drop(replace().unwrap()));
    });
}

/// While the constructor of a library hangs, each child that is forked has lost the loader.
#[test]
fn a_child_whose_loader_was_lost_to_a_thread_in_a_constructor_is_told() {
    in_a_process_of_its_own(|| {
        let (rt, another) = (empty_runtime(), empty_runtime());
        rt.load(component("counter_v2")).unwrap();
        let counter: Handle<dyn Counter> = rt.service().unwrap();
        std::fs::write(slow_file(), "").unwrap();
        thread::scope(|scope| {
            let load = scope.spawn(|| rt.load(component("clock_slow")));
            wait_until("the library is mapped", || {
                std::fs::read_to_string("/proc/self/maps")
                    .unwrap()
                    .lines()
                    .any(|line| line.contains("r-xp") && line.contains("/clock-"))
            });
            let forked = panic::catch_unwind(AssertUnwindSafe(|| {
                in_child(|| {
                    let error = another.load(component("counter_v1")).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Load, "{error}");
                    assert!(error.to_string().contains("forked while another thread"), "{error}");
                    // The component that is loaded serves.
                    assert_eq!((counter.version(), counter.add(1)), (2, 1));
                });
            }));
            std::fs::remove_file(slow_file()).unwrap();
            forked.unwrap();
            load.join().unwrap().unwrap();
        });
        another.load(component("counter_v1")).unwrap();
    });
}

#[test]
fn a_child_is_forked_while_destructors_hang() {
    in_a_process_of_its_own(|| {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [hangs, others] = directories.each_ref().map(Script::new);
        let rt = empty_runtime();
        rt.load(component("clock_v1")).unwrap();
        let own = |script: &Script| rt.reference::<dyn Clock>(script).unwrap();
        let clocks: Vec<_> = (0..3).map(|_| own(&hangs)).collect();
        hangs.set("clock 1.0.0", Moment::Drop, Misdeed::Hang);
        drop(clocks);
        wait_until("a destructor hangs", || !rt.status().stragglers.is_empty());
        let destroyed = rt.status().destroyed;
        in_child(|| {
            // The destructors that run are the parent's. Those that were queued hang in the child, too.
            for _ in 0..10 {
                own(&others);
            }
            wait_until("the child destroys its own", || rt.status().destroyed >= destroyed + 10);
            rt.replace(component("clock_v2")).unwrap();
            assert_eq!(own(&others).version(), 2);
        });
        assert_eq!(rt.status().destroyed, destroyed);
        hangs.clear("clock 1.0.0", Moment::Drop);
        rt.wait_drained(LONG).unwrap();
        assert_eq!(rt.status().destroyed, destroyed + 3);
    });
}

#[test]
fn a_child_is_forked_while_a_gate_is_shut() {
    in_a_process_of_its_own(|| {
        let bank = Bank::open();
        thread::scope(|scope| {
            bank.script.set("vault 1.0.0", Moment::Save, Misdeed::Hang);
            let change = scope.spawn(|| bank.rt.plan().replace(component("vault_v2")).deadline(LONG).commit());
            bank.script.wait_for("vault 1.0.0", Moment::Save);
            let waiting = scope.spawn(|| bank.vault.add(1));
            in_child(|| {
                // The child's gate is open, because no thread of the child would open it.
                assert_eq!((bank.vault.add(10), bank.branch.deposit(5)), (10, 15));
                let error = bank.rt.replace(component("teller_v2")).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                let another = empty_runtime();
                another.load(component("counter_v1")).unwrap();
                let counter: Handle<dyn Counter> = another.service().unwrap();
                another.replace(component("counter_v2")).unwrap();
                assert_eq!(counter.version(), 2);
            });
            bank.script.clear("vault 1.0.0", Moment::Save);
            change.join().unwrap().unwrap();
            assert_eq!(waiting.join().unwrap(), 1);
        });
        assert_eq!((bank.vault.version(), bank.vault.add(1)), (2, 2));
        bank.close();
    });
}

#[test]
fn a_child_is_forked_while_states_are_between_two_instances() {
    in_a_process_of_its_own(|| {
        let rt = empty_runtime();
        rt.load(component("hoard_version_1")).unwrap();
        let own: Vec<Handle<dyn Hoard>> = (0..3).map(|_| rt.reference(&Script::default()).unwrap()).collect();
        own.iter().for_each(|hoard| assert_eq!(hoard.put(7, "kept"), 1));
        let look = |hoard: &Handle<dyn Hoard>| (hoard.address(), hoard.version(), hoard.get(7));
        let before: Vec<_> = own.iter().map(look).collect();
        // The states of the others are taken out, and wait for that of this one.
        let (until, at) = word();
        own[1].keep_guard(at);
        thread::scope(|scope| {
            let change = scope.spawn(|| rt.plan().replace(component("hoard_version_2")).deadline(LONG).commit());
            wait_until("the gate is shut", || rt.status().is_gate_shut);
            let waiting = scope.spawn(|| own[0].put(8, "waited"));
            // Nothing shows when the states of the others are out; a child that is forked before that passes, too.
            thread::sleep(Duration::from_millis(100));
            for _ in 0..3 {
                in_child(|| {
                    for number in [0, 2] {
                        assert_eq!(look(&own[number]), before[number]);
                        own[number].put(9, "of the child");
                    }
                    let error = rt.replace(component("hoard_version_2")).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                });
            }
            until.store(1, Ordering::SeqCst);
            let report = change.join().unwrap().unwrap();
            assert_eq!(report.members[0].moved, 3);
            waiting.join().unwrap();
        });
        for (hoard, (address, _, text)) in own.iter().zip(before) {
            assert_eq!((look(hoard), hoard.get(9)), ((address, 2, text), None));
        }
        assert_eq!(own[0].get(8), Some("waited".to_owned()));
    });
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<u64, Spoiled>> + Send + 'a>>;

/// Counts how often a task is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_task_that_waits_at_a_gate_goes_on_in_the_child_of_its_thread() {
    in_a_process_of_its_own(|| {
        let rt = Box::new(empty_runtime());
        rt.load(component("larder_1")).unwrap();
        let larder: Handle<dyn Larder> = rt.service().unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        thread::scope(|scope| {
            let mut inside = Box::pin(larder.wait());
            assert!(inside.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            let plan = || rt.plan().replace(component("larder_2")).gate_wait(None).deadline(None);
            let replacing = scope.spawn(move || plan().commit());
            let mut late: Option<Call<'_>> = None;
            let mut stored = 0;
            wait_until("a call waits at the gate", || {
                let mut call: Call<'_> = Box::pin(larder.store(1, 0));
                let waits = call.as_mut().poll(&mut context).is_pending();
                late = Some(call);
                stored += u64::from(!waits);
                waits
            });
            let mut late = late.unwrap();
            let forked = panic::catch_unwind(AssertUnwindSafe(|| {
                in_child(|| {
                    // Nothing here calls the runtime.
                    wait_until("the task is woken", || woken.0.load(Ordering::SeqCst) == 1);
                    let mut again = Context::from_waker(Waker::noop());
                    assert_eq!(late.as_mut().poll(&mut again), Poll::Ready(Ok(stored + 1)));
                    assert_eq!((larder.version(), larder.count()), (1, stored + 1));
                });
            }));
            assert_eq!((woken.0.load(Ordering::SeqCst), larder.deliver()), (0, 1));
            drop(inside);
            replacing.join().unwrap().unwrap();
            wait_until("the task is woken in the parent", || woken.0.load(Ordering::SeqCst) == 1);
            assert_eq!(pin!(late).poll(&mut context), Poll::Ready(Ok(stored + 1)));
            forked.unwrap();
        });
    });
}

#[test]
fn a_thread_forks_while_others_drop_runtimes_whose_components_log() {
    in_a_process_of_its_own(|| {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let rt = empty_runtime();
                        rt.load(component("keeper_unload")).unwrap();
                        drop(rt);
                    }
                });
            }
            let forked = panic::catch_unwind(|| (0..400).for_each(|_| in_child(|| ())));
            is_over.store(true, Ordering::Relaxed);
            forked.unwrap();
        });
    });
}
