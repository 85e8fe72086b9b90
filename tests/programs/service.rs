//! A supervised service on tokio and axum, as its author would write it. It adds to the vault of the first file,
//! and replaces that vault by the second file's when a request asks for that.
//!
//! `/` adds 1 and answers with the sum. `/inside/PLACE/MS` stays inside the vault for MS milliseconds, on the
//! `pool` of threads that may block, or blocking a `worker`. `/replace/MS` replaces the vault with that timeout, or
//! with a plan's own (`default`), and answers with how many microseconds callers were held, or with the refusal.

use std::{
    env,
    error::Error,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use lcr::{Handle, Runtime};
use lcr_tests::bank::Vault;
use tokio::{net::TcpListener, signal::unix, task};

struct Service {
    rt: Runtime,
    vault: Handle<dyn Vault>,
    next: PathBuf,
    /// How many calls are inside the vault that were there before a replacement began.
    inside: AtomicUsize,
    /// How often the gate was seen shut while such a call was inside.
    shut: AtomicU64,
}

#[sam::main]
#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let [first, next, store] = [1, 2, 3].map(|argument| env::args_os().nth(argument).map(PathBuf::from));
    let (first, (next, store)) = first.zip(next.zip(store)).ok_or("usage: service LIBRARY LIBRARY STORE")?;
    let rt = Runtime::builder().store(store).build()?;
    rt.load(first)?;
    let vault = rt.service::<dyn Vault>()?;
    let service = Arc::new(Service { rt, vault, next, inside: AtomicUsize::new(0), shut: AtomicU64::new(0) });
    let watched = Arc::clone(&service);
    thread::spawn(move || watched.watch_gate());

    let listener = sam::app().listener("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    let listener = TcpListener::from_std(listener)?;
    let mut stop = unix::signal(unix::SignalKind::terminate())?;
    tokio::spawn(sam::tokio::beats());
    let router = Router::new()
        .route("/", get(add))
        .route("/inside/{place}/{ms}", get(inside))
        .route("/replace/{timeout}", get(replace))
        .route("/facts", get(facts))
        .with_state(service);
    axum::serve(listener, router).with_graceful_shutdown(async move { stop.recv().await.unwrap_or_default() }).await?;
    Ok(())
}

async fn add(State(service): State<Arc<Service>>) -> String {
    service.vault.add(1).to_string()
}

async fn inside(State(service): State<Arc<Service>>, Path((place, ms)): Path<(String, u64)>) -> StatusCode {
    let stay = move || {
        service.vault.inside(&|| {
            service.inside.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(ms));
            service.inside.fetch_sub(1, Ordering::SeqCst);
        });
    };
    match &*place {
        "pool" => task::spawn_blocking(stay).await.map_or(StatusCode::INTERNAL_SERVER_ERROR, |()| StatusCode::OK),
        "worker" => {
            stay();
            StatusCode::OK
        }
        _ => StatusCode::NOT_FOUND,
    }
}

async fn replace(State(service): State<Arc<Service>>, Path(timeout): Path<String>) -> (StatusCode, String) {
    let replaced = task::spawn_blocking(move || {
        // A machine that stands still behind the gate must not end it.
        let plan = service.rt.plan().replace(&service.next).deadline(Duration::from_secs(30));
        let plan = match timeout.parse() {
            Ok(ms) => plan.timeout(Duration::from_millis(ms)),
            Err(_) => plan,
        };
        plan.commit()
    });
    match replaced.await {
        Ok(Ok(report)) => (StatusCode::OK, report.held.as_micros().to_string()),
        Ok(Err(error)) => (StatusCode::CONFLICT, format!("{:?}: {error}", error.kind())),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// The version of the vault, its sum, how many calls are inside, and how often the gate was shut on a call.
async fn facts(State(service): State<Arc<Service>>) -> String {
    let inside = service.inside.load(Ordering::SeqCst);
    let shut = service.shut.load(Ordering::SeqCst);
    format!("{} {} {inside} {shut}", service.vault.version(), service.vault.add(0))
}

impl Service {
    /// Notes a gate that is shut while the same call is inside before and after the look.
    fn watch_gate(&self) {
        loop {
            let before = self.inside.load(Ordering::SeqCst);
            let is_shut = self.rt.status().is_gate_shut;
            if before > 0 && is_shut && self.inside.load(Ordering::SeqCst) > 0 {
                self.shut.fetch_add(1, Ordering::SeqCst);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}
