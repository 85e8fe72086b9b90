//! The same component under several executors.

use std::sync::Arc;

use lcr::Handle;
pub(super) use lcr_tests::executor::block_on;
use lcr_tests::kitchen::{HeadWaiter, Kitchen};
use tokio::{runtime::Builder, task};

use super::open;

/// What every executor runs: calls of each kind, at once and one after the other.
async fn dine(kitchen: Handle<dyn Kitchen>) -> Vec<String> {
    let mut served = vec![kitchen.version().await.to_string()];
    served.push(kitchen.cook("soup", 3).await);
    let (bread, salad) = tokio::join!(kitchen.cook("bread", 2), kitchen.cook("salad", 5));
    served.extend([bread, salad]);
    let waited = tokio::select! {
        rung = kitchen.wait() => rung,
        () = async {
            kitchen.cook("clock", 4).await;
            kitchen.ring();
            std::future::pending().await
        } => unreachable!(),
    };
    assert!(waited > 0);
    served
}

const SERVED: [&str; 4] = ["1", "soup by 1", "bread by 1", "salad by 1"];

#[test]
fn a_hand_made_executor_runs_async_calls() {
    let (_rt, kitchen) = open();
    assert_eq!(block_on(dine(kitchen)), SERVED);
}

#[test]
fn tokio_runs_async_calls_on_one_thread() {
    let (_rt, kitchen) = open();
    let tokio = Builder::new_current_thread().build().unwrap();
    let served = tokio.block_on(async { task::spawn(dine(kitchen)).await.unwrap() });
    assert_eq!(served, SERVED);
}

#[test]
fn tokio_runs_async_calls_on_several_threads() {
    let (_rt, kitchen) = open();
    let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    tokio.block_on(async {
        let guests: Vec<_> = (0..50).map(|_| task::spawn(dine(kitchen.clone()))).collect();
        for guest in guests {
            assert_eq!(guest.await.unwrap(), SERVED);
        }
    });
    assert_eq!(kitchen.under_way(), 0);
}

/// Generic code awaits a callee that it does not know.
async fn twice<K: Kitchen>(kitchen: &K) -> u32 {
    kitchen.version().await + kitchen.version().await
}

#[test]
fn generic_code_awaits_a_handle_in_a_spawned_task() {
    let (_rt, kitchen) = open();
    let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let shared = Arc::new(kitchen.clone());
    let sum = tokio.block_on(async {
        let first = task::spawn(async move { twice(&kitchen).await });
        let second = task::spawn(async move { twice(&*shared).await });
        first.await.unwrap() + second.await.unwrap()
    });
    assert_eq!(sum, 4);
}

#[test]
fn calls_nest_across_three_components() {
    let rt = lcr_tests::empty_runtime();
    for component in ["kitchen_1", "waiter", "head_waiter"] {
        rt.load(lcr_tests::component(component)).unwrap();
    }
    let head: Handle<dyn HeadWaiter> = rt.service().unwrap();
    let kitchen: Handle<dyn Kitchen> = rt.service().unwrap();
    assert_eq!(block_on(head.order("soup", 10)), "soup by 1");
    let fault = block_on(head.burn(3)).unwrap_err();
    let lcr_tests::kitchen::Burnt::Fault(fault) = fault else { panic!("{fault:?}") };
    assert_eq!(fault.component().unwrap().to_string(), "kitchen 1.0.0");
    let tokio = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    tokio.block_on(async {
        let waiting: Vec<_> = (0..8)
            .map(|_| {
                let head = head.clone();
                task::spawn(async move { head.wait().await })
            })
            .collect();
        while kitchen.under_way() < 8 {
            task::yield_now().await;
        }
        kitchen.ring();
        for guest in waiting {
            assert_eq!(guest.await.unwrap(), 1);
        }
    });
    assert_eq!(kitchen.under_way(), 0);
}
