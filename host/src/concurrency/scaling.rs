//! How fast a function may grow.

use std::time::Duration;

use tokio::time::Instant;

/// How long growth is counted together.
const WINDOW: Duration = Duration::from_secs(10);

/// Lets a function grow by so many instances in ten seconds; what it does not use is not saved up. What it has once grown to
/// it may have again.
#[derive(Debug)]
pub(super) struct Scaling {
    began: Option<Instant>,
    left: u32,
}

impl Scaling {
    pub(super) fn new() -> Self {
        Self { began: None, left: 0 }
    }

    /// Whether it may grow by so many now.
    pub(super) fn grow(&mut self, by: u32, now: Instant, per_window: u32) -> bool {
        if self.began.is_none_or(|began| now.duration_since(began) >= WINDOW) {
            (self.began, self.left) = (Some(now), per_window);
        }
        let granted = by <= self.left;
        if granted {
            self.left -= by;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_bounded_in_each_ten_seconds_and_none_of_it_is_saved_up() {
        let start = Instant::now();
        let mut scaling = Scaling::new();
        assert!(scaling.grow(600, start, 1000));
        assert!(!scaling.grow(401, start + WINDOW / 2, 1000));
        assert!(scaling.grow(400, start + WINDOW / 2, 1000));
        assert!(!scaling.grow(1, start + WINDOW / 2, 1000));
        assert!(scaling.grow(1000, start + 10 * WINDOW, 1000));
        assert!(!scaling.grow(1, start + 10 * WINDOW, 1000));
    }
}
