//! A [`Provider`]: one component's place for one interface. Its implementations take the place in turn: a
//! replacement puts another implementation there, and the services of the provider stay.
//!
//! A provider is in one of four states. Only the running transaction changes them, with the state lock held:
//!
//! ```text
//!              add                       announce
//! (nothing) --------> adding     present --------> changing
//!                     |    |       ^  ^            |   |  |
//!              abandon|    |commit |  |abandon     |   |  | commit, nothing pending
//!                     v    +-------+  +------------+   |  +--------> (removed)
//!                  orphan          ^                   |
//!                     |            +-------------------+
//!                     v              commit, a successor pending
//!                 (removed, with its last instance)
//! ```
//!
//! What a thread sees of a provider depends on the thread's [`Visibility`]: the transaction's own thread sees
//! what will be there after the commit, all others see what is committed.

use std::{mem, sync::Arc};

use crate::host::ids::{ServiceId, ThreadId, TransactionId};

use super::component::Implementation;

/// One component's place for one interface.
pub(crate) struct Provider {
    implementation: Arc<Implementation>,
    standing: Standing,
    shared: SharedInstance,
    /// How many instances it has.
    instances: usize,
    /// The configuration of the shared instance.
    config: Option<Arc<[u8]>>,
}

/// Where a provider stands towards transactions.
enum Standing {
    /// It is committed, and no transaction changes it.
    Present,
    /// A transaction that has not committed adds it: only that transaction sees it.
    Adding(TransactionId),
    /// It is committed, and a transaction that has not committed changes it.
    Changing(Change),
    /// The transaction that added it failed: the provider goes with its last instance.
    Orphan,
}

/// What a transaction does with a provider at its commit.
struct Change {
    by: TransactionId,
    pending: Pending,
    /// The transaction's thread, once it has frozen the provider: no other thread creates instances or
    /// slots here.
    frozen_by: Option<ThreadId>,
}

/// What becomes of a provider at a transaction's commit.
pub(crate) enum Pending {
    /// It gets this implementation.
    Successor(Arc<Implementation>),
    /// It is removed.
    Nothing,
}

/// The instance that handles share, unless they have an instance of their own.
enum SharedInstance {
    /// No caller has asked for it yet, or it was released.
    Absent,
    /// This thread constructs it.
    Building(ThreadId),
    Built(ServiceId),
}

/// Whether a provider is still needed.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::host) enum Use {
    /// It stays.
    Stays,
    /// It is an orphan without instances: remove it.
    Ended,
}

/// What became of a provider at a commit.
#[must_use]
pub(in crate::host) enum Committed {
    /// The transaction had no part in it.
    Unchanged,
    /// Every thread sees it now.
    Added,
    /// Its implementation was replaced. This is the one before.
    Replaced(Arc<Implementation>),
    /// The transaction removes it.
    Removed,
}

/// What a thread sees of the providers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Visibility {
    /// What is committed.
    Committed,
    /// What will be there when this transaction commits.
    Transaction(TransactionId),
}

impl Standing {
    #[must_use]
    fn abandoned(self) -> Standing {
        match self {
            Standing::Present | Standing::Changing(_) => Standing::Present,
            Standing::Adding(_) | Standing::Orphan => Standing::Orphan,
        }
    }
}

impl Provider {
    /// A provider that every thread sees.
    pub(super) fn present(implementation: Arc<Implementation>) -> Provider {
        Provider {
            implementation,
            standing: Standing::Present,
            shared: SharedInstance::Absent,
            instances: 0,
            config: None,
        }
    }

    /// A provider that a transaction adds.
    pub(super) fn adding(
        implementation: Arc<Implementation>,
        by: TransactionId,
        config: Option<Arc<[u8]>>,
    ) -> Provider {
        Provider { standing: Standing::Adding(by), config, ..Provider::present(implementation) }
    }

    /// The implementation that serves it now.
    pub(crate) fn implementation(&self) -> &Arc<Implementation> {
        &self.implementation
    }

    /// How many instances it has.
    pub(crate) fn instances(&self) -> usize {
        self.instances
    }

    /// The shared instance, if it was built.
    pub(crate) fn shared(&self) -> Option<ServiceId> {
        match self.shared {
            SharedInstance::Built(service) => Some(service),
            SharedInstance::Absent | SharedInstance::Building(_) => None,
        }
    }

    /// The thread that constructs the shared instance.
    pub(in crate::host) fn builder(&self) -> Option<ThreadId> {
        match self.shared {
            SharedInstance::Building(thread) => Some(thread),
            SharedInstance::Absent | SharedInstance::Built(_) => None,
        }
    }

    /// The configuration of the shared instance.
    pub(crate) fn config(&self) -> Option<&Arc<[u8]>> {
        self.config.as_ref()
    }

    /// Whether every thread sees it.
    pub(crate) fn is_committed(&self) -> bool {
        matches!(self.standing, Standing::Present | Standing::Changing(_))
    }

    /// The implementation that a thread sees here.
    pub(super) fn seen(&self, visibility: Visibility) -> Option<&Arc<Implementation>> {
        match (&self.standing, visibility) {
            (Standing::Adding(by), Visibility::Transaction(transaction)) if *by == transaction => {
                Some(&self.implementation)
            }
            (Standing::Changing(change), Visibility::Transaction(_)) => change.successor(),
            (Standing::Adding(_) | Standing::Orphan, _) => None,
            (Standing::Present, _) | (Standing::Changing(_), Visibility::Committed) => Some(&self.implementation),
        }
    }

    /// The implementation that a running transaction puts here.
    pub(in crate::host) fn successor(&self) -> Option<&Arc<Implementation>> {
        match &self.standing {
            Standing::Changing(change) => change.successor(),
            Standing::Present | Standing::Adding(_) | Standing::Orphan => None,
        }
    }

    /// The implementation that a running transaction brings here.
    pub(super) fn announced(&self) -> Option<&Arc<Implementation>> {
        match &self.standing {
            Standing::Adding(_) => Some(&self.implementation),
            Standing::Changing(change) => change.successor(),
            Standing::Present | Standing::Orphan => None,
        }
    }

    /// What an object of the present implementation sees if the thread that builds it sees `visibility`: an
    /// object that the transaction replaces belongs to the world before the commit.
    pub(in crate::host) fn visibility_of_present(&self, visibility: Visibility) -> Visibility {
        if let Standing::Changing(_) = self.standing { Visibility::Committed } else { visibility }
    }

    /// The thread of the transaction that has frozen the provider.
    pub(in crate::host) fn frozen_by(&self) -> Option<ThreadId> {
        match &self.standing {
            Standing::Changing(change) => change.frozen_by,
            Standing::Present | Standing::Adding(_) | Standing::Orphan => None,
        }
    }

    /// Whether `thread` has to wait for a transaction before it creates anything here.
    pub(in crate::host) fn is_frozen_for(&self, thread: ThreadId) -> bool {
        self.frozen_by().is_some_and(|changer| changer != thread)
    }

    /// Notes what a transaction does with the provider at its commit. Returns false if the provider is not
    /// committed itself.
    #[must_use]
    pub(super) fn announce(&mut self, by: TransactionId, pending: Pending) -> bool {
        let is_committed = self.is_committed();
        if is_committed {
            self.standing = Standing::Changing(Change { by, pending, frozen_by: None });
        }
        is_committed
    }

    /// Lets only `thread` create anything here, if a transaction changes it.
    pub(super) fn freeze(&mut self, thread: ThreadId) {
        if let Standing::Changing(change) = &mut self.standing {
            change.frozen_by = Some(thread);
        }
    }

    /// Lets every thread create something here again.
    pub(super) fn thaw(&mut self) {
        if let Standing::Changing(change) = &mut self.standing {
            change.frozen_by = None;
        }
    }

    /// Carries out what a transaction has announced.
    pub(super) fn commit(&mut self, by: TransactionId) -> Committed {
        match mem::replace(&mut self.standing, Standing::Present) {
            Standing::Adding(adding) if adding == by => Committed::Added,
            Standing::Changing(Change { by: changing, pending, .. }) if changing == by => match pending {
                Pending::Successor(successor) => Committed::Replaced(mem::replace(&mut self.implementation, successor)),
                Pending::Nothing => Committed::Removed,
            },
            other => {
                self.standing = other;
                Committed::Unchanged
            }
        }
    }

    /// Forgets what a transaction has announced that will not commit.
    pub(super) fn abandon(&mut self) -> Use {
        self.standing = mem::replace(&mut self.standing, Standing::Present).abandoned();
        self.in_use()
    }

    fn in_use(&self) -> Use {
        let is_unused = matches!(self.standing, Standing::Orphan) && self.instances == 0;
        if is_unused { Use::Ended } else { Use::Stays }
    }

    /// Notes that `thread` constructs the shared instance, if there is none.
    pub(super) fn begin_shared(&mut self, thread: ThreadId) {
        if let SharedInstance::Absent = self.shared {
            self.shared = SharedInstance::Building(thread);
        }
    }

    /// Whether there is a shared instance, or a thread that constructs it.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.shared, SharedInstance::Absent)
    }

    /// Notes that `thread` does not construct the shared instance any more.
    pub(super) fn end_building(&mut self, thread: ThreadId) {
        if self.builder() == Some(thread) {
            self.shared = SharedInstance::Absent;
        }
    }

    /// Makes a service the shared instance, if there is none.
    pub(super) fn share(&mut self, service: ServiceId) {
        if let SharedInstance::Absent = self.shared {
            self.shared = SharedInstance::Built(service);
        }
    }

    /// In the child of a fork: keeps only the forking thread, which has the number `now` there.
    pub(super) fn keep_builder(&mut self, forking: ThreadId, now: ThreadId) {
        if let SharedInstance::Building(builder) = self.shared {
            self.shared = if builder == forking { SharedInstance::Building(now) } else { SharedInstance::Absent };
        }
    }

    /// Counts one more instance.
    pub(super) fn gain_instance(&mut self) {
        self.instances += 1;
    }

    /// Counts one instance less: that of `service`.
    pub(super) fn lose_instance(&mut self, service: ServiceId) -> Use {
        self.instances -= 1;
        if self.shared() == Some(service) {
            self.shared = SharedInstance::Absent;
        }
        self.in_use()
    }

    pub(super) fn configure(&mut self, config: Option<&Arc<[u8]>>) {
        self.config = config.cloned();
    }
}

impl Change {
    fn successor(&self) -> Option<&Arc<Implementation>> {
        match &self.pending {
            Pending::Successor(successor) => Some(successor),
            Pending::Nothing => None,
        }
    }
}
