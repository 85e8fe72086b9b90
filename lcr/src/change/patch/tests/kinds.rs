//! Closures that see arguments and results, clauses, withdrawn methods, and where patches stand.

use super::*;

#[test]
fn a_closure_sees_the_arguments_before_the_call_and_may_refuse_it() {
    let (rt, counter) = counter();
    let seen = Arc::new(AtomicU64::new(0));
    let sees = Arc::clone(&seen);
    let patch = rt.patch::<dyn Counter>("guard").before(|m| {
        m.add(move |n| {
            sees.fetch_add(n, Ordering::Relaxed);
        })
        .join(|text, bytes: &Vec<u8>| if bytes.len() > 2 { Err(format!("{text} is too long")) } else { Ok(()) })
        .fail(|text| if text.is_empty() { Err("say something") } else { Ok(()) })
    });
    let patch = patch.commit().unwrap();
    assert_eq!((counter.add(5), seen.load(Ordering::Relaxed)), (6, 5));
    assert_eq!(counter.join("a", vec![1, 2]), "a:2");
    let fault = counter.fail("").unwrap_err();
    assert_eq!((fault.kind(), fault.message()), (FaultKind::Refused, "say something"));
    let origin = fault.origin().unwrap().component().to_string();
    assert_eq!(origin, format!("guard 0.0.{}+patch", patch.number()));
    assert_eq!(counter.fail("said").unwrap_err().kind(), FaultKind::Panic, "the component got the call");
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| counter.join("a", vec![1, 2, 3])));
    let text = refused.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("a is too long") && text.contains("was not called"), "{text}");
}

#[test]
fn a_closure_sees_and_changes_the_result() {
    let (rt, counter) = counter();
    let patch = rt.patch::<dyn Counter>("mark").after(|m| {
        m.join(|result, text| result.push_str(text))
            .add(|result, n| *result *= n)
            .fail(|result, text| *result = Ok(result.as_ref().map_or_else(|_| text.len() as u64, |value| *value)))
            .inside(|result, f| *result += f(10))
    });
    let _patch = patch.commit().unwrap();
    assert_eq!((counter.join("a", vec![1]), counter.add(4)), ("a:1a".to_owned(), 20));
    assert_eq!(counter.fail("four").unwrap(), 4, "the fault of the component was an error to look at");
    assert_eq!(counter.inside(&|n| n + 1), 13);
}

#[test]
fn a_withdrawn_method_is_a_fault_until_it_is_given_back() {
    let (rt, counter) = counter();
    let patch = rt.patch::<dyn Counter>("closed").withdraw(|m| m.fail().join()).commit().unwrap();
    let fault = counter.fail("a").unwrap_err();
    assert_eq!(fault.kind(), FaultKind::Withdrawn);
    assert_eq!(fault.origin().unwrap().component().name, "closed");
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| counter.join("a", vec![1]))).is_err());
    assert_eq!(counter.add(1), 2, "the others serve on");
    drop(patch);
    assert_eq!((counter.join("a", vec![1]), counter.fail("a").unwrap_err().kind()), ("a:1".into(), FaultKind::Panic));
}

#[test]
fn clauses_are_tried_in_order_and_the_first_that_answers_counts() {
    let (rt, counter) = counter();
    let clauses = rt.patch::<dyn Counter>("clauses").clauses(|m| {
        m.add(|n| (n == 24).then_some(42))
            .add(|n| (n <= 24).then_some(24))
            .join(|text, bytes| (bytes.is_empty() && text == "empty").then(|| "nothing".to_owned()))
    });
    let _clauses = clauses.commit().unwrap();
    assert_eq!([24, 23, 25].map(|n| counter.add(n)), [42, 24, 26]);
    assert_eq!((counter.join("empty", vec![]), counter.join("full", vec![])), ("nothing".into(), "full:0".into()));
}

#[test]
fn a_patch_names_its_position_among_the_others() {
    let (rt, counter) = counter();
    let answers = |name: &str, n: u64, position| {
        let clause = rt.patch::<dyn Counter>(name).clauses(|m| m.add(move |asked| (asked <= n).then_some(n)));
        clause.at(position).commit()
    };
    let [low, high] = [("low", 10), ("high", 30)].map(|(name, n)| answers(name, n, Position::First).unwrap());
    let names = || rt.patches().into_iter().map(|patch| patch.name).collect::<Vec<_>>();
    assert_eq!((counter.add(5), counter.add(20)), (30, 30), "the last one is asked first");
    let last = answers("last", 100, Position::Last).unwrap();
    let between = answers("between", 20, Position::Above("low".into())).unwrap();
    let behind = answers("behind", 5, Position::Below("high".into())).unwrap();
    assert_eq!(names(), ["last", "low", "between", "behind", "high"]);
    assert_eq!((counter.add(5), counter.add(50), counter.add(101)), (30, 100, 102));
    drop(high);
    assert_eq!((counter.add(5), counter.add(6), counter.add(21)), (5, 20, 100));
    let before = (rt.generation(), names());
    let refused = |position| answers("lost", 1, position).unwrap_err().kind();
    assert_eq!(refused(Position::Above("nobody".into())), ErrorKind::NotFound);
    let twin = answers("low", 1, Position::Last).unwrap();
    assert_eq!(refused(Position::Below("low".into())), ErrorKind::Ambiguous);
    drop(twin);
    assert_eq!((rt.generation(), names()), (before.0 + 2, before.1));
    drop((low, last, between, behind));
    assert_eq!(counter.add(5), 6);
}

/// The interface of a component that asks nothing of a callback but `Fn`, as a program declares it that promises more.
mod promising {
    #[lcr::interface(name = "patch.counter", version = 1, patches)]
    pub(super) trait Counter {
        fn inside(&self, f: &(dyn Fn(u64) -> u64 + Send + Sync)) -> u64;
    }
}

/// Without that, a patch around it that lends less would have it share with threads what must not be shared.
#[test]
fn a_patch_that_promises_more_of_a_callback_than_its_component_asks_for_is_refused() {
    let (rt, counter) = counter();
    let patch = rt.patch::<dyn promising::Counter>("shares").methods(|m| m.inside(|next, f| next(f)));
    let error = patch.commit().unwrap_err();
    assert!(error.kind() == ErrorKind::Mismatch && error.to_string().contains("Send + Sync"), "{error}");
    // A handle may promise more.
    let promising = rt.service::<dyn promising::Counter>().unwrap();
    assert_eq!((promising::Counter::inside(&promising, &|n| n + 1), counter.inside(&|n| n + 2)), (2, 3));
}
