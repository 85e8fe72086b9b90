//! `Tracked<Vec<T>>`.
//!
//! The successor's vector always has as many elements as are behind the cursor. So elements that are pushed
//! are ahead of the cursor and need no note, and whatever moves elements puts the cursor back to the first
//! one that moved.

use std::{collections::BTreeSet, fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::component::{incremental::Incremental, stateful::BoxError};

use super::{
    Container, Tracked, VecChanges,
    record::{Record, untracked},
    sealed::Sealed,
};

impl<T> Sealed for Vec<T> {}

impl<T> Container for Vec<T> {
    type Parts = Parts<T>;
}

/// The elements, and the record while they are tracked.
#[derive(lcr_macros::Layout)]
#[layout(crate = crate)]
pub struct Parts<T> {
    elements: Vec<T>,
    record: Option<Box<Recorded>>,
}

#[derive(lcr_macros::Layout)]
#[layout(crate = crate)]
struct Recorded {
    /// Its cursor is the number of elements that are copied.
    record: Record<usize, BTreeSet<usize>>,
    /// Whether the cursor went back, and the successor has not been told.
    is_cut: bool,
}

impl<T> Parts<T> {
    /// Before the element at `index` changes.
    fn touch(&mut self, index: usize) {
        if let Some(Recorded { record, .. }) = self.record.as_deref_mut()
            && index < record.cursor
        {
            record.note(index);
        }
    }

    /// Before the elements from `index` on move, change or go.
    fn cut(&mut self, index: usize) {
        if let Some(Recorded { record, is_cut }) = self.record.as_deref_mut()
            && index < record.cursor
        {
            record.cursor = index;
            *is_cut = true;
        }
    }
}

impl<T> Tracked<Vec<T>> {
    /// The element at `index`, to be changed. Counts as a change.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.parts.touch(index);
        self.parts.elements.get_mut(index)
    }

    /// Adds an element at the end.
    pub fn push(&mut self, element: T) {
        self.parts.elements.push(element);
    }

    /// Removes the last element.
    pub fn pop(&mut self) -> Option<T> {
        self.parts.cut(self.parts.elements.len().saturating_sub(1));
        self.parts.elements.pop()
    }

    /// Puts an element at `index`; the elements from there on move, and count as changed.
    ///
    /// # Panics
    /// If `index` is greater than the length.
    pub fn insert(&mut self, index: usize, element: T) {
        self.parts.cut(index);
        self.parts.elements.insert(index, element);
    }

    /// Removes the element at `index`; the elements behind it move, and count as changed.
    ///
    /// # Panics
    /// If there is no such element.
    pub fn remove(&mut self, index: usize) -> T {
        self.parts.cut(index);
        self.parts.elements.remove(index)
    }

    /// Removes the element at `index`, and puts the last one in its place.
    ///
    /// # Panics
    /// If there is no such element.
    pub fn swap_remove(&mut self, index: usize) -> T {
        self.parts.touch(index);
        self.parts.cut(self.parts.elements.len().saturating_sub(1));
        self.parts.elements.swap_remove(index)
    }

    /// Removes the elements from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.parts.cut(len);
        self.parts.elements.truncate(len);
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Keeps the elements for which `keep` is true. All elements count as changed.
    pub fn retain(&mut self, keep: impl FnMut(&mut T) -> bool) {
        self.parts.cut(0);
        self.parts.elements.retain_mut(keep);
    }

    /// The elements, to be changed. All of them count as changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.parts.cut(0);
        self.parts.elements.iter_mut()
    }
}

impl<T> Deref for Tracked<Vec<T>> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.parts.elements
    }
}

impl<T: Clone + Serialize + DeserializeOwned> Incremental for Tracked<Vec<T>> {
    type Changes = VecChanges<T>;

    fn track(&mut self, most: usize) {
        let record = Record::new(0, 0, BTreeSet::new(), most);
        self.parts.record = Some(Box::new(Recorded { record, is_cut: true }));
    }

    fn untrack(&mut self) {
        self.parts.record = None;
    }

    fn changes(&mut self, limit: usize) -> Result<VecChanges<T>, BoxError> {
        let Parts { elements, record } = &mut self.parts;
        let Recorded { record, is_cut } = record.as_deref_mut().ok_or_else(untracked)?;
        record.begin_look()?;
        *is_cut = false;
        let kept = record.cursor;
        let more: Vec<T> = elements.iter().skip(kept).take(limit).cloned().collect();
        record.cursor += more.len();
        let mut changed = Vec::new();
        if more.len() < limit {
            // Notes on elements behind the cut are void: the elements follow anew.
            let noted = record.take(limit - more.len()).into_iter().filter(|&index| index < kept);
            changed.extend(noted.map(|index| (index, elements[index].clone())));
        }
        Ok(VecChanges { kept, changed, more })
    }

    fn left(&self) -> usize {
        let Some(Recorded { record, is_cut }) = self.parts.record.as_deref() else { return 0 };
        self.len().saturating_sub(record.cursor) + record.notes() + usize::from(*is_cut)
    }

    fn apply(&mut self, VecChanges { kept, changed, more }: VecChanges<T>) -> Result<(), BoxError> {
        if kept > self.len() {
            return Err(format!("changes behind element {kept} of a vector of {} are refused", self.len()).into());
        }
        self.truncate(kept);
        for (index, element) in changed {
            let Some(place) = self.get_mut(index) else {
                return Err(format!("a change of element {index} of a vector of {kept} is refused").into());
            };
            *place = element;
        }
        self.extend(more);
        Ok(())
    }
}

impl<T> Default for Parts<T> {
    fn default() -> Parts<T> {
        Vec::new().into()
    }
}

impl<T: Clone> Clone for Parts<T> {
    fn clone(&self) -> Parts<T> {
        self.elements.clone().into()
    }
}

impl<T> From<Vec<T>> for Parts<T> {
    fn from(elements: Vec<T>) -> Parts<T> {
        Parts { elements, record: None }
    }
}

impl<T: fmt::Debug> fmt::Debug for Parts<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.elements.fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Parts<T> {
    fn eq(&self, other: &Parts<T>) -> bool {
        self.elements == other.elements
    }
}

impl<T: Eq> Eq for Parts<T> {}

impl<T> Extend<T> for Tracked<Vec<T>> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        self.parts.elements.extend(elements);
    }
}

impl<T> FromIterator<T> for Tracked<Vec<T>> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Vec::from_iter(elements).into()
    }
}

impl<T> From<Vec<T>> for Tracked<Vec<T>> {
    fn from(elements: Vec<T>) -> Self {
        Tracked { parts: elements.into() }
    }
}

impl<T> From<Tracked<Vec<T>>> for Vec<T> {
    fn from(tracked: Tracked<Vec<T>>) -> Self {
        tracked.parts.elements
    }
}

impl<T: Serialize> Serialize for Tracked<Vec<T>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.parts.elements.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tracked<Vec<T>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
