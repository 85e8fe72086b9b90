//! Handles and pins in futures: held across an await, spawned, and handed to generic code.

use std::{future::Future, pin::Pin, sync::Arc};

use lcr::{Handle, Pinned, Runtime};
use lcr_tests::{
    component,
    shelf::first::{self, Shelf as _},
};
use tokio::{runtime::Builder, task};

fn open() -> (Runtime, Handle<dyn first::Shelf>) {
    let rt = Runtime::builder().linked(false).build().unwrap();
    rt.load(component("shelf_first")).unwrap();
    let shelf = rt.service().unwrap();
    (rt, shelf)
}

fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    tokio.block_on(async { tokio.spawn(future).await.unwrap() })
}

/// A generic user, which is called with a handle as with anything else.
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
