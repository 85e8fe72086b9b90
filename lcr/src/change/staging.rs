//! Staging the files of a plan, on a thread of its own, since a file system may answer slowly or never.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind},
    host::{
        image::{library, stage::show},
        service::inner::RuntimeInner,
        sys,
    },
};

use super::request::{Request, Step};

/// Stages the files of the requests on a thread of its own. If that thread does not return within
/// `timeout`, the requests that are left are refused, and the thread removes its copies when it returns.
pub(super) fn stage_all(inner: &Arc<RuntimeInner>, requests: Vec<Request>, timeout: Option<Duration>) -> Vec<Step> {
    if library::loader_usable().is_err() {
        let refuse = |request: Request| {
            let refusal = request.path().and_then(|path| Some(library::loader_usable().err()?.at(show(path))));
            Step { request, staged: None, refusal }
        };
        return requests.into_iter().map(refuse).collect();
    }
    let (send, staged) = mpsc::channel();
    let paths: Vec<PathBuf> = requests.iter().filter_map(Request::path).map(Path::to_owned).collect();
    let store = Arc::clone(inner);
    let stager = sys::start(c"lcr-stage", 2 << 20, move || {
        for path in paths {
            let staged = catch_unwind(AssertUnwindSafe(|| store.stage(&path)));
            let staged = staged.unwrap_or_else(|panic| Err(Error::internal("the file was not read", &*panic)));
            if send.send(staged).is_err() {
                break;
            }
        }
    });
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut late = None;
    let steps = requests.into_iter().map(|request| {
        let Some(path) = request.path() else { return Step { request, staged: None, refusal: None } };
        let answer = match (&late, &stager, deadline) {
            (None, Ok(_), Some(deadline)) => staged.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            (None, Ok(_), None) => staged.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            _ => Err(mpsc::RecvTimeoutError::Timeout),
        };
        let answer = answer.unwrap_or_else(|error| {
            late.get_or_insert(error);
            Err(match &stager {
                Err(_) => Error::new(ErrorKind::Io, "no thread could be started to read the file"),
                Ok(_) if error == mpsc::RecvTimeoutError::Disconnected => {
                    Error::new(ErrorKind::Internal, "the thread that reads files ended early; please report this")
                }
                Ok(_) => unread(timeout.unwrap_or_default()),
            }
            .at(show(path)))
        });
        match answer {
            Ok(staged) => Step { request, staged: Some(staged), refusal: None },
            Err(error) => Step { request, staged: None, refusal: Some(error) },
        }
    });
    let steps = steps.collect();
    if let (None, Ok(stager)) = (late, stager) {
        stager.join();
    }
    steps
}

fn unread(timeout: Duration) -> Error {
    let text = format!(
        "the file was not read and checked within {timeout:?}; if its file system is only slow, raise the plan's timeout"
    );
    Error::new(ErrorKind::Deadline, text)
}
