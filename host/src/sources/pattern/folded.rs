//! Texts compared apart from upper and lower case.

/// A text without the difference between upper and lower case.
#[derive(Debug, Clone)]
pub(super) struct Folded(String);

impl Folded {
    /// Takes the difference away from the text.
    pub(super) fn new(text: &str) -> Self {
        Self(text.chars().map(fold).collect())
    }

    /// Whether the text is this one.
    pub(super) fn equals(&self, text: &str) -> bool {
        text.chars().map(fold).eq(self.0.chars())
    }

    /// Whether the text begins with this one.
    pub(super) fn begins(&self, text: &str) -> bool {
        let mut letters = text.chars().map(fold);
        self.0.chars().all(|letter| letters.next() == Some(letter))
    }

    /// Whether the text ends with this one.
    pub(super) fn ends(&self, text: &str) -> bool {
        let mut letters = text.chars().rev().map(fold);
        self.0.chars().rev().all(|letter| letters.next() == Some(letter))
    }
}

/// The lower case of the upper case of a character, as Java compares characters: two letters may share their upper case and
/// not their lower case, or the other way round. What has several letters in the other case is only equal to itself.
fn fold(letter: char) -> char {
    only(only(letter, letter.to_uppercase()), only(letter, letter.to_uppercase()).to_lowercase())
}

/// The one character that there is, or else the letter.
fn only(letter: char, mut others: impl ExactSizeIterator<Item = char>) -> char {
    match others.len() {
        1 => others.next().unwrap_or(letter),
        _ => letter,
    }
}
