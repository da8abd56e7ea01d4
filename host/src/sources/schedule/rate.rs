//! Rates: a number of minutes, hours or days, each of them as long as the other.

use super::expression::ExpressionError;

/// Time between two due times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// At least a minute.
    period_s: i64,
}

impl Rate {
    /// Takes what stands between the parentheses.
    ///
    /// Unlike the rules of EventBridge, its Scheduler takes `1 minutes` and `5 minute`.
    pub(super) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let (value, unit) = text.split_once(' ').ok_or(ExpressionError::RateParts)?;
        let unit = unit.trim_start_matches(' ');
        if value.is_empty() || unit.is_empty() || unit.contains(' ') {
            return Err(ExpressionError::RateParts);
        }
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let value = value
            .parse()
            .ok()
            .filter(|value: &u32| digits && *value > 0)
            .ok_or(ExpressionError::RateValue)?;
        let unit_s = match unit.to_ascii_lowercase().as_str() {
            "minute" | "minutes" => 60,
            "hour" | "hours" => 3_600,
            "day" | "days" => 86_400,
            _ => return Err(ExpressionError::RateUnit),
        };
        Ok(Self { period_s: i64::from(value) * unit_s })
    }

    /// The first due time after `after_s` if the first at all is `anchor_s`, all in seconds since 1970.
    pub(super) fn next_after(self, anchor_s: i64, after_s: i64) -> Option<i64> {
        if after_s < anchor_s {
            return Some(anchor_s);
        }
        let passed = after_s.checked_sub(anchor_s)? / self.period_s;
        anchor_s.checked_add(passed.checked_add(1)?.checked_mul(self.period_s)?)
    }
}
