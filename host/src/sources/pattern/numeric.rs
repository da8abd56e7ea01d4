//! Numbers as they are compared, and ranges of them.

use std::cmp::Ordering;
use std::ops::{Bound, RangeBounds};

use serde_json::Value;

use super::parse::{PatternError, kind};

/// How far from zero the numbers of a range may be, by the EventBridge user guide.
pub(super) const MAGNITUDE_MAX: i64 = 5_000_000_000;
/// Whole numbers below this are kept as such, whatever form they were written in.
const WHOLE_MAX: f64 = 1e38;

/// A number of JSON by its value: 300, 300.0 and 3.0e2 are the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    /// Not whole, or beyond [`WHOLE_MAX`].
    Other(f64),
}

/// Numbers from one bound to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    bottom: Bound<Number>,
    top: Bound<Number>,
}

impl Number {
    /// The value of a number in JSON.
    pub(super) fn of(number: &serde_json::Number) -> Self {
        if let Some(whole) = number.as_i64() {
            return Self::Whole(whole.into());
        }
        if let Some(whole) = number.as_u64() {
            return Self::Whole(whole.into());
        }
        match number.as_f64() {
            Some(number) if number.fract() == 0.0 && number.abs() < WHOLE_MAX => Self::Whole(number as i128),
            Some(number) => Self::Other(number),
            None => Self::Other(f64::NAN),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let float = |whole: i128| whole as f64;
        // Against a whole number, one that is not whole is so small that what is lost in making a float of the whole one
        // cannot bring it to the other side; and one beyond `WHOLE_MAX` is beyond any whole one.
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left.partial_cmp(right),
            (Self::Whole(left), Self::Other(right)) => float(*left).partial_cmp(right),
            (Self::Other(left), Self::Whole(right)) => left.partial_cmp(&float(*right)),
            (Self::Other(left), Self::Other(right)) => left.partial_cmp(right),
        }
    }
}

impl Range {
    /// Takes what stands in the list of `numeric`: a comparison and a number, or two of each for both ends of a range.
    ///
    /// # Errors
    /// When it is anything else, or no number could be within.
    pub(super) fn parse(items: &[Value]) -> Result<Self, PatternError> {
        match items {
            [comparison, number] => Self::one_sided(comparison, bound(number)?),
            [lower, bottom, upper, top] => {
                let (from, to) = (bound(bottom)?, bound(top)?);
                let bottom = match lower.as_str() {
                    Some(">") => Bound::Excluded(from),
                    Some(">=") => Bound::Included(from),
                    _ => return Err(PatternError::new("must begin with \">\" or \">=\" to be a range")),
                };
                let top = match upper.as_str() {
                    Some("<") => Bound::Excluded(to),
                    Some("<=") => Bound::Included(to),
                    _ => return Err(PatternError::new("must go on with \"<\" or \"<=\" to be a range")),
                };
                match from < to {
                    true => Ok(Self { bottom, top }),
                    false => Err(PatternError::new("must have its smaller number first to be a range")),
                }
            }
            _ => Err(PatternError::new("must be a comparison and a number, or two of each")),
        }
    }

    /// Whether the number is within.
    pub(super) fn contains(&self, number: Number) -> bool {
        (self.bottom, self.top).contains(&number)
    }

    fn one_sided(comparison: &Value, number: Number) -> Result<Self, PatternError> {
        let (bottom, top) = match comparison.as_str() {
            Some("=") => (Bound::Included(number), Bound::Included(number)),
            Some(">") => (Bound::Excluded(number), Bound::Unbounded),
            Some(">=") => (Bound::Included(number), Bound::Unbounded),
            Some("<") => (Bound::Unbounded, Bound::Excluded(number)),
            Some("<=") => (Bound::Unbounded, Bound::Included(number)),
            _ => {
                let message =
                    format!("must begin with one of \"=\", \"<\", \"<=\", \">\", \">=\", not {comparison}");
                return Err(PatternError::new(message));
            }
        };
        Ok(Self { bottom, top })
    }
}

/// The number that a range begins or ends with.
fn bound(value: &Value) -> Result<Number, PatternError> {
    let Value::Number(number) = value else {
        return Err(PatternError::new(format!("must compare with a number, not {}", kind(value))));
    };
    let (number, max) = (Number::of(number), i128::from(MAGNITUDE_MAX));
    match (Number::Whole(-max)..=Number::Whole(max)).contains(&number) {
        true => Ok(number),
        false => Err(PatternError::new(format!("must compare with a number from -{max} to {max}"))),
    }
}
