//! Objects of the program in plans: [`PlanBuilder::provide`] and [`Runtime::provide`].

use std::sync::Arc;

use crate::{
    component::generated::services::ServedBy,
    error::Result,
    host::{objects::offer::Offer, runtime::Runtime},
};

use super::{plan::PlanBuilder, report::Report, request::Request};

impl Runtime {
    /// Puts an object of the program behind an interface: `plan().provide(name, object)?.commit()`. See
    /// [`PlanBuilder::provide`].
    ///
    /// # Errors
    /// As for [`PlanBuilder::provide`] and [`Plan::commit`](crate::Plan::commit).
    pub fn provide<I: ?Sized + ServedBy<T>, T: Send + Sync + 'static>(
        &self,
        name: &str,
        object: Arc<T>,
    ) -> Result<Report> {
        self.plan().provide::<I, T>(name, object)?.commit()
    }
}

impl<'rt> PlanBuilder<'rt> {
    /// Puts an object that the program has built behind the interface `I`, as the component `name`: a
    /// connection pool, a clock, a registry of metrics. Components take it as a dependency, and the program
    /// by [`Runtime::service`]. A present component of that name is replaced by the object; else the object
    /// is added. Like any other component it can be replaced, also by a library, and then take the place
    /// back.
    ///
    /// ```
    /// # #[lcr::interface(name = "clock", version = 1)]
    /// # pub trait Clock {
    /// #     fn now(&self) -> u64;
    /// # }
    /// # struct Fixed(u64);
    /// # impl Clock for Fixed {
    /// #     fn now(&self) -> u64 {
    /// #         self.0
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// use std::sync::Arc;
    ///
    /// let clock = Arc::new(Fixed(7)); // `impl Clock for Fixed`, without an attribute
    /// rt.provide::<dyn Clock, _>("clock", Arc::clone(&clock))?;
    /// assert_eq!(rt.service::<dyn Clock>()?.now(), 7);
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// The program may keep counts of the `Arc` and use the object beside the runtime. All instances of the
    /// component are this one object, also those of [`Runtime::reference`], whose configuration no code
    /// reads. The object has no health check, and no state that moves to its successor: a plan in which it
    /// replaces a component with state has to [`discard_state`](PlanBuilder::discard_state).
    ///
    /// The runtime gives its counts back when the object was replaced or removed and no call is inside it
    /// any more, or at its own end. If a count of the runtime is the last one, a thread of the runtime drops
    /// the object. If the plan is not committed, the object is dropped with the plan.
    ///
    /// # Errors
    /// `Invalid` if `name` is not the name of a component: 1 to 128 letters, digits, `_`, `-` and `.`, of
    /// which the first is no `.` or `-`.
    pub fn provide<I: ?Sized + ServedBy<T>, T: Send + Sync + 'static>(
        mut self,
        name: &str,
        object: Arc<T>,
    ) -> Result<PlanBuilder<'rt>> {
        self.requests.push(Request::Provide(None, Box::new(Offer::new::<I, T>(name, object)?)));
        Ok(self)
    }

    /// As [`provide`](PlanBuilder::provide), but replaces the named component, which may have another name.
    ///
    /// # Errors
    /// As for [`provide`](PlanBuilder::provide).
    pub fn provide_in_place_of<I: ?Sized + ServedBy<T>, T: Send + Sync + 'static>(
        mut self,
        component: &str,
        name: &str,
        object: Arc<T>,
    ) -> Result<PlanBuilder<'rt>> {
        let offer = Offer::new::<I, T>(name, object)?;
        self.requests.push(Request::Provide(Some(component.to_owned()), Box::new(offer)));
        Ok(self)
    }
}
