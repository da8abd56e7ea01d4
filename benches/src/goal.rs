//! What a benchmark is to reach.

/// A bound on a row's value or on its ratio to the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The value may be so large, in the row's own unit.
    AtMost(f64),
    /// The value may be so many times the baseline.
    RatioAtMost(f64),
    /// The value must be so many times the baseline.
    RatioAtLeast(f64),
}

impl Goal {
    /// The goal for the table, and whether it was reached.
    pub(crate) fn judge(self, value: f64, unit: &str, ratio: Option<f64>) -> String {
        let ratio = ratio.unwrap_or(f64::NAN);
        let (goal, met) = match self {
            Self::AtMost(limit) => (format!("<= {limit} {unit}"), value <= limit),
            Self::RatioAtMost(limit) => (format!("<= {limit}x"), ratio <= limit),
            Self::RatioAtLeast(limit) => (format!(">= {limit}x"), ratio >= limit),
        };
        format!("{goal}: {}", if met { "met" } else { "MISSED" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_says_whether_it_was_met() {
        assert_eq!(Goal::AtMost(1.5).judge(1.2, "us", None), "<= 1.5 us: met");
        assert_eq!(Goal::AtMost(1.5).judge(1.6, "us", None), "<= 1.5 us: MISSED");
        assert_eq!(Goal::RatioAtMost(2.0).judge(1.0, "us", Some(2.5)), "<= 2x: MISSED");
        assert_eq!(Goal::RatioAtLeast(0.9).judge(1.0, "1/s", Some(0.95)), ">= 0.9x: met");
        assert_eq!(Goal::RatioAtMost(2.0).judge(1.0, "us", None), "<= 2x: MISSED", "nothing was measured");
    }
}
