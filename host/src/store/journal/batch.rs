//! Whether a batch fits the rows that are there: pure, and decided before any of it is made.

use std::collections::HashMap;

use super::{Change, RowId};

/// Whether all changes of a batch can be made, each on what those before it make. `fence_of` is that of a row as it is now, if
/// there is one.
pub(super) fn fits<E>(
    changes: &[Change],
    mut fence_of: impl FnMut(RowId) -> Result<Option<u64>, E>,
) -> Result<bool, E> {
    if let [change] = changes {
        return Ok(change.after(fence_of(change.id())?).is_some());
    }
    let mut made = HashMap::new();
    for change in changes {
        let id = change.id();
        let present = match made.get(&id) {
            Some(made) => *made,
            None => fence_of(id)?,
        };
        let Some(next) = change.after(present) else { return Ok(false) };
        made.insert(id, next);
    }
    Ok(true)
}

impl Change {
    /// The fence that a row has after the change, if it has one then; nothing, if the change does not fit.
    fn after(&self, present: Option<u64>) -> Option<Option<u64>> {
        match (self, present) {
            (Self::Insert { .. }, None) => Some(Some(0)),
            (Self::Update { fence, .. }, Some(present)) if *fence == present => {
                Some(Some(next_fence(present)))
            }
            (Self::Delete { fence, .. }, Some(present)) if *fence == present => Some(None),
            _ => None,
        }
    }

    /// About how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Insert { header, body, .. } => header.len() + body.as_ref().map_or(0, bytes::Bytes::len),
            Self::Update { header, body: super::BodyChange::Put(body), .. } => header.len() + body.len(),
            Self::Update { header, .. } => header.len(),
            Self::Delete { .. } => 0,
        }
    }
}

/// The fence after an update.
pub(super) fn next_fence(fence: u64) -> u64 {
    // Nobody updates a row 2^64 times.
    fence.wrapping_add(1)
}
