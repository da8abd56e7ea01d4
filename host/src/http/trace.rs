//! The trace header `X-Amzn-Trace-Id`: the caller's, or one of our own.

use std::time::{SystemTime, UNIX_EPOCH};

/// A new trace of X-Ray's form, which is not sampled: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=...;Sampled=0`.
pub(super) fn new() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut trace = String::with_capacity(74);
    trace.push_str("Root=1-");
    push_hexadecimal(&mut trace, seconds, 8);
    trace.push('-');
    push_hexadecimal(&mut trace, fastrand::u64(..), 8);
    push_hexadecimal(&mut trace, fastrand::u64(..), 16);
    trace.push_str(";Parent=");
    push_hexadecimal(&mut trace, fastrand::u64(..), 16);
    trace.push_str(";Sampled=0");
    trace
}

/// The last digits of a number. By hand: this is done for every invocation, and `write!` takes ten times as long.
fn push_hexadecimal(text: &mut String, number: u64, digits: u32) {
    let digit = |at: u32| char::from_digit((number >> (4 * at) & 15) as u32, 16);
    text.extend((0..digits).rev().filter_map(digit));
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_written_with_all_their_digits() {
        let mut text = String::new();
        super::push_hexadecimal(&mut text, 0x0af, 4);
        super::push_hexadecimal(&mut text, u64::MAX, 2);
        assert_eq!(text, "00afff");
    }

    #[test]
    fn a_new_trace_has_the_form_of_x_ray() {
        let trace = super::new();
        let digits: String = trace.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
        // The letters a, d and e of the words count as digits, too.
        assert_eq!(digits, "Root=x-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx;Pxrxnt=xxxxxxxxxxxxxxxx;Sxmplxx=x");
    }
}
