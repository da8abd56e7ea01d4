//! The time of a one-time schedule.

use jiff::civil::DateTime;

use super::expression::ExpressionError;

/// Takes what stands between the parentheses as a local time.
pub(super) fn parse(text: &str) -> Result<DateTime, ExpressionError> {
    let (date, time) = text.split_once('T').ok_or(ExpressionError::AtForm)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2]).ok_or(ExpressionError::AtForm)?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2]).ok_or(ExpressionError::AtForm)?;
    // All but the year have two digits.
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(|number| number as i8);
    DateTime::new(year, month, day, hour, minute, second, 0).map_err(|_| ExpressionError::AtCalendar)
}

/// Takes numbers of so many digits each.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i16; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let well_formed = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = part.parse().ok().filter(|_| well_formed)?;
    }
    parts.next().is_none().then_some(numbers)
}
