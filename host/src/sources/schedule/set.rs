//! Which values a field of a cron expression names.

use std::iter::successors;

/// Some of the numbers from 0 to 255.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Set([u64; 4]);

impl Set {
    /// Adds a number.
    pub(super) fn insert(&mut self, number: u8) {
        self.0[usize::from(number / 64)] |= 1 << (number % 64);
    }

    /// Whether the number is one of them.
    pub(super) fn contains(&self, number: u8) -> bool {
        self.0[usize::from(number / 64)] >> (number % 64) & 1 == 1
    }

    /// Those that are not below `least`, in order.
    pub(super) fn from(&self, least: u8) -> impl Iterator<Item = u8> + use<'_> {
        successors(self.first(least), |number| self.first(number.checked_add(1)?))
    }

    fn first(&self, least: u8) -> Option<u8> {
        let begin = least / 64;
        (begin..4).find_map(|word| {
            let mask = if word == begin { u64::MAX << (least % 64) } else { u64::MAX };
            let bits = self.0[usize::from(word)] & mask;
            (bits != 0).then(|| word * 64 + bits.trailing_zeros() as u8)
        })
    }
}
