//! Places for instances where no pool of the engine's bounds how many there are.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;

use super::limits::MEMORIES_MAX;
use super::room::NoRoom;

/// So many places as there may be instances of one memory. One with several takes as many places, as it takes as many memory maps.
pub(super) struct Places {
    free: Arc<Semaphore>,
    count: u32,
}

/// The places of one instance, given back on drop.
pub(super) type Place = OwnedSemaphorePermit;

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places")
            .field("free", &self.free.available_permits())
            .field("count", &self.count)
            .finish()
    }
}

impl Places {
    pub(super) fn new(count: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(count as usize)), count }
    }

    /// The places of an instance of that component, if they are free now.
    pub(super) fn take(&self, component: &Component) -> Result<Place, NoRoom> {
        // It is not known of a component that imports modules.
        let memories = component.resources_required().map_or(MEMORIES_MAX, |required| required.num_memories);
        self.take_for(memories)
    }

    fn take_for(&self, memories: u32) -> Result<Place, NoRoom> {
        // An instance with more memories than there are places runs alone.
        let wanted = memories.clamp(1, self.count.max(1));
        self.free.clone().try_acquire_many_owned(wanted).map_err(|_| {
            let free = self.free.available_permits();
            let count = self.count;
            NoRoom::Pool(format!(
                "this instance takes {wanted} of {count} places, and {free} are free; without a pool an instance takes one for \
                 each of its memories"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_places_and_each_is_given_back() {
        let places = Places::new(3);
        let one = places.take_for(1).expect("a place");
        let two = places.take_for(2).expect("two places");
        let Err(NoRoom::Pool(text)) = places.take_for(0) else { panic!("all are taken") };
        assert!(text.contains("1 of 3 places, and 0 are free"), "{text}");
        drop(one);
        let one = places.take_for(0).expect("an instance without a memory takes one");
        drop((one, two));
        let all = places.take_for(8).expect("one that wants more than there are takes all");
        assert!(places.take_for(1).is_err());
        drop(all);
        assert!(places.take_for(3).is_ok());
    }
}
