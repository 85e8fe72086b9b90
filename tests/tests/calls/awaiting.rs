//! Handles and pins in futures that hold them across an await, are spawned, or are generic code; and
//! components that await in their methods.

use std::{fs, future::Future, pin::Pin, sync::Arc, time::Duration};

use lcr::{Handle, Pinned, Runtime};
use lcr_tests::{
    component, empty_runtime,
    interfaces::Ticker,
    shelf::first::{self, Shelf as _},
    wait_until,
};
use tokio::{runtime::Builder, task};

/// The ticker, linked into this test.
#[path = "../../components/ticker/alarm.rs"]
mod alarm;

fn open() -> (Runtime, Handle<dyn first::Shelf>) {
    let rt = empty_runtime();
    rt.load(component("shelf_first")).unwrap();
    let shelf = rt.service().unwrap();
    (rt, shelf)
}

fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    tokio.block_on(async { tokio.spawn(future).await.unwrap() })
}

/// Generic code, which is called with a handle as with any other implementor.
async fn count<S: first::Shelf>(shelf: &S) -> u32 {
    task::yield_now().await;
    let one = shelf.len();
    task::yield_now().await;
    one + shelf.len()
}

/// The shape of a web framework's handler: any async function of an extracted state.
trait Handler<S>: Clone + Send + Sized + 'static {
    fn serve(self, state: S) -> Pin<Box<dyn Future<Output = String> + Send>>;
}

impl<S, F, R> Handler<S> for F
where
    S: Send + 'static,
    F: FnOnce(State<S>) -> R + Clone + Send + 'static,
    R: Future<Output = String> + Send + 'static,
{
    fn serve(self, state: S) -> Pin<Box<dyn Future<Output = String> + Send>> {
        Box::pin(self(State(state)))
    }
}

struct State<S>(S);

type Both = (Handle<dyn first::Shelf>, Arc<Pinned<dyn first::Shelf>>);

fn route<S: Clone + Send + Sync + 'static>(handler: impl Handler<S>, state: S) -> String {
    spawn(handler.serve(state))
}

#[test]
fn a_handle_is_held_across_an_await_of_a_spawned_task() {
    let (_rt, shelf) = open();
    let book = spawn(async move {
        let other = Handle::clone(&shelf);
        task::yield_now().await;
        let book = shelf.get(0);
        task::yield_now().await;
        drop(other);
        book
    });
    assert_eq!(book, "Emma");
}

#[test]
fn a_pin_is_held_across_an_await_of_a_spawned_task() {
    let (_rt, shelf) = open();
    let len = spawn(async move {
        let pinned: Pinned<dyn first::Shelf> = Handle::pin(&shelf).unwrap();
        task::yield_now().await;
        let both = pinned.len() + count(&pinned).await;
        drop(pinned);
        both
    });
    assert_eq!(len, 6);
}

#[test]
fn generic_code_is_awaited_with_a_handle_in_a_spawned_task() {
    let (_rt, shelf) = open();
    let shared = Arc::new(shelf.clone());
    assert_eq!(spawn(async move { count(&shelf).await }), 4);
    assert_eq!(spawn(async move { count(&*shared).await }), 4);
}

#[test]
fn a_handler_takes_a_handle_as_its_state_and_awaits_while_it_lives() {
    async fn hello(State(shelf): State<Handle<dyn first::Shelf>>) -> String {
        task::yield_now().await;
        let book = shelf.get(1);
        task::yield_now().await;
        format!("{book} of {}", shelf.len())
    }
    let (_rt, shelf) = open();
    assert_eq!(route(hello, shelf.clone()), "Ulysses of 2");
    async fn both(State(shelves): State<Both>) -> String {
        let counted = count(&shelves.0).await + count(&*shelves.1).await;
        counted.to_string()
    }
    let pinned = Arc::new(Handle::pin(&shelf).unwrap());
    assert_eq!(route(both, (shelf, pinned)), "8");
}

/// How many threads of this process have that name.
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == name).count()
}

#[test]
fn a_component_awaits_on_a_runtime_of_its_own_wherever_it_is_called() {
    let linked = Runtime::new().unwrap();
    let loaded = empty_runtime();
    loaded.load(component("ticker_with_tokio")).unwrap();
    let tickers: [Handle<dyn Ticker>; 2] = [linked.service().unwrap(), loaded.service().unwrap()];
    let [inside, outside] = tickers.clone().map(|ticker| {
        spawn(async move {
            let ticking = ticker.clone();
            task::spawn_blocking(move || {
                ticking.wait().unwrap();
                wait_until("the ticker ticks", || ticking.ticks() > 0);
            })
            .await
            .unwrap();
            // These run on a worker of the program's runtime.
            (ticker.spawn(), ticker.wait())
        })
    });
    // The linked ticker finds the program's runtime, the loaded one finds none.
    inside.0.unwrap();
    let fault = inside.1.unwrap_err().to_string();
    assert!(fault.contains("from within a runtime"), "{fault}");
    let fault = outside.0.unwrap_err().to_string();
    assert!(fault.contains("no reactor running"), "{fault}");
    outside.1.unwrap();

    assert_eq!(threads("ticker"), 2);
    loaded.replace(component("ticker_with_tokio")).unwrap();
    loaded.wait_drained(Duration::from_secs(30)).unwrap();
    // A thread that ticks has named itself before.
    wait_until("the new instance ticks", || tickers[1].ticks() > 0);
    wait_until("the runtime of the replaced instance has ended", || threads("ticker") == 2);
    // This runs on a worker, and drops an instance that has a runtime.
    let [_, ticker] = tickers;
    spawn(async move { drop(ticker) });
    drop(loaded);
    wait_until("the runtimes of the loaded ones have ended", || threads("ticker") == 1);
}
