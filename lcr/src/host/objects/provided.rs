//! Objects that the program has built and puts behind an interface:
//! [`PlanBuilder::provide`](crate::PlanBuilder::provide).
//!
//! Such an object becomes an [`Implementation`](super::component::Implementation) like any other, but for its
//! instances: where a component's constructor would run, another count of the program's `Arc` is taken, and where a
//! destructor would run, a count is given back. So all instances of the implementation are one object, and it lives as
//! long as the program, the implementation or one of the instances has a count of it.
//!
//! The object's destructor is code of the program, which may call the runtime. So the runtime never drops its last
//! count under a lock: when a commit or the end of the runtime takes the implementation out,
//! [`Instance::of_object`](super::instances::Instance::of_object) makes an instance of the count that the
//! implementation had, and that instance is destroyed as all others are.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::component::export;

/// The count of an object that its implementation has.
pub(super) struct Object {
    count: Mutex<Option<Box<dyn Counted>>>,
    /// The object itself, for another implementation of it.
    object: Box<dyn Remembered>,
}

/// An object that the program may have dropped.
trait Remembered: Send + Sync {
    /// Its address, which no other object has as long as this value lives.
    fn address(&self) -> usize;
    /// Another count of it; `None` if the program has dropped it.
    fn again(&self) -> Option<Object>;
}

impl<T: Send + Sync + 'static> Remembered for Weak<T> {
    fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    fn again(&self) -> Option<Object> {
        self.upgrade().map(Object::new)
    }
}

/// A count of an object of any type.
trait Counted: Send {
    /// The address of the object, with a count of its own for an instance.
    fn share(&self) -> usize;
    /// The address of the object, with this very count for an instance.
    fn give_up(self: Box<Self>) -> usize;
}

impl<T: Send + Sync + 'static> Counted for Arc<T> {
    fn share(&self) -> usize {
        export::expose_shared(Arc::clone(self))
    }

    fn give_up(self: Box<Self>) -> usize {
        export::expose_shared(*self)
    }
}

impl Object {
    pub(super) fn new<T: Send + Sync + 'static>(object: Arc<T>) -> Object {
        let remembered = Arc::downgrade(&object);
        Object { count: Mutex::new(Some(Box::new(object))), object: Box::new(remembered) }
    }

    /// The same object, with another count; `None` if the program has dropped it.
    pub(super) fn again(&self) -> Option<Object> {
        self.object.again()
    }

    /// Whether both are counts of one object.
    pub(super) fn is_same(&self, other: &Object) -> bool {
        self.object.address() == other.object.address()
    }

    /// The address of the object, with a count of its own for an instance; `None` after [`Object::take`].
    pub(super) fn share(&self) -> Option<usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|object| object.share())
    }

    /// Whether [`Object::take`] took it.
    pub(super) fn is_taken(&self) -> bool {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The address of the object, with the implementation's count for an instance; `None` from the second
    /// time on.
    pub(super) fn take(&self) -> Option<usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).take().map(Counted::give_up)
    }
}

/// Where a plan or a transaction is dropped that did not put the object in place: the thread that drops it
/// holds no lock.
impl Drop for Object {
    fn drop(&mut self) {
        let object = self.count.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // A destructor that panics must not end a thread of the runtime. The panic hook has reported it.
        drop(catch_unwind(AssertUnwindSafe(|| drop(object))));
    }
}
