//! Patches and calls on many threads.

use super::*;

/// Each patch has two layers that add one: a call that saw half of a patch would be odd.
#[test]
fn calls_see_the_old_chain_or_the_new_one_while_four_threads_patch() {
    let (rt, counter) = counter();
    let (rounds, callers) = if cfg!(miri) { (2, 2) } else { (60, 8) };
    let (made, drops) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..callers)
            .map(|_| {
                scope.spawn(|| {
                    let mut calls = 0_u64;
                    while !done.load(Ordering::Relaxed) {
                        let sum = counter.add(0);
                        assert!(sum % 2 == 1 && sum <= 9, "{sum}");
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        let patchers: Vec<_> = (0..4)
            .map(|number| {
                let (rt, made, drops) = (&rt, &made, &drops);
                scope.spawn(move || {
                    for _ in 0..rounds {
                        let commit = || {
                            made.fetch_add(1, Ordering::SeqCst);
                            let captured = Counted(Arc::clone(drops));
                            let outer = move |next: &dyn Fn(u64) -> u64, n: u64| {
                                let _ = &captured;
                                next(n) + 1
                            };
                            let patch = rt.patch::<dyn Counter>(&format!("patch-{number}"));
                            patch.methods(|m| m.add(|next, n| next(n) + 1)).methods(|m| m.add(outer)).commit()
                        };
                        let patch = loop {
                            match commit() {
                                Ok(patch) => break patch,
                                Err(error) => assert_eq!(error.kind(), ErrorKind::Busy),
                            }
                            thread::yield_now();
                        };
                        drop(patch);
                    }
                })
            })
            .collect();
        patchers.into_iter().for_each(|patcher| patcher.join().unwrap());
        done.store(true, Ordering::Relaxed);
        assert!(callers.into_iter().map(|caller| caller.join().unwrap()).sum::<u64>() > 0);
    });
    assert_eq!((counter.add(0), rt.patches()), (1, Vec::new()));
    wait(|| drops.load(Ordering::SeqCst) == made.load(Ordering::SeqCst));
}
