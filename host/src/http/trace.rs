//! The trace header `X-Amzn-Trace-Id`: the caller's, or one of our own.

use std::time::{SystemTime, UNIX_EPOCH};

/// A new trace of X-Ray's form, which is not sampled: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=...;Sampled=0`.
pub(super) fn new() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) as u32;
    let (root, parent) = (fastrand::u128(..) >> 32, fastrand::u64(..));
    format!("Root=1-{seconds:08x}-{root:024x};Parent={parent:016x};Sampled=0")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_new_trace_has_the_form_of_x_ray() {
        let trace = super::new();
        let digits: String = trace.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
        // The letters a, d and e of the words count as digits, too.
        assert_eq!(digits, "Root=x-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx;Pxrxnt=xxxxxxxxxxxxxxxx;Sxmplxx=x");
    }
}
