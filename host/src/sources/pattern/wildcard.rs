//! Texts with stars in them that stand for anything.

use super::parse::PatternError;

/// A text in which each `*` stands for any characters, or none; `\*` and `\\` for themselves.
#[derive(Debug, Clone)]
pub(super) struct Wildcard {
    /// What comes before the first star.
    first: String,
    /// What comes between stars.
    middle: Vec<String>,
    /// What comes after the last star; nothing if there are no stars.
    last: Option<String>,
}

impl Wildcard {
    /// Takes a text with stars.
    ///
    /// # Errors
    /// When two stars follow each other, or a backslash does not escape a star or a backslash.
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut wildcard = Self { first: String::new(), middle: Vec::new(), last: None };
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let literal = match (character, characters.peek()) {
                ('*', Some('*')) => return Err(PatternError::new("must not have two stars in a row")),
                ('*', _) => {
                    wildcard.middle.extend(wildcard.last.replace(String::new()));
                    continue;
                }
                ('\\', Some(&escaped @ ('*' | '\\'))) => {
                    characters.next();
                    escaped
                }
                ('\\', _) => {
                    return Err(PatternError::new(
                        r"must escape nothing but stars and backslashes: \* or \\",
                    ));
                }
                _ => character,
            };
            wildcard.last.as_mut().unwrap_or(&mut wildcard.first).push(literal);
        }
        Ok(wildcard)
    }

    /// Whether the text is this one with anything in place of the stars, in time of the sum of both lengths.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some(last) = &self.last else { return text == self.first };
        let Some(text) = text.strip_prefix(&*self.first) else { return false };
        let Some(mut rest) = text.strip_suffix(&**last) else { return false };
        // Where a piece stands first leaves the most room for the others, so no other place has to be tried.
        for piece in &self.middle {
            match rest.split_once(&**piece) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        true
    }
}
