//! Walks over what depends on what, without recursion.

use std::{collections::HashMap, convert::Infallible, hash::Hash};

use crate::{
    error::{Error, ErrorKind},
    host::ids::ServiceId,
};

use super::services::Services;

/// Every service, each after those that its instance holds as dependencies.
pub(in crate::host) fn dependencies_first(services: &Services) -> Vec<ServiceId> {
    let ids = services.iter().map(|(id, _)| id);
    let needs = |id: ServiceId| {
        let needs = services.get(id).map_or(&[][..], |service| service.instance().needs());
        needs.iter().map(|need| need.service).filter(|&need| services.get(need).is_some()).collect()
    };
    let order = depth_first(ids, needs, |_| None::<Infallible>);
    order.unwrap_or_else(|never| match never {})
}

/// Every node that is reachable from `starts`, each after the nodes that it leads to, as far as possible: a
/// ring is cut at the node by which the search came into it. The search calls `ring` with each ring that it
/// meets, in order, beginning with that node. If `ring` returns a value, the search ends with it.
///
/// Files decide what leads where, so the search does not recurse. It calls `next` once for each node.
pub(crate) fn depth_first<N: Copy + Eq + Hash, R>(
    starts: impl IntoIterator<Item = N>,
    mut next: impl FnMut(N) -> Vec<N>,
    mut ring: impl FnMut(&[N]) -> Option<R>,
) -> Result<Vec<N>, R> {
    /// The standing of a node that the search has met: on the path at this place, or done.
    enum Mark {
        Open(usize),
        Done,
    }
    let mut marks = HashMap::new();
    let mut order = Vec::new();
    let mut path: Vec<N> = Vec::new();
    // The nodes that each node on the path leads to and that are left to visit.
    let mut left: Vec<std::vec::IntoIter<N>> = Vec::new();
    for start in starts {
        let mut entered = Some(start);
        loop {
            if let Some(node) = entered.take() {
                match marks.get(&node) {
                    Some(Mark::Done) => {}
                    Some(Mark::Open(at)) => {
                        if let Some(found) = ring(&path[*at..]) {
                            return Err(found);
                        }
                    }
                    None => {
                        marks.insert(node, Mark::Open(path.len()));
                        path.push(node);
                        left.push(next(node).into_iter());
                    }
                }
            }
            let Some(rest) = left.last_mut() else { break };
            entered = rest.next();
            if entered.is_none() {
                left.pop();
                if let Some(node) = path.pop() {
                    marks.insert(node, Mark::Done);
                    order.push(node);
                }
            }
        }
    }
    Ok(order)
}

/// How deep dependencies may be nested. The thread that builds an instance first builds its dependencies, one
/// construction inside the other on one stack.
pub(crate) const NESTED: usize = 64;

/// How deep each node of a depth-first `order` is nested: 1 if it leads nowhere.
pub(crate) fn depths<N: Copy + Eq + Hash>(order: &[N], mut next: impl FnMut(N) -> Vec<N>) -> HashMap<N, usize> {
    let mut depths = HashMap::new();
    for &node in order {
        let deepest = next(node).iter().filter_map(|inner| depths.get(inner)).max().copied().unwrap_or(0);
        depths.insert(node, deepest + 1);
    }
    depths
}

/// The refusal of a component whose dependencies are nested deeper than [`NESTED`].
pub(crate) fn too_deep(component: &str, depth: usize) -> Error {
    let text = format!(
        "the dependencies of component `{component}` are nested {depth} deep, the limit is {NESTED}; \
         have components share what they need, instead of one needing the next"
    );
    Error::new(ErrorKind::Dependency, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(edges: &[(usize, usize)], starts: &[usize]) -> Result<Vec<usize>, Vec<usize>> {
        let next = |node| edges.iter().filter(|edge| edge.0 == node).map(|edge| edge.1).collect();
        depth_first(starts.iter().copied(), next, |ring| Some(ring.to_vec()))
    }

    #[test]
    fn each_node_comes_once_after_those_that_it_leads_to() {
        assert_eq!(walk(&[(0, 1), (0, 2), (1, 3), (2, 3)], &[0, 3, 4]), Ok(vec![3, 1, 2, 0, 4]));
        assert_eq!(walk(&[(0, 1), (1, 2), (2, 1)], &[0]), Err(vec![1, 2]));
        assert_eq!(walk(&[(5, 5)], &[5]), Err(vec![5]));
        let cut = depth_first([0], |node| vec![(node + 1) % 3], |_| None::<()>);
        assert_eq!(cut, Ok(vec![2, 1, 0]));
    }

    /// CASES B4: 9,000 needs in a row overflowed a stack of 2 MiB.
    #[test]
    fn a_million_nodes_in_a_row_take_no_stack() {
        let small = std::thread::Builder::new().stack_size(64 << 10);
        let next = |node: usize| if node < 1_000_000 { vec![node + 1] } else { Vec::new() };
        let search = move || {
            let order = depth_first([0], next, |_| None::<()>).unwrap();
            let depths = depths(&order, next);
            (order.len(), depths[&0])
        };
        assert_eq!(small.spawn(search).unwrap().join().unwrap(), (1_000_001, 1_000_001));
    }
}
