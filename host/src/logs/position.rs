//! Places in a group's log.

use std::fmt;
use std::str::FromStr;

/// A place in a group's log: before the line that has it, or at the end. It stays what it is when older lines go, and when
/// the host starts anew. As text it is a token for those who read on later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// The text is no place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a log")]
pub struct LogPositionError;

impl LogPosition {
    /// The place after everything.
    pub(super) const END: Self = Self { segment: u64::MAX, offset: u64::MAX };

    /// A number that orders lines of one group as they were written: the two numbers of the place, each of 20 digits.
    pub fn digits(&self) -> String {
        format!("{:020}{:020}", self.segment, self.offset)
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.segment, self.offset)
    }
}

impl FromStr for LogPosition {
    type Err = LogPositionError;

    fn from_str(text: &str) -> Result<Self, LogPositionError> {
        let (segment, offset) = text.split_once('-').ok_or(LogPositionError)?;
        let number = |text: &str| {
            let is_plain = !text.starts_with('+');
            is_plain.then(|| u64::from_str_radix(text, 16).ok()).flatten().ok_or(LogPositionError)
        };
        Ok(Self { segment: number(segment)?, offset: number(offset)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for place in [LogPosition::default(), LogPosition { segment: 0x19ab, offset: 77 }, LogPosition::END] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for bad in ["", "-", "1", "1-", "-1", "1-2-3", "+1-2", "g-1", "1-10000000000000000"] {
            assert_eq!(bad.parse::<LogPosition>(), Err(LogPositionError), "{bad}");
        }
    }
}
