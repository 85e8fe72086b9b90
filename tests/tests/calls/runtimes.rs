//! Components that run inside the tokio runtime of their image, linked and loaded, called from everywhere.

use std::{
    cell::RefCell,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use lcr::{ErrorKind, Fault, Handle, Runtime};
use lcr_tests::{
    component, courier::Courier, empty_runtime, guest::Guest, in_a_process_of_its_own, names, patient, wait_until,
};
use tokio::runtime::{self, Builder};

/// The courier, linked into this test.
#[path = "../../components/courier/post.rs"]
mod post;

/// The name of the threads of a courier's runtime.
const NAME: &str = "tokio:courier";

/// How many threads of this process have that name.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == NAME).count()
}

fn linked() -> (Runtime, Handle<dyn Courier>) {
    let rt = Runtime::new().unwrap();
    let courier = rt.service().unwrap();
    (rt, courier)
}

fn loaded() -> (Runtime, Handle<dyn Courier>) {
    let rt = empty_runtime();
    rt.load(component("courier")).unwrap();
    let courier = rt.service().unwrap();
    (rt, courier)
}

/// Whether every image is unmapped that serves nothing. The slow path of a call has this thread drop what the
/// tokio of each image keeps with it.
fn has_no_other_image(rt: &Runtime, courier: &Handle<dyn Courier>) -> bool {
    Handle::generation(courier);
    rt.status().retained_images == 0
}

/// The port of a server that answers each line with itself.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            stream.write_all(line.as_bytes()).unwrap();
        }
    });
    port
}

/// Uses tasks, timers, sockets and blocking closures of the courier.
fn use_all(courier: &Handle<dyn Courier>, port: u16) {
    let (done, answers) = mpsc::channel();
    let closure_is_done = done.clone();
    courier.send(port, "hello".to_owned(), Box::new(move |answer| drop(done.send(answer)))).unwrap();
    assert_eq!(answers.recv().unwrap(), "hello\n");
    let over = move || closure_is_done.send("over".to_owned()).is_ok();
    courier.block(Box::new(over)).unwrap();
    assert_eq!(answers.recv().unwrap(), "over");
    let ticks = courier.ticks();
    wait_until("the task of the constructor ticks", || courier.ticks() > ticks);
}

#[test]
fn a_component_finds_the_runtime_of_its_image_wherever_it_is_called() {
    in_a_process_of_its_own(|| {
        let port = echo();
        let (linked, loaded) = (linked(), loaded());
        for courier in [&linked.1, &loaded.1] {
            use_all(courier, port);
            courier.wait().unwrap();
            for tokio in [Builder::new_multi_thread().worker_threads(2).build(), Builder::new_current_thread().build()]
            {
                let tokio = tokio.unwrap();
                let (own, task_courier) = (tokio.handle().id(), courier.clone());
                tokio.block_on(async {
                    use_all(courier, port);
                    assert_eq!(runtime::Handle::current().id(), own, "the program's own context is there again");
                    let task = tokio::spawn(async move {
                        use_all(&task_courier, port);
                        runtime::Handle::current().id()
                    });
                    assert_eq!(task.await.unwrap(), own);
                });
            }
        }
        assert!(runtime::Handle::try_current().is_err());
        // One driver for each image. Blocking threads live on for a while.
        wait_until("both drivers run", || threads() >= 2);
    });
}

#[test]
fn calls_from_one_runtime_into_another_come_back_to_the_first() {
    let (linked, first, second) = (linked(), loaded(), loaded());
    for courier in [&linked.1, &first.1] {
        for other in [&linked.1, &first.1, &second.1] {
            assert!(courier.call(other.clone()).unwrap());
        }
    }
}

/// Polls a future on this thread, which has no executor.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// Awaits sockets, timers, tasks and blocking closures of the courier.
async fn await_all(courier: &Handle<dyn Courier>, port: u16) {
    assert_eq!(courier.ask(port, "hello").await.unwrap(), "hello\n");
    assert!(courier.nap().await.unwrap());
}

#[test]
fn each_poll_is_inside_the_runtime_whichever_executor_polls() {
    let port = echo();
    let (linked, loaded) = (linked(), loaded());
    for courier in [&linked.1, &loaded.1] {
        block_on(await_all(courier, port));
        for tokio in [Builder::new_multi_thread().worker_threads(2).build(), Builder::new_current_thread().build()] {
            let tokio = tokio.unwrap();
            let own = tokio.handle().id();
            tokio.block_on(async {
                await_all(courier, port).await;
                assert_eq!(runtime::Handle::current().id(), own, "the program's own context is there again");
                let tasks = (0..20).map(|_| {
                    let courier = courier.clone();
                    tokio::spawn(async move {
                        await_all(&courier, port).await;
                        runtime::Handle::current().id()
                    })
                });
                for task in tasks.collect::<Vec<_>>() {
                    assert_eq!(task.await.unwrap(), own);
                }
            });
        }
    }
}

#[test]
fn a_future_that_is_dropped_between_two_polls_is_dropped_inside_the_runtime() {
    let (linked, loaded) = (linked(), loaded());
    for courier in [&linked.1, &loaded.1] {
        let (tell, told) = mpsc::channel();
        let mut future = Box::pin(courier.wait_for_ever(Box::new(move |is_inside| tell.send(is_inside).unwrap())));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(told.try_recv().is_err());
        thread::scope(|scope| drop(scope.spawn(move || drop(future))));
        assert!(told.recv().unwrap());
    }
}

#[test]
fn awaited_calls_go_on_in_the_instance_in_which_they_began_while_the_runtime_is_replaced() {
    in_a_process_of_its_own(|| {
        let port = echo();
        let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let (rt, courier) = loaded();
        let is_over = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (courier, is_over) = (courier.clone(), Arc::clone(&is_over));
                tokio.spawn(async move {
                    let mut calls = 0_u64;
                    loop {
                        await_all(&courier, port).await;
                        calls += 1;
                        if is_over.load(Ordering::Relaxed) {
                            return calls;
                        }
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            patient(&rt).replace(component("courier")).commit().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        for caller in callers {
            assert!(tokio.block_on(caller).unwrap() > 0);
        }
        rt.wait_drained(Duration::from_secs(30)).unwrap();
        wait_until("one runtime is left", || rt.status().left_threads.is_empty());
    });
}

#[test]
fn the_last_instance_ends_the_runtime_and_its_tasks() {
    in_a_process_of_its_own(|| {
        for open in [linked, loaded] {
            let (rt, shared) = open();
            let own: Handle<dyn Courier> = rt.reference(&"open").unwrap();
            // A thread takes its name when it runs, and is seen for a moment after it was joined.
            wait_until("two instances of one image share a runtime", || threads() == 1);
            let (held, told) = (Arc::new(()), mpsc::channel());
            for courier in [&own, &shared] {
                let (held, tell) = (Arc::clone(&held), told.0.clone());
                courier.keep(Box::new(move || drop(Arc::clone(&held)))).unwrap();
                courier.at_the_end(Box::new(move |is_inside| tell.send(is_inside).unwrap())).unwrap();
            }
            drop(own);
            assert!(told.1.recv().unwrap(), "a destructor runs inside the runtime");
            rt.wait_drained(Duration::from_secs(30)).unwrap();
            assert_eq!((Arc::strong_count(&held), threads()), (3, 1), "the runtime lives on with the other instance");
            drop(shared);
            assert!(told.1.recv().unwrap());
            rt.wait_drained(Duration::from_secs(30)).unwrap();
            assert_eq!(Arc::strong_count(&held), 1, "a task is left of the runtime");
            wait_until("nothing is left of the runtime", || threads() == 0);

            let again: Handle<dyn Courier> = rt.service().unwrap();
            wait_until("another runtime serves another instance", || again.ticks() > 0);
            drop(rt);
            wait_until("the thread of the last runtime has ended", || threads() == 0);
        }
    });
}

#[test]
fn a_replacement_leaves_no_runtime_and_no_image() {
    in_a_process_of_its_own(|| {
        let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let (rt, courier) = loaded();
        let is_over = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (courier, is_over) = (courier.clone(), Arc::clone(&is_over));
                tokio.spawn(async move {
                    let mut calls = 0_u64;
                    loop {
                        courier.keep(Box::new(|| ())).unwrap();
                        calls += 1;
                        tokio::task::yield_now().await;
                        if is_over.load(Ordering::Relaxed) {
                            return calls;
                        }
                    }
                })
            })
            .collect();
        let mut ticks = 0;
        for _ in 0..20 {
            wait_until("it ticks", || courier.ticks() > ticks);
            ticks = courier.ticks();
            patient(&rt).replace(component("courier")).commit().unwrap();
            assert!(courier.ticks() >= ticks, "the state went over");
        }
        is_over.store(true, Ordering::Relaxed);
        for caller in callers {
            assert!(tokio.block_on(caller).unwrap() > 0);
        }
        drop(tokio);
        rt.wait_drained(Duration::from_secs(30)).unwrap();
        wait_until("one runtime is left", || threads() == 1);
        wait_until("every image but the last one is unmapped", || has_no_other_image(&rt, &courier));
        use_all(&courier, echo());
    });
}

/// The thread that destroys instances was inside the runtime of each. Left alone it ends after a second.
#[test]
fn images_are_unmapped_though_nothing_calls_afterwards_and_other_instances_are_destroyed() {
    for replacements in [1, 10] {
        // The thread that was inside the first runtime ends.
        let (rt, _courier) = thread::spawn(loaded).join().unwrap();
        rt.load(component("guest_1")).unwrap();
        for _ in 0..replacements {
            rt.replace(component("courier")).unwrap();
        }
        wait_until("every image but the last one is unmapped", || {
            drop(rt.reference::<dyn Guest>(&()).unwrap());
            rt.status().retained_images == 0
        });
    }
}

#[test]
fn an_image_is_unmapped_while_instances_of_another_are_destroyed_without_a_pause() {
    let (rt, courier) = loaded();
    // To destroy them takes longer than to make as many.
    let destroy_some = || {
        let few = 40 - rt.status().retiring.min(40);
        for _ in 0..few {
            let brief: Handle<dyn Courier> = rt.reference(&"open").unwrap();
            brief.at_the_end(Box::new(|_| thread::sleep(Duration::from_millis(20)))).unwrap();
        }
    };
    destroy_some();
    rt.replace(component("courier")).unwrap();
    wait_until("the image is unmapped", || {
        destroy_some();
        has_no_other_image(&rt, &courier)
    });
}

#[test]
fn a_constructor_that_fails_in_an_async_context_leaves_no_runtime() {
    in_a_process_of_its_own(|| {
        let tokio = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        for is_loaded in [false, true] {
            let rt = if is_loaded { empty_runtime() } else { Runtime::new().unwrap() };
            if is_loaded {
                rt.load(component("courier")).unwrap();
            }
            tokio.block_on(async {
                for (config, text) in [("refuse", "the post is closed"), ("panic", "the post burns")] {
                    let error = rt.reference::<dyn Courier>(&config).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Construct);
                    assert!(error.to_string().contains(text), "{error}");
                    assert_eq!(threads(), 0);
                }
                // Also the end of a good one.
                drop(rt.reference::<dyn Courier>(&"open").unwrap());
                drop(rt);
                assert_eq!(threads(), 0);
            });
        }
    });
}

#[test]
fn a_blocking_closure_that_does_not_end_is_a_straggler_and_stops_no_other() {
    in_a_process_of_its_own(|| {
        let (rt, courier) = loaded();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let (begun, has_begun) = mpsc::channel();
        courier
            .block(Box::new(move || {
                let _ = begun.send(());
                over.load(Ordering::Relaxed)
            }))
            .unwrap();
        has_begun.recv().unwrap();
        rt.replace(component("courier")).unwrap();
        let names_it = |straggler: &lcr::Straggler| names(straggler)[1..] == ["courier 1.0.0", "destructor"];
        wait_until("the end of the runtime is a straggler", || rt.status().stragglers.iter().any(names_it));
        rt.replace(component("courier")).unwrap();
        wait_until("it is given up, and its thread left behind", || rt.status().retiring == 0);
        assert!(rt.status().stragglers.is_empty());
        let status = rt.status();
        assert_eq!((threads(), status.retained_images), (3, 1));
        // That of the closure, and the one that waits for it.
        assert_eq!(status.left_threads.len(), 2, "{status:#?}");
        for left in &status.left_threads {
            assert_eq!((left.component.to_string().as_str(), left.thread.as_deref()), ("courier 1.0.0", Some(NAME)));
        }
        is_over.store(true, Ordering::Relaxed);
        wait_until("its thread has ended", || threads() == 1 && rt.status().left_threads.is_empty());
        wait_until("its image is unmapped", || has_no_other_image(&rt, &courier));
        use_all(&courier, echo());
    });
}

#[test]
fn a_future_is_dropped_in_its_place_at_the_end_of_a_thread_whose_tokio_is_gone() {
    type Waits = Pin<Box<dyn Future<Output = Result<(), Fault>>>>;
    thread_local! {
        static SLOT: RefCell<Option<Waits>> = const { RefCell::new(None) };
    }
    let rt = empty_runtime();
    rt.load(component("courier")).unwrap();
    let courier: Handle<dyn Courier> = rt.service().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        // The destructor of the slot is registered first, and runs last.
        SLOT.with_borrow_mut(|slot| {
            let mut waits: Waits = Box::pin(async move {
                courier.wait_for_ever(Box::new(move |is_inside| tell.send(is_inside).unwrap())).await
            });
            assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            *slot = Some(waits);
        });
    })
    .join()
    .unwrap();
    let told = told.recv_timeout(Duration::from_secs(30));
    assert_eq!(told, Ok(false), "its memory was freed, and it was not dropped");
}
