//! Staging the files of a plan, on a thread of its own, since a file system may answer slowly or never.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind},
    host::{
        image::{
            library,
            stage::{KeptFile, show},
        },
        service::inner::RuntimeInner,
        sys,
    },
};

use super::request::{Request, Step};

/// What a thread stages.
enum Job {
    File(PathBuf),
    Again(Arc<KeptFile>),
}

/// Stages the files of the requests on a thread of its own. If that thread does not return within
/// `timeout`, the requests that are left are refused, and the thread removes its copies when it returns.
pub(super) fn stage_all(inner: &Arc<RuntimeInner>, requests: Vec<Request>, timeout: Option<Duration>) -> Vec<Step> {
    if library::loader_usable().is_err() {
        let refuse = |mut request: Request| {
            let found = request.take_refusal();
            let unusable = |path| Some(library::loader_usable().err()?.at(show(path)));
            let refusal = found.or_else(|| request.path().and_then(unusable));
            Step { request, staged: None, refusal }
        };
        return requests.into_iter().map(refuse).collect();
    }
    let (send, staged) = mpsc::channel();
    let jobs = requests.iter().filter_map(|request| match request {
        Request::Reload(_, file) => Some(Job::Again(Arc::clone(file))),
        _ => request.path().map(|path| Job::File(path.to_owned())),
    });
    let jobs: Vec<Job> = jobs.collect();
    let store = Arc::clone(inner);
    let stager = sys::start(c"lcr-stage", 2 << 20, move || {
        for job in jobs {
            let staged = catch_unwind(AssertUnwindSafe(|| match &job {
                Job::File(path) => store.stage(path),
                Job::Again(file) => store.stage_again(file),
            }));
            let staged = staged.unwrap_or_else(|panic| Err(Error::internal("the file was not read", &*panic)));
            if send.send(staged).is_err() {
                break;
            }
        }
    });
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut late = None;
    let steps = requests.into_iter().map(|mut request| {
        let refusal = request.take_refusal();
        let Some(path) = request.path() else { return Step { request, staged: None, refusal } };
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
        "the file was not read and checked within {timeout:?}; if its file system is only slow, raise the plan's \
         timeout"
    );
    Error::new(ErrorKind::Deadline, text)
}
