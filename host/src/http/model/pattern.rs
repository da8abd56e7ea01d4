//! The patterns of the model.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

/// Longer texts match no pattern, so that nobody can keep a processor busy with one. No shape allows so many characters.
const TEXT_BYTES_MAX: usize = 32 << 10;
/// How large a compiled pattern may be.
const COMPILED_BYTES_MAX: usize = 4 << 20;

/// A pattern that a whole text must match, compiled when it is first needed.
#[derive(Debug)]
pub(super) struct Pattern {
    text: &'static str,
    /// What a text must match: the pattern itself, or a wider one.
    matched: Cow<'static, str>,
    compiled: OnceLock<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    matching: Regex,
    /// What must not match: the model has patterns that look ahead or back, which the library has not.
    excluded: Option<Regex>,
}

impl Pattern {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text, matched: Cow::Borrowed(text), compiled: OnceLock::new() }
    }

    /// Matches more: what `part` of the pattern matches may be anything that `wider` matches. Errors show the pattern as the
    /// model has it.
    pub(super) fn widen(&mut self, part: &str, wider: &str) {
        if self.text.contains(part) {
            *self = Self { matched: self.text.replace(part, wider).into(), ..Self::new(self.text) };
        }
    }

    /// The pattern as the model has it.
    pub(super) fn as_str(&self) -> &'static str {
        self.text
    }

    /// Whether the whole of a text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Compiled { matching, excluded } = self.compiled.get_or_init(|| compiled(&self.matched));
        text.len() <= TEXT_BYTES_MAX
            && matching.is_match(text)
            && !excluded.as_ref().is_some_and(|excluded| excluded.is_match(text))
    }
}

/// Takes `(?!X)` at the beginning and `(?<!X)` at the end out of a pattern.
fn compiled(text: &str) -> Compiled {
    if let Some((excluded, rest)) = text.strip_prefix("(?!").and_then(split_group) {
        return Compiled {
            matching: regex(&format!("^(?:{rest})$")),
            excluded: Some(regex(&format!("^(?:{excluded})"))),
        };
    }
    let behind = text.strip_suffix(')').and_then(|text| text.rsplit_once("(?<!"));
    if let Some((rest, excluded)) = behind {
        return Compiled {
            matching: regex(&format!("^(?:{rest})$")),
            excluded: Some(regex(&format!("(?:{excluded})$"))),
        };
    }
    Compiled { matching: regex(&format!("^(?:{text})$")), excluded: None }
}

/// Splits what is in a group from what follows it. The group holds no other.
fn split_group(text: &str) -> Option<(&str, &str)> {
    text.split_once(')')
}

fn regex(text: &str) -> Regex {
    // In the model's dialect a digit is one of ASCII.
    let text = text.replace(r"\d", "[0-9]");
    let regex = RegexBuilder::new(&text).size_limit(COMPILED_BYTES_MAX).build();
    regex.expect("the patterns of the table can be compiled: a test compiles all of them")
}

#[cfg(test)]
mod tests {
    use super::super::Model;
    use super::super::shape::Constraint;
    use super::*;

    #[test]
    fn a_pattern_matches_whole_texts() {
        let number = Pattern::new(r"\d{2}|x");
        assert!(number.matches("12") && number.matches("x"));
        for bad in ["1", "123", "12\n", "xx", "٣٣"] {
            assert!(!number.matches(bad), "{bad:?}");
        }
    }

    #[test]
    fn what_a_pattern_looks_ahead_or_back_for_is_excluded() {
        let alias = Pattern::new("(?!^[0-9]+$)([a-zA-Z0-9-_]+)");
        assert!(alias.matches("live") && alias.matches("1a") && alias.matches("1-"));
        assert!(!alias.matches("17") && !alias.matches("a b") && !alias.matches(""));
        let bucket = Pattern::new(r"[0-9A-Za-z\.\-_]*(?<!\.)");
        assert!(bucket.matches("a.b") && !bucket.matches("a.") && !bucket.matches("a b"));
    }

    #[test]
    fn every_pattern_of_the_model_can_be_compiled() {
        let mut patterns = 0;
        for shape in Model::lambda().shapes.values() {
            for constraint in &shape.constraints {
                if let Constraint::Pattern(pattern) = constraint {
                    assert!(!pattern.matches(&"\n".repeat(TEXT_BYTES_MAX + 1)), "{}", pattern.as_str());
                    patterns += 1;
                }
            }
        }
        assert!(patterns > 30, "{patterns}");
    }
}
