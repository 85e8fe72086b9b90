//! Which way a kept state goes to another version, and what becomes of it.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    component::{
        state::layout::{InMemory, Layout},
        stateful::BoxError,
        wire,
    },
    host::image::{
        manifest::alike::{memory_differs, read_memory},
        shape::Shape,
    },
};

/// Whether a state moves by pointer from a component that keeps an `Old` in its [`State`](crate::State) to one that
/// keeps a `New`, both built by this compiler, with one allocator, and with one `state_version`. A test has the types
/// of a released version in a module of its own.
///
/// ```
/// use lcr::testing;
/// use serde::{Deserialize, Serialize};
///
/// mod released {
///     #[derive(lcr::Layout, serde::Deserialize, serde::Serialize)]
///     pub struct Counts {
///         pub total: u64,
///     }
/// }
///
/// #[derive(lcr::Layout, Deserialize, Serialize)]
/// pub struct Counts {
///     total: u64,
///     #[serde(default)]
///     names: Vec<String>,
/// }
///
/// let why = testing::moves_by_pointer::<released::Counts, Counts>().unwrap_err();
/// assert!(why.to_string().contains("field `names` was added"), "{why}");
/// let counts: Counts = testing::copy_state(&released::Counts { total: 3 })?;
/// assert_eq!((counts.total, counts.names.len()), (3, 0));
/// # Ok::<(), lcr::BoxError>(())
/// ```
///
/// # Errors
/// Why it does not move by pointer. Then it is copied: see [`copy_state`].
pub fn moves_by_pointer<Old: Layout, New: Layout>() -> Result<(), BoxError> {
    let (old, new) = (described::<Old>()?, described::<New>()?);
    memory_differs(&old, &new).map_or(Ok(()), |difference| Err(difference.into()))
}

/// A copy of a kept state, as a component that keeps a `New` gets it where the state does not move by pointer: serde
/// writes it and reads it again. For another `state_version`, call the component's `migrate` with what
/// [`RawState::of`](crate::RawState::of) writes.
///
/// # Errors
/// Those that would refuse the replacement: the state cannot be written, or not be read.
pub fn copy_state<Old, New>(old: &Old) -> Result<New, BoxError>
where
    Old: Serialize + DeserializeOwned,
    New: DeserializeOwned,
{
    Ok(wire::decode(&wire::encode_readable(old)?)?)
}

/// The description of `T`, as a host reads it in a manifest.
fn described<T: Layout>() -> Result<Shape, BoxError> {
    let memory: &InMemory = &T::MEMORY;
    if !memory.is_fixed() {
        let name = std::any::type_name::<T>();
        return Err(
            format!("the description of {name} leaves open how it lies in memory: see `derive(lcr::Layout)`").into()
        );
    }
    Ok(read_memory(memory.shape())?)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(crate::Layout)]
    struct First {
        #[allow(dead_code)]
        total: u64,
    }

    mod second {
        #[derive(crate::Layout)]
        pub struct First {
            #[allow(dead_code)]
            total: u64,
        }
        #[derive(crate::Layout)]
        #[rustfmt::skip]
        pub struct Open(#[allow(dead_code)] u64);
    }

    #[test]
    fn a_test_learns_which_way_a_state_goes_and_why() {
        moves_by_pointer::<First, second::First>().unwrap();
        moves_by_pointer::<BTreeMap<String, First>, BTreeMap<String, second::First>>().unwrap();
        let why = |result: Result<(), BoxError>| result.unwrap_err().to_string();
        assert!(why(moves_by_pointer::<Vec<u64>, Vec<i64>>()).contains("expected u64, found i64"));
        let text = why(moves_by_pointer::<First, second::Open>());
        assert!(text.contains("Open leaves open how it lies in memory"), "{text}");
    }

    #[test]
    fn a_copied_state_is_what_serde_reads_of_what_it_wrote() {
        assert!(copy_state::<_, BTreeMap<String, u64>>(&vec![("a".to_owned(), 1)]).is_err(), "a list is no map");
        let copy: Vec<u64> = copy_state(&std::collections::VecDeque::from([1_u8, 2])).unwrap();
        assert_eq!(copy, [1, 2]);
        assert!(copy_state::<_, u64>(&"many".to_owned()).is_err());
    }
}
