//! Groups that cannot be written just now: nobody tries again with every line, and their lost lines are told together.

use std::collections::HashMap;
use std::fmt;

use super::folder::GroupKey;

/// For how long a group is left alone that could not be written.
const PAUSE_MS: u64 = 1000;
/// How many groups are held off at a time. Those beyond are tried with every line.
const GROUPS_MAX: usize = 1024;

/// Groups that are left alone for a while, and the lines that were lost.
#[derive(Debug, Default)]
pub(super) struct HoldOff {
    /// Since when, in milliseconds since 1970.
    groups: HashMap<GroupKey, u64>,
    /// How many lines were lost that nobody was told of.
    lost: u64,
    /// The first reason since the last time something was told.
    reason: Option<String>,
}

impl HoldOff {
    /// Whether a group is left alone.
    pub(super) fn holds(&self, key: &GroupKey, now_ms: u64) -> bool {
        self.groups.get(key).is_some_and(|&since| is_held(since, now_ms))
    }

    /// Takes note of lines that were lost while their group is left alone.
    pub(super) fn lose(&mut self, lines: u64) {
        self.lost += lines;
    }

    /// Takes note of lines that were lost because their group cannot be written, and leaves it alone from now on.
    pub(super) fn fail(&mut self, key: &GroupKey, lines: u64, error: &dyn fmt::Display, now_ms: u64) {
        self.lose(lines);
        self.reason.get_or_insert_with(|| format!("{} cannot be written: {error}", key.name));
        if self.groups.len() < GROUPS_MAX || self.groups.contains_key(key) {
            self.groups.insert(key.clone(), now_ms);
        }
    }

    /// What is to be told at the end of a batch, once: when something has failed in it, and when no group is held off any more
    /// that lost lines meanwhile.
    pub(super) fn told(&mut self, now_ms: u64) -> Option<(u64, String)> {
        self.groups.retain(|_, since| is_held(*since, now_ms));
        if self.lost == 0 || (self.reason.is_none() && !self.groups.is_empty()) {
            return None;
        }
        let reason = self.reason.take().unwrap_or_else(|| "their groups could not be written".to_owned());
        Some((std::mem::take(&mut self.lost), reason))
    }
}

/// A clock that was set back ends it too.
fn is_held(since_ms: u64, now_ms: u64) -> bool {
    now_ms.checked_sub(since_ms).is_some_and(|passed| passed < PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> GroupKey {
        GroupKey { region: "us-east-1".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_group_that_cannot_be_written_is_left_alone_for_a_second_and_told_of_once() {
        let mut hold_off = HoldOff::default();
        let now = 1_000_000;
        hold_off.fail(&key("a"), 3, &"no room", now);
        hold_off.fail(&key("b"), 1, &"another reason", now);
        assert_eq!(hold_off.told(now), Some((4, "a cannot be written: no room".to_owned())));
        assert_eq!(hold_off.told(now), None);
        assert!(hold_off.holds(&key("a"), now + 999) && !hold_off.holds(&key("a"), now + 1000));
        assert!(!hold_off.holds(&key("a"), now - 1), "the clock was set back");
        assert!(!hold_off.holds(&key("c"), now));
        hold_off.lose(5);
        assert_eq!(hold_off.told(now + 999), None, "they are told of together");
        assert_eq!(hold_off.told(now + 1000).map(|(lost, _)| lost), Some(5));
        assert!(hold_off.groups.is_empty());
    }

    #[test]
    fn so_many_groups_are_remembered_and_no_more() {
        let mut hold_off = HoldOff::default();
        (0..GROUPS_MAX + 5).for_each(|group| hold_off.fail(&key(&group.to_string()), 1, &"no room", 7));
        assert_eq!((hold_off.groups.len(), hold_off.lost), (GROUPS_MAX, GROUPS_MAX as u64 + 5));
    }
}
