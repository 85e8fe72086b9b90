//! The tables of methods of one object: what a world's entries point to.
//!
//! A table has, for each method of a view, the implementation's function and the object itself. So a call takes both
//! from one place and has nothing to decide, and a patched method is one whose pair differs
//! ([`Pair`](crate::abi::world::Pair)). The price is a table for each object and view, made when the object first
//! serves a slot of that view. Most objects serve one view, and for that nothing else is allocated.
//!
//! A table lives as long as its object, since an old world may show it as long.

use std::{
    ptr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use crate::{
    abi::world::{Pair, Target},
    error::Result,
    host::{ids::ViewId, image::link::Views},
};

use super::component::Implementation;

/// The tables of one object.
#[derive(Default)]
pub(super) struct MethodTables {
    first: OnceLock<Table>,
    more: Mutex<Vec<Table>>,
}

struct Table {
    view: ViewId,
    /// Shared, so that what points to the pairs stays valid when the object moves.
    methods: Arc<[Pair]>,
}

impl Table {
    fn target(&self, data: *const ()) -> Target {
        Target { data, methods: Arc::as_ptr(&self.methods).cast() }
    }
}

impl MethodTables {
    /// Whether one of them lies there.
    pub(super) fn has(&self, methods: *const Pair) -> bool {
        let is_it = |table: &Table| Arc::as_ptr(&table.methods).cast() == methods;
        let more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        self.first.get().is_some_and(is_it) || more.iter().any(is_it)
    }

    /// The target of a slot of `view` that the object at `address` serves, always the same object for these tables.
    ///
    /// # Errors
    /// As for [`Implementation::link`].
    pub(super) fn target(
        &self,
        implementation: &Implementation,
        address: usize,
        view: ViewId,
        views: &Views,
    ) -> Result<Target> {
        let data: *const () = ptr::with_exposed_provenance(address);
        if let Some(first) = self.first.get().filter(|first| first.view == view) {
            return Ok(first.target(data));
        }
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = more.iter().find(|table| table.view == view) {
            return Ok(found.target(data));
        }
        let table = Table { view, methods: implementation.functions(view, views)?.with(data) };
        let target = table.target(data);
        if let Err(table) = self.first.set(table) {
            more.push(table);
        }
        Ok(target)
    }
}
