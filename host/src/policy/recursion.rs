//! Whether a function invokes itself in a circle, told by the trace header that goes along with each invocation.
//!
//! `Lineage` in the header says how often each function has run in the chain. X-Ray documents it as
//! `Lineage=a87bd80c:1|68fd508a:5`, pairs of a hash and a count, and that form is written here: the hash is of the function's
//! region and name, the count of its runs so far. Headers recorded from Lambda have `Lineage=1:fe460cdd:0` of late; what
//! is not a pair is passed on as it is and counts for nobody.

use crate::function::{FunctionKey, RecursiveLoop};
use crate::invocation::TRACE_ID_BYTES_MAX;

/// How often a function may run in one chain.
pub(crate) const HOPS_MAX: u32 = 16;
/// How many functions of a chain are counted; the earliest give way.
const LINEAGE_FUNCTIONS_MAX: usize = 32;
/// How many bytes a header has at most. What was in it before gives way: other functions first, then whatever comes last.
const HEADER_BYTES_MAX: usize = TRACE_ID_BYTES_MAX;

/// The field of a header that counts runs.
const LINEAGE: &str = "Lineage=";

/// A function has run in one chain as often as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recursive;

/// The trace header that an invocation of the function gets, one hop further than the one that came with it; `root` makes the
/// beginning of a header where none came.
///
/// # Errors
/// [`Recursive`] if the function has run [`HOPS_MAX`] times already, and loops are to be ended.
pub(crate) fn hop(
    trace: Option<&str>,
    function: &FunctionKey,
    setting: RecursiveLoop,
    root: impl FnOnce() -> String,
) -> Result<String, Recursive> {
    let (mut fields, lineage) = match trace {
        Some(trace) => split(trace),
        None => (root(), ""),
    };
    let own = hash(function);
    let is_own = |entry: &&str| is_of(entry, &own);
    let hops = lineage.split('|').find(is_own).map_or(0, count);
    if hops >= HOPS_MAX && setting == RecursiveLoop::Terminate {
        return Err(Recursive);
    }
    let mut entries: Vec<&str> =
        lineage.split('|').filter(|entry| !entry.is_empty() && !is_own(entry)).collect();
    let excess = (entries.len() + 1).saturating_sub(LINEAGE_FUNCTIONS_MAX);
    entries.drain(..excess);
    let last = format!("{own}:{}", hops.saturating_add(1));
    entries.push(&last);
    let bytes = |entries: &[&str]| LINEAGE.len() + entries.iter().map(|entry| entry.len() + 1).sum::<usize>();
    while entries.len() > 1 && fields.len() + bytes(&entries) > HEADER_BYTES_MAX {
        entries.remove(0);
    }
    while fields.len() + bytes(&entries) > HEADER_BYTES_MAX {
        fields.truncate(fields.rfind(';').unwrap_or(0));
    }
    if !fields.is_empty() {
        fields.push(';');
    }
    fields.push_str(LINEAGE);
    fields.push_str(&entries.join("|"));
    Ok(fields)
}

/// How often a function has run in a chain, by its trace header.
pub(crate) fn hops(trace: &str, function: &FunctionKey) -> u32 {
    let own = hash(function);
    split(trace).1.split('|').find(|entry| is_of(entry, &own)).map_or(0, count)
}

/// The beginning of a trace header for a chain that begins here: a root of that time and that request id, not sampled.
pub(crate) fn root(wall_ms: u64, request_id: &str) -> String {
    let digits: String = request_id.chars().filter(char::is_ascii_hexdigit).take(24).collect();
    let seconds = (wall_ms / 1_000) & 0xffff_ffff;
    format!("Root=1-{seconds:08x}-{digits:0>24};Sampled=0")
}

/// The header without its lineage, and the lineage.
fn split(trace: &str) -> (String, &str) {
    let is_lineage = |field: &&str| field.trim_start().starts_with(LINEAGE);
    let lineage = trace.split(';').find(is_lineage).and_then(|field| field.split_once('='));
    let others: Vec<&str> =
        trace.split(';').filter(|field| !field.is_empty() && !is_lineage(field)).collect();
    (others.join(";"), lineage.map_or("", |(_, lineage)| lineage))
}

fn is_of(entry: &str, own: &str) -> bool {
    entry.split_once(':').is_some_and(|(hash, _)| hash == own)
}

fn count(entry: &str) -> u32 {
    entry.split_once(':').and_then(|(_, count)| count.parse().ok()).unwrap_or(0)
}

/// Eight hexadecimal digits that stand for the function. Two functions share them once in four milliards: then their counts do.
fn hash(function: &FunctionKey) -> String {
    blake3::hash(function.as_str().as_bytes()).to_hex()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> FunctionKey {
        FunctionKey::parse(&format!("us-east-1:{name}")).expect("a key")
    }

    fn next(trace: Option<&str>, name: &str) -> Result<String, Recursive> {
        hop(trace, &key(name), RecursiveLoop::Terminate, || root(1_795_280_400_007, "6b0e-77"))
    }

    #[test]
    fn a_chain_without_a_header_gets_one() {
        let trace = next(None, "f").expect("it goes on");
        let own = hash(&key("f"));
        assert_eq!(trace, format!("Root=1-6b01ce10-{:0>24};Sampled=0;Lineage={own}:1", "6b0e77"));
    }

    #[test]
    fn the_seventeenth_run_of_a_function_in_a_chain_is_refused() {
        let mut trace = "Root=1-a-b;Parent=c;Sampled=1".to_owned();
        for _ in 0..HOPS_MAX {
            // Another function in between is no way out.
            trace = next(Some(&trace), "f").expect("it goes on");
            trace = next(Some(&trace), "g").expect("it goes on");
        }
        assert_eq!(next(Some(&trace), "f"), Err(Recursive));
        assert_eq!(["f", "h"].map(|name| hops(&trace, &key(name))), [HOPS_MAX, 0]);
        assert!(trace.starts_with("Root=1-a-b;Parent=c;Sampled=1;Lineage="), "{trace}");
        assert!(next(Some(&trace), "h").is_ok(), "others go on");
    }

    #[test]
    fn a_function_that_is_allowed_to_runs_on() {
        let trace = format!("Root=1-a-b;Lineage={}:16", hash(&key("f")));
        let allowed = hop(Some(&trace), &key("f"), RecursiveLoop::Allow, String::new);
        assert_eq!(allowed, Ok(format!("Root=1-a-b;Lineage={}:17", hash(&key("f")))));
    }

    #[test]
    fn what_others_wrote_into_the_lineage_stays() {
        let trace = next(Some("Root=1-a-b;Lineage=1:fe460cdd:0|a87bd80c:5;Sampled=1"), "f");
        let own = hash(&key("f"));
        let expected = format!("Root=1-a-b;Sampled=1;Lineage=1:fe460cdd:0|a87bd80c:5|{own}:1");
        assert_eq!(trace, Ok(expected));
    }

    #[test]
    fn a_header_does_not_grow_without_end() {
        let mut trace = "Root=1-a-b".to_owned();
        for number in 0..100 {
            trace = next(Some(&trace), &format!("f{number}")).expect("it goes on");
        }
        assert_eq!(trace.split('|').count(), LINEAGE_FUNCTIONS_MAX);
        assert!(trace.ends_with(&format!("{}:1", hash(&key("f99")))));
        for odd in ["", ";;", "Lineage=", "Lineage=:;x", "Lineage=||", "=;Lineage=a:b:c"] {
            assert!(next(Some(odd), "f").is_ok(), "{odd:?}");
        }
    }

    /// A header of a caller may have as many bytes as one may have at all, and was refused one hop further.
    #[test]
    fn a_header_of_full_length_is_no_longer_one_hop_further() {
        let own = format!("{}:1", hash(&key("f")));
        let others = "Root=1-a-b;Sampled=1;Lineage=";
        let pairs = format!("{others}{}", vec!["1:fe460cdd:0:1:fe460cdd:0:1:fe460cdd:0"; 32].join("|"));
        let trace = next(Some(&pairs[..HEADER_BYTES_MAX]), "f").expect("it goes on");
        assert!(trace.len() <= HEADER_BYTES_MAX && trace.starts_with(others), "{trace}");
        assert!(trace.ends_with(&format!("|{own}")), "{trace}");
        for fields in [format!("Root=1-a-b;X={}", "x".repeat(1_011)), "x".repeat(1_024), ";".repeat(1_024)] {
            let mut trace = next(Some(&fields), "f").expect("it goes on");
            assert!(trace.len() <= HEADER_BYTES_MAX && trace.ends_with(&own), "{trace}");
            assert!(!fields.contains("Root") || trace == format!("Root=1-a-b;Lineage={own}"), "{trace}");
            for _ in 1..HOPS_MAX {
                trace = next(Some(&trace), "f").expect("it goes on");
            }
            assert_eq!(next(Some(&trace), "f"), Err(Recursive), "it is counted all the same");
        }
    }
}
