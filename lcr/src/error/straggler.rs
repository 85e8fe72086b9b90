//! What keeps a transaction, or the end of a replaced instance, waiting.

use std::fmt;
use std::time::Duration;

use crate::component::identity::ComponentId;

/// A call, pin or step that was still running when a deadline passed.
///
/// `Display` writes one line, such as
/// ``thread `io-1` (77) is in kv.store.get of kv 1.0.0, seen for 1.500s``.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "host", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Straggler {
    /// The name of the thread, its first 15 bytes; `None` if the thread has no name. For an async call
    /// the thread that started the call, which may have ended since.
    pub thread: Option<String>,
    /// The kernel's id of the thread, as in `/proc/self/task`.
    pub thread_id: u32,
    /// What holds the component.
    pub held_by: HeldBy,
    /// How long ago the runtime first saw the call, pin or step. A call may be older: calls keep no
    /// time stamps, and the runtime looks at calls only while it waits for them. For pins and steps
    /// this is the exact age.
    #[cfg_attr(feature = "host", serde(rename = "seen_for_us", with = "crate::host::serial::micros"))]
    pub seen_for: Duration,
}

/// What holds a component: see [`Straggler::held_by`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "host", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum HeldBy {
    /// A call through a handle.
    Call {
        /// The component that the call is in; `None` if the handle's slot was released meanwhile.
        component: Option<ComponentId>,
        /// The method that was called; `None` if the handle's slot was released meanwhile.
        method: Option<MethodId>,
    },
    /// An async call through a handle, whose future was polled and is neither ready nor dropped; or a stream that was
    /// polled, and has neither ended nor been dropped.
    AsyncCall {
        /// The component that the call is in; `None` if the handle's slot was released meanwhile.
        component: Option<ComponentId>,
        /// The method that was called; `None` if the handle's slot was released meanwhile.
        method: Option<MethodId>,
    },
    /// A pin, which holds every instance of its world.
    Pin {
        /// The number of the commit whose world the pin holds, as
        /// [`Runtime::generation`](crate::Runtime::generation) counts commits.
        generation: u64,
    },
    /// A step in a component's life, such as its constructor, that has not returned.
    Step {
        /// The component whose code runs.
        component: ComponentId,
        /// The step.
        step: LifecycleStep,
    },
}

/// One method of one interface. `Display` writes `interface.method`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "host", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct MethodId {
    /// The interface's name.
    pub interface: String,
    /// The method's name.
    pub method: String,
}

/// A step in a component's life, which runs the component's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "host", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LifecycleStep {
    /// The loader maps the library and runs its initialisers.
    Load,
    /// The runtime constructs the instances that the component depends on.
    Dependencies,
    /// `Default`, or the function of `create = path`.
    Constructor,
    /// The function of `healthy = path`.
    HealthCheck,
    /// [`Stateful::save`](crate::Stateful::save).
    Save,
    /// [`Stateful::migrate`](crate::Stateful::migrate) or
    /// [`Stateful::restore`](crate::Stateful::restore).
    Restore,
    /// [`Stateful::downgrade`](crate::Stateful::downgrade), or the function that `downgrade = path` names.
    Downgrade,
    /// [`Incremental::track`](crate::Incremental::track) or
    /// [`Incremental::changes`](crate::Incremental::changes).
    Changes,
    /// [`Incremental::apply`](crate::Incremental::apply).
    Apply,
    /// `Drop` of the instance.
    Destructor,
}

impl Straggler {
    /// The component that is held; `None` for a pin, which holds all components, and for a call whose
    /// slot was released meanwhile.
    pub fn component(&self) -> Option<&ComponentId> {
        match &self.held_by {
            HeldBy::Call { component, .. } | HeldBy::AsyncCall { component, .. } => component.as_ref(),
            HeldBy::Pin { .. } => None,
            HeldBy::Step { component, .. } => Some(component),
        }
    }
}

impl fmt::Display for Straggler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.thread {
            None => write!(f, "thread {}", self.thread_id)?,
            Some(name) => write!(f, "thread `{name}` ({})", self.thread_id)?,
        }
        match &self.held_by {
            HeldBy::Pin { generation } => {
                return write!(f, " holds a pin on generation {generation} for {:.3?}", self.seen_for);
            }
            HeldBy::Step { component, step } => write!(f, " is in the {step} of {component}")?,
            HeldBy::Call { component, method } => write!(f, " is in {}", Called(method.as_ref(), component.as_ref()))?,
            HeldBy::AsyncCall { component, method } => {
                write!(
                    f,
                    " started {}, and its future or stream is not dropped",
                    Called(method.as_ref(), component.as_ref())
                )?;
            }
        }
        write!(f, ", seen for {:.3?}", self.seen_for)
    }
}

/// What a call has called, as far as that is known.
struct Called<'a>(Option<&'a MethodId>, Option<&'a ComponentId>);

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Called(Some(method), Some(component)) => write!(f, "{method} of {component}"),
            Called(None, Some(component)) => write!(f, "a call of {component}"),
            Called(Some(method), None) => write!(f, "{method}"),
            Called(None, None) => write!(f, "a call"),
        }
    }
}

impl fmt::Display for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.interface, self.method)
    }
}

impl fmt::Display for LifecycleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LifecycleStep::Load => "loading",
            LifecycleStep::Dependencies => "construction of the dependencies",
            LifecycleStep::Constructor => "constructor",
            LifecycleStep::HealthCheck => "health check",
            LifecycleStep::Save => "save",
            LifecycleStep::Restore => "restore",
            LifecycleStep::Downgrade => "downgrade",
            LifecycleStep::Changes => "look at the state",
            LifecycleStep::Apply => "application of changes",
            LifecycleStep::Destructor => "destructor",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semver::Version;

    #[test]
    fn a_straggler_is_named_by_its_thread_and_what_it_holds() {
        let kv = || ComponentId::new("kv", Version::new(1, 0, 0));
        let method = MethodId { interface: "kv.store".to_owned(), method: "get".to_owned() };
        let call = HeldBy::Call { component: Some(kv()), method: Some(method) };
        let straggler = |thread: Option<&str>, held_by| Straggler {
            thread: thread.map(str::to_owned),
            thread_id: 77,
            held_by,
            seen_for: Duration::from_millis(1500),
        };
        let text = |thread, held_by| straggler(thread, held_by).to_string();
        let HeldBy::Call { component, method } = call.clone() else { unreachable!("it is made above") };
        assert_eq!(
            text(Some("io-1"), HeldBy::AsyncCall { component, method }),
            "thread `io-1` (77) started kv.store.get of kv 1.0.0, and its future or stream is not dropped, seen for \
             1.500s"
        );
        assert_eq!(text(Some("io-1"), call), "thread `io-1` (77) is in kv.store.get of kv 1.0.0, seen for 1.500s");
        let pin = HeldBy::Pin { generation: 7 };
        assert_eq!(text(None, pin), "thread 77 holds a pin on generation 7 for 1.500s");
        let step = HeldBy::Step { component: kv(), step: LifecycleStep::Destructor };
        assert_eq!(text(None, step), "thread 77 is in the destructor of kv 1.0.0, seen for 1.500s");
        let unknown = HeldBy::Call { component: None, method: None };
        assert_eq!(text(None, unknown), "thread 77 is in a call, seen for 1.500s");
    }
}
