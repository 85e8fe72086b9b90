//! Instances in the order of what they depend on.

use slab::Slab;

use super::{
    instances::{Instance, InstanceId},
    shared::State,
};

impl State {
    /// Every instance, each behind those that its incarnation holds as dependencies.
    pub(crate) fn dependencies_first(&self) -> Vec<InstanceId> {
        dependencies_first(&self.instances)
    }
}

/// As [`State::dependencies_first`].
pub(super) fn dependencies_first(instances: &Slab<Instance>) -> Vec<InstanceId> {
    let mut order = Vec::with_capacity(instances.len());
    let mut seen = vec![false; instances.capacity()];
    for (id, _) in instances {
        visit(instances, id, &mut seen, &mut order);
    }
    order
}

/// Appends an instance behind everything that it depends on.
fn visit(instances: &Slab<Instance>, id: InstanceId, seen: &mut [bool], order: &mut Vec<InstanceId>) {
    let Some(instance) = instances.get(id) else { return };
    if std::mem::replace(&mut seen[id], true) {
        return;
    }
    for need in &instance.incarnation.needs {
        visit(instances, need.instance, seen, order);
    }
    order.push(id);
}
