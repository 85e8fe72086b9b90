//! A server on axum whose routes are components, replaced while it serves, under sam.
//!
//! Run `cargo run --example axum_server`; it prints its address. `GET /greeting/NAME` and `GET /visits/` are
//! answered by components; `POST /replace/LIBRARY` replaces the component of `greeting`, `greeting_v2` or `visits` by
//! that library's:
//!
//! ```text
//! curl http://127.0.0.1:PORT/greeting/Ann
//! curl -X POST http://127.0.0.1:PORT/replace/greeting_v2
//! ```
//!
//! No request fails and none waits for long, whatever the number of replacements: a request that is under way ends in
//! the component in which it began. The routes are `async`, so one that waits holds no worker. `visits` counts, and its
//! count moves on to each successor.

use std::{collections::HashMap, path::PathBuf, process, sync::Arc};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use lcr::{BoxError, Handle, Runtime};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task,
};

mod interface;
#[path = "../libraries.rs"]
mod libraries;

use interface::Route;

/// The libraries, each with the path of its component's route.
const LIBRARIES: [(&str, &str); 3] = [("greeting", "greeting"), ("visits", "visits"), ("greeting_v2", "greeting")];

struct Site {
    rt: Runtime,
    routes: HashMap<&'static str, Handle<dyn Route>>,
    libraries: PathBuf,
}

// `sam::main` comes first: it forks the supervisor before tokio starts its threads. The first start compiles.
#[sam::main(interval = "2s", start_limit = "10m", stop_signal = "SIGTERM", stop_limit = "10s")]
#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), BoxError> {
    let site = Arc::new(task::spawn_blocking(Site::open).await??);
    let app = sam::app();
    let listener = app.listener("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    println!("instance {}, pid {}, listens on {}", app.instance(), process::id(), listener.local_addr()?);

    tokio::spawn(sam::tokio::beats());
    let mut stop = signal(SignalKind::terminate())?;
    let router = Router::new()
        .route("/{route}/{*rest}", get(answer))
        .route("/{route}/", get(answer_without_rest))
        .route("/replace/{library}", post(replace))
        .with_state(Arc::clone(&site));
    axum::serve(listener, router).with_graceful_shutdown(async move { _ = stop.recv().await }).await?;
    // Destructors run, and may wait: not on a worker.
    task::spawn_blocking(move || drop(site)).await?;
    println!("stopped");
    Ok(())
}

impl Site {
    fn open() -> Result<Site, BoxError> {
        let names = LIBRARIES.map(|(library, _)| format!("axum_server_{library}"));
        let libraries = libraries::built(&names.each_ref().map(String::as_str))?;
        let rt = Runtime::new()?;
        let mut routes = HashMap::new();
        for (library, route) in &LIBRARIES[..2] {
            rt.load(libraries.join(format!("libaxum_server_{library}.so")))?;
            routes.insert(*route, rt.service_of(route)?);
        }
        Ok(Site { rt, routes, libraries })
    }

    async fn ask(&self, route: &str, rest: &str) -> (StatusCode, String) {
        let Some(route) = self.routes.get(route) else {
            return (StatusCode::NOT_FOUND, format!("there is no route {route}\n"));
        };
        match route.answer(rest).await {
            Ok(reply) => (StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK), reply.body),
            // The component panicked, or a gate stayed shut.
            Err(fault) => (StatusCode::SERVICE_UNAVAILABLE, format!("{fault}\n")),
        }
    }
}

async fn answer(State(site): State<Arc<Site>>, Path((route, rest)): Path<(String, String)>) -> (StatusCode, String) {
    site.ask(&route, &rest).await
}

async fn answer_without_rest(State(site): State<Arc<Site>>, Path(route): Path<String>) -> (StatusCode, String) {
    site.ask(&route, "").await
}

async fn replace(State(site): State<Arc<Site>>, Path(library): Path<String>) -> (StatusCode, String) {
    if !LIBRARIES.iter().any(|(known, _)| *known == library) {
        return (StatusCode::NOT_FOUND, format!("there is no library {library}\n"));
    }
    let file = site.libraries.join(format!("libaxum_server_{library}.so"));
    // A commit waits for calls: not on a worker.
    match task::spawn_blocking(move || site.rt.replace(file)).await {
        Ok(Ok(report)) => (StatusCode::OK, format!("{report}\n")),
        Ok(Err(error)) => (StatusCode::CONFLICT, format!("{error}\n")),
        Err(panic) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{panic}\n")),
    }
}
