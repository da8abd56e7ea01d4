//! Events that are ready to run, in a lane for each function, and whose turn it is.
//!
//! Functions take turns. None may have more of the places than are free, so however many there are that run long, one that
//! comes new finds a place. A function that is throttled is tried with fewer and fewer events at a time, and
//! then with one a second, so that a hundred thousand of its events cost the others nothing.

use std::collections::{HashMap, VecDeque};

use crate::function::FunctionKey;
use crate::store::journal::RowId;

/// How long a function is left alone that was throttled although only one of its events ran.
pub(super) const PAUSE_MS: u64 = 1_000;

/// The lanes of all functions that have events which are ready or run.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: HashMap<FunctionKey, Lane>,
    /// Lanes with ready events and room in their window, in the order of their turns.
    turns: VecDeque<FunctionKey>,
    running: usize,
    running_max: usize,
    window_max: usize,
}

#[derive(Debug)]
struct Lane {
    ready: VecDeque<RowId>,
    running: usize,
    /// How many may run at a time, as far as is known.
    window: usize,
    paused: bool,
    /// Whether it is looked at again when [`PAUSE_MS`] have passed.
    is_timed: bool,
    in_turns: bool,
}

impl Lane {
    fn wants_turn(&self) -> bool {
        !self.paused && !self.ready.is_empty() && self.running < self.window
    }
}

impl Lanes {
    pub(super) fn new(running_max: usize, window_max: usize) -> Self {
        Self {
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            running: 0,
            running_max,
            window_max: window_max.max(1),
        }
    }

    #[cfg(test)]
    /// How many places are taken.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// An event is ready.
    pub(super) fn push(&mut self, function: &FunctionKey, row: RowId) {
        self.change(function, |lane| lane.ready.push_back(row));
    }

    /// The event whose turn it is, with a place to run in; [`Lanes::done`] gives it back.
    pub(super) fn next(&mut self) -> Option<(FunctionKey, RowId)> {
        let free = self.running_max.saturating_sub(self.running);
        if free == 0 {
            return None;
        }
        // Only lanes that run at least as many as are free are passed over, and there are few of these.
        for _ in 0..self.turns.len() {
            let key = self.turns.pop_front()?;
            let lane = self.lanes.get_mut(&key).expect("lanes with turns are there");
            lane.in_turns = false;
            let taken = if !lane.wants_turn() {
                continue;
            } else if lane.running < free {
                lane.ready.pop_front()
            } else {
                None
            };
            if taken.is_some() {
                lane.running += 1;
                self.running += 1;
            }
            if lane.wants_turn() {
                lane.in_turns = true;
                self.turns.push_back(key.clone());
            }
            if let Some(row) = taken {
                return Some((key, row));
            }
        }
        None
    }

    /// A place is free again.
    pub(super) fn done(&mut self, function: &FunctionKey) {
        self.running -= 1;
        self.change(function, |lane| lane.running -= 1);
    }

    /// The function ran: it may run one more at a time.
    pub(super) fn ran(&mut self, function: &FunctionKey) {
        let window_max = self.window_max;
        self.change(function, |lane| lane.window = (lane.window + 1).min(window_max));
    }

    /// The function did not run: it may run half as many. Whether [`Lanes::resume`] is to come after [`PAUSE_MS`].
    pub(super) fn throttled(&mut self, function: &FunctionKey) -> bool {
        let mut is_new = false;
        self.change(function, |lane| {
            let pauses = lane.window == 1;
            lane.window = (lane.window / 2).max(1);
            // Those that run are as many as may, and may go on for long: that there is room for more would be seen by none.
            let is_stuck = lane.running > lane.window;
            is_new = (pauses || is_stuck) && !lane.is_timed;
            lane.is_timed |= is_new;
            lane.paused |= pauses;
        });
        is_new
    }

    /// The pause is over: one is tried beside those that run.
    pub(super) fn resume(&mut self, function: &FunctionKey) {
        let window_max = self.window_max;
        self.change(function, |lane| {
            (lane.paused, lane.is_timed) = (false, false);
            lane.window = lane.window.max((lane.running + 1).min(window_max));
        });
    }

    /// Functions that would get a turn if it was theirs.
    #[cfg(test)]
    pub(super) fn eligible(&self) -> Vec<FunctionKey> {
        let free = self.running_max.saturating_sub(self.running);
        let is_eligible = |lane: &Lane| lane.wants_turn() && lane.running < free;
        self.lanes.iter().filter(|(_, lane)| is_eligible(lane)).map(|(key, _)| key.clone()).collect()
    }

    /// Changes a lane, and sees to its turns and its end.
    fn change(&mut self, function: &FunctionKey, change: impl FnOnce(&mut Lane)) {
        let lane = match self.lanes.get_mut(function) {
            Some(lane) => lane,
            None => self.lanes.entry(function.clone()).or_insert(Lane {
                ready: VecDeque::new(),
                running: 0,
                window: self.window_max,
                paused: false,
                is_timed: false,
                in_turns: false,
            }),
        };
        change(lane);
        if lane.wants_turn() && !lane.in_turns {
            lane.in_turns = true;
            self.turns.push_back(function.clone());
        } else if lane.ready.is_empty() && lane.running == 0 && !lane.paused && !lane.in_turns {
            self.lanes.remove(function);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> FunctionKey {
        FunctionKey::parse(&format!("us-east-1:{name}")).expect("a key")
    }

    fn lanes(running_max: usize, window_max: usize, ready: &[(&str, u64)]) -> Lanes {
        let mut lanes = Lanes::new(running_max, window_max);
        let mut row = 0;
        for (name, events) in ready {
            for _ in 0..*events {
                row += 1;
                lanes.push(&key(name), RowId(row));
            }
        }
        lanes
    }

    fn turns(lanes: &mut Lanes) -> String {
        std::iter::from_fn(|| lanes.next()).map(|(key, _)| key.name().to_owned()).collect()
    }

    #[test]
    fn functions_take_turns() {
        let mut lanes = lanes(100, 10, &[("a", 100), ("b", 3), ("c", 1)]);
        assert_eq!(turns(&mut lanes), "abcababaaaaaaa", "and a runs as many as one function may");
        assert_eq!(lanes.next(), None);
        lanes.done(&key("a"));
        assert_eq!(turns(&mut lanes), "a");
    }

    #[test]
    fn functions_that_run_long_leave_a_place_for_one_that_comes_new() {
        let mut lanes = lanes(12, 10, &[("a", 100)]);
        assert_eq!(turns(&mut lanes).len(), 6, "half of the places");
        for row in 0..100 {
            lanes.push(&key("b"), RowId(1_000 + row));
        }
        assert_eq!(turns(&mut lanes).len(), 3);
        lanes.push(&key("c"), RowId(2_000));
        assert_eq!(turns(&mut lanes), "c");
        assert_eq!(lanes.running(), 10);
        lanes.done(&key("c"));
        assert_eq!(turns(&mut lanes), "", "what is free is for others");
    }

    #[test]
    fn a_throttled_function_is_tried_with_less_and_then_left_alone() {
        let mut lanes = lanes(100, 8, &[("a", 100)]);
        assert_eq!(turns(&mut lanes).len(), 8);
        assert!(lanes.throttled(&key("a")), "more run than may");
        for _ in 0..4 {
            assert!(!lanes.throttled(&key("a")), "it is looked at again already");
        }
        for _ in 0..8 {
            lanes.done(&key("a"));
        }
        assert_eq!(turns(&mut lanes), "");
        lanes.resume(&key("a"));
        assert_eq!(turns(&mut lanes), "a");
        lanes.ran(&key("a"));
        assert_eq!(turns(&mut lanes), "a", "what it does well widens its window again");
    }

    /// One that ran for a quarter of an hour kept all others waiting, although the limit was gone that it had found.
    #[test]
    fn events_that_run_long_do_not_keep_their_function_from_being_tried() {
        let mut lanes = lanes(100, 8, &[("a", 100)]);
        assert_eq!(turns(&mut lanes).len(), 8);
        for throttled in 0..7 {
            assert_eq!(lanes.throttled(&key("a")), throttled == 0);
            lanes.done(&key("a"));
        }
        assert_eq!(turns(&mut lanes), "", "one runs");
        for _ in 0..3 {
            lanes.resume(&key("a"));
            assert_eq!(turns(&mut lanes), "a", "another one is tried");
            assert!(lanes.throttled(&key("a")));
            lanes.done(&key("a"));
            assert_eq!(turns(&mut lanes), "");
        }
        lanes.resume(&key("a"));
        assert_eq!(turns(&mut lanes), "a");
        for _ in 0..7 {
            lanes.ran(&key("a"));
        }
        assert_eq!(turns(&mut lanes), "aaaaaa", "its window widens again");
    }

    #[test]
    fn a_lane_with_nothing_to_do_is_gone() {
        let mut lanes = lanes(100, 8, &[("a", 1)]);
        assert_eq!(turns(&mut lanes), "a");
        lanes.done(&key("a"));
        assert!(lanes.lanes.is_empty() && lanes.turns.is_empty());
    }
}
