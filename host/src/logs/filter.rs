//! Filter patterns, as CloudWatch Logs has them for lines that are not structured.

/// The longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1024;

/// Which lines are wanted: those that contain all terms, none of the excluded ones, and one of the optional ones if there
/// are any. Letters are told from capital letters.
///
/// ```
/// let filter = samovar::LogFilter::parse(r#"ERROR "not found" -retry"#)?;
/// assert!(filter.matches("ERROR: order 7 not found"));
/// assert!(!filter.matches("ERROR: order 7 not found, retry"));
/// # Ok::<(), samovar::LogFilterError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

/// Why a text is not a filter pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogFilterError {
    /// The pattern is too long.
    #[error("the filter pattern has {bytes} bytes; at most 1024 are allowed")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// The pattern is one of CloudWatch's that are not supported here.
    #[error(
        "{form} are not supported in filter patterns here; terms, \"phrases\", -excluded and ?optional terms are"
    )]
    Unsupported {
        /// What the pattern holds: JSON selectors, fields between spaces, or regular expressions.
        form: &'static str,
    },
    /// A term has characters that only a term in quotes may have.
    #[error("Invalid character(s) in term '{term}'")]
    Term {
        /// The term.
        term: String,
    },
    /// A quote has no end.
    #[error("Invalid filter pattern: a quote is not closed")]
    OpenQuote,
}

impl LogFilter {
    /// Takes terms with spaces between them: words of letters, digits and underscores, or phrases in double quotes. A term
    /// after `-` must not be in a line, and of all terms after `?` one must be. An empty pattern matches every line.
    ///
    /// # Errors
    /// When the text is too long, not a pattern, or one of a kind that is not supported: `{ $.level = "ERROR" }`,
    /// `[ip, user]`, `%regex%`.
    pub fn parse(text: &str) -> Result<Self, LogFilterError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(LogFilterError::TooLong { bytes: text.len() });
        }
        let mut filter = Self::default();
        let mut rest = text.trim_start();
        for (begin, form) in
            [('{', "JSON selectors"), ('[', "fields between spaces"), ('%', "regular expressions")]
        {
            if rest.starts_with(begin) {
                return Err(LogFilterError::Unsupported { form });
            }
        }
        while let Some(first) = rest.chars().next() {
            let terms = match first {
                '-' => &mut filter.none,
                '?' => &mut filter.any,
                _ => &mut filter.all,
            };
            let (term, after) = term(rest.trim_start_matches(['-', '?']))?;
            // What is in every line excludes nothing and asks for nothing.
            if !term.is_empty() {
                terms.push(term);
            }
            rest = after.trim_start();
        }
        Ok(filter)
    }

    /// Only lines that contain that text.
    pub fn containing(text: impl Into<String>) -> Self {
        Self { all: vec![text.into()], ..Self::default() }
    }

    /// Whether a line is wanted.
    pub fn matches(&self, line: &str) -> bool {
        let is_in = |term: &String| line.contains(term.as_str());
        self.all.iter().all(is_in)
            && (self.any.is_empty() || self.any.iter().any(is_in))
            && !self.none.iter().any(is_in)
    }
}

/// The term at the beginning of a text, and what follows it.
fn term(text: &str) -> Result<(String, &str), LogFilterError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (term, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        if term.is_empty() || !term.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(LogFilterError::Term { term: term.to_owned() });
        }
        return Ok((term.to_owned(), rest));
    };
    let mut term = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((term, &quoted[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped)) => term.push(escaped),
                None => break,
            },
            c => term.push(c),
        }
    }
    Err(LogFilterError::OpenQuote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, line: &str) -> bool {
        LogFilter::parse(pattern).expect("a pattern").matches(line)
    }

    #[test]
    fn all_terms_must_be_in_a_line_and_excluded_ones_must_not() {
        assert!(matches("", "anything") && matches("  ", ""));
        assert!(matches("ERROR order", "order 7: ERROR") && !matches("ERROR order", "ERROR"));
        assert!(!matches("error", "ERROR"), "letters are told from capital letters");
        assert!(matches("ERROR -retry", "ERROR") && !matches("ERROR -retry", "ERROR, retry"));
        assert!(matches("-retry", "") && !matches("-\"a b\"", "a b"));
    }

    #[test]
    fn phrases_stand_in_quotes() {
        assert!(matches(r#""not found""#, "7 not found") && !matches(r#""not found""#, "found, not"));
        assert!(matches(r#""RequestId: 1-2" END"#, "END RequestId: 1-2"));
        assert!(matches(r#""a \"b\" \\""#, r#"a "b" \"#));
        assert!(matches(r#""""#, "anything") && matches(r#"-"""#, "anything"));
    }

    #[test]
    fn one_of_the_optional_terms_must_be_in_a_line() {
        assert!(matches("?ERROR ?WARN", "WARN") && matches("?ERROR ?WARN", "ERROR"));
        assert!(!matches("?ERROR ?WARN", "INFO"));
        assert!(!matches("?ERROR -retry", "ERROR retry"));
    }

    #[test]
    fn what_is_not_supported_is_refused_by_its_name() {
        for (pattern, form) in [
            (r#"{ $.level = "ERROR" }"#, "JSON selectors"),
            ("[ip, user]", "fields between spaces"),
            ("%ERROR|WARN%", "regular expressions"),
        ] {
            let error = LogFilter::parse(pattern).expect_err("refused");
            assert!(error.to_string().starts_with(form), "{error}");
        }
        assert_eq!(LogFilter::parse("\"open"), Err(LogFilterError::OpenQuote));
        assert_eq!(LogFilter::parse("\"open\\"), Err(LogFilterError::OpenQuote));
        for bad in ["a-b", "a:b", "-", "?", "a %b%"] {
            assert!(matches!(LogFilter::parse(bad), Err(LogFilterError::Term { .. })), "{bad}");
        }
        assert!(LogFilter::parse(&"a".repeat(1025)).is_err() && LogFilter::parse(&"a".repeat(1024)).is_ok());
    }
}
