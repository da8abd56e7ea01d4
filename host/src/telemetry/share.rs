//! How much of a batch each function has taken, whatever the number of its instances.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::source::LogSource;

/// How many functions have a share of their own in a batch; further ones have one together.
const SHARES_MAX: usize = 4096;

/// Where the lines of one instance go and are counted, so that it is looked up once in a batch.
#[derive(Debug, Default)]
pub(crate) struct Share {
    /// The lane of the queue that they go to.
    pub(super) lane: Option<usize>,
    batch: u64,
    place: Option<usize>,
    /// The line of the batch that stands for those which found no room.
    pub(super) losing: Option<usize>,
}

/// How much of a batch each function has taken.
#[derive(Debug, Default)]
pub(super) struct Shares {
    bytes: Vec<usize>,
    places: HashMap<FunctionOf, usize>,
}

/// A source that stands for its function.
#[derive(Debug)]
struct FunctionOf(Arc<LogSource>);

impl FunctionOf {
    fn names(&self) -> (&str, &str) {
        (&self.0.region, &self.0.function)
    }
}

impl PartialEq for FunctionOf {
    fn eq(&self, other: &Self) -> bool {
        self.names() == other.names()
    }
}

impl Eq for FunctionOf {}

impl Hash for FunctionOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.names().hash(state);
    }
}

impl Shares {
    /// The bytes that the function of a source has taken.
    pub(super) fn of(&mut self, source: &Arc<LogSource>, batch: u64, share: &mut Share) -> &mut usize {
        if share.batch != batch {
            *share = Share { batch, place: None, losing: None, lane: share.lane };
        }
        let place = *share.place.get_or_insert_with(|| self.place(source));
        &mut self.bytes[place]
    }

    fn place(&mut self, source: &Arc<LogSource>) -> usize {
        let function = FunctionOf(source.clone());
        if let Some(&place) = self.places.get(&function) {
            return place;
        }
        if self.bytes.len() > SHARES_MAX {
            return SHARES_MAX;
        }
        self.bytes.push(0);
        let place = self.bytes.len() - 1;
        if place < SHARES_MAX {
            self.places.insert(function, place);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_functions_have_one_share_for_those_that_are_too_many() {
        let mut shares = Shares::default();
        for number in 0..SHARES_MAX + 10 {
            *shares.of(&LogSource::of_function(&number.to_string()), 0, &mut Share::default()) += 1;
        }
        assert_eq!((shares.bytes.len(), shares.places.len()), (SHARES_MAX + 1, SHARES_MAX));
        assert_eq!(*shares.of(&LogSource::of_function("another"), 0, &mut Share::default()), 10);
        assert_eq!(*shares.of(&LogSource::of_function("7"), 0, &mut Share::default()), 1);
    }
}
