//! [`Stop`]: why a transaction ends without a commit.

use crate::error::Error;

use super::watch::Abandoned;

/// Why a transaction ends without a commit.
pub(super) enum Stop {
    /// A phase failed: the executing thread undoes the transaction.
    Refused(Error),
    /// The caller gave up and has undone the transaction.
    Abandoned,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Refused(error)
    }
}

impl From<Abandoned> for Stop {
    fn from(_: Abandoned) -> Stop {
        Stop::Abandoned
    }
}
