//! What the commands print. A reader that has gone away (`samovar invoke f | head -0`) is no failure.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Writes bytes to standard output, and a line feed if they do not end with one.
pub(super) fn print(bytes: &[u8]) -> io::Result<()> {
    let end: &[u8] = if bytes.ends_with(b"\n") { b"" } else { b"\n" };
    written(&[bytes, end]).map(drop)
}

/// Writes the answer of a function: as it is to a file or pipe, made harmless to a terminal.
pub(super) fn print_answer(answer: &[u8]) -> io::Result<()> {
    match io::stdout().is_terminal() {
        true => print(harmless(&String::from_utf8_lossy(answer)).as_bytes()),
        false => print(answer),
    }
}

/// Writes a part of an answer, to which others follow. False if nobody reads any more.
pub(super) fn print_part(part: &str) -> io::Result<bool> {
    match io::stdout().is_terminal() {
        true => written(&[harmless(part).as_bytes()]),
        false => written(&[part.as_bytes()]),
    }
}

/// Writes to standard output. False if its reader has gone away.
fn written(parts: &[&[u8]]) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    let written = parts.iter().try_for_each(|part| stdout.write_all(part)).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

/// Writes a line to standard error; there is nowhere to report that this failed.
pub(super) fn error_line(line: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(line.as_bytes()).and_then(|()| stderr.write_all(b"\n"));
}

/// The text as it may be shown: on a terminal, a function must not move the cursor, rename the window or hide what
/// it wrote before.
pub(super) fn shown(text: &str) -> String {
    if io::stderr().is_terminal() { harmless(text) } else { text.to_owned() }
}

/// The text without what a terminal would act upon, which is spelt out instead: control characters but tabs and line feeds, and
/// what turns the direction of writing.
pub(super) fn harmless(text: &str) -> String {
    spelt_out(text, |c| is_acted_upon(c) && !matches!(c, '\t' | '\n'))
}

/// The text as it may stand in a line of a table: harmless, and one line.
pub(super) fn one_line(text: &str) -> String {
    spelt_out(text, |c| is_acted_upon(c) || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Whether a terminal does something about a character: the control characters of ASCII and of Unicode's first page (C1), and those
/// that turn the direction of writing, by which text can be made to read as another.
fn is_acted_upon(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn spelt_out(text: &str, is_harmful: impl Fn(char) -> bool) -> String {
    let mut harmless = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !is_harmful(c) => harmless.push(c),
            '\t' => harmless.push_str("\\t"),
            '\n' => harmless.push_str("\\n"),
            '\r' => harmless.push_str("\\r"),
            c if u32::from(c) < 0x100 => harmless.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => harmless.extend(c.escape_unicode()),
        }
    }
    harmless
}

/// Shows on a terminal that something takes time, until it is done.
pub(super) fn while_waiting<T>(message: impl Into<String>, work: impl FnOnce() -> T) -> T {
    let target =
        if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style =
        ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("the template is well-formed");
    let spinner = ProgressBar::with_draw_target(None, target).with_style(style).with_message(message.into());
    spinner.enable_steady_tick(Duration::from_millis(100));
    let done = work();
    spinner.finish_and_clear();
    done
}

/// A number of bytes for a person: `512 B`, `3.4 kB`, `1.9 MB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// How many there are of something: `1 function`, `2 functions`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A moment of the API, `2026-11-21T17:00:00.000+0000`, to the second; as it is if it is in another form.
pub(super) fn moment(time: &str) -> String {
    match time.split_once('T') {
        Some((day, rest)) if rest.is_ascii() && rest.len() >= 8 && rest.ends_with("+0000") => {
            format!("{day} {}", &rest[..8])
        }
        _ => time.to_owned(),
    }
}

/// A time for a person, with three digits or so: `1.23 s`, `45.6 ms`, `789 µs`.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match time.as_micros() {
        0..10 => format!("{:.1} µs", seconds * 1e6),
        10..1000 => format!("{:.0} µs", seconds * 1e6),
        1000..10_000 => format!("{:.2} ms", seconds * 1e3),
        10_000..100_000 => format!("{:.1} ms", seconds * 1e3),
        100_000..1_000_000 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_are_spelt_out() {
        assert_eq!(harmless("a\tb\u{1b}[31mred\r\n\u{9b}0m\u{7f}"), "a\tb\\x1b[31mred\\r\n\\x9b0m\\x7f");
        assert_eq!(harmless("\u{202e}a\u{2066}b\u{200f}é\u{61c}"), "\\u{202e}a\\u{2066}b\\u{200f}é\\u{61c}");
    }

    #[test]
    fn a_line_of_a_table_is_one_line_whatever_is_in_it() {
        assert_eq!(one_line("a\tb\n\u{1b}[1A\u{202e}é\u{2028}"), "a\\tb\\n\\x1b[1A\\u{202e}é\\u{2028}");
    }

    #[test]
    fn moments_are_shown_to_the_second() {
        assert_eq!(moment("2026-11-21T17:01:02.345+0000"), "2026-11-21 17:01:02");
        for other in ["", "T", "2026-11-21T17:01:02.345+0100", "aTé+0000"] {
            assert_eq!(moment(other), other);
        }
    }

    #[test]
    fn times_and_sizes_are_short() {
        assert_eq!(time(Duration::from_nanos(45_600)), "46 µs");
        assert_eq!(time(Duration::from_micros(1_234)), "1.23 ms");
        assert_eq!(time(Duration::from_millis(1_234)), "1.23 s");
        assert_eq!((size(999), size(1_900_000)), ("999 B".to_owned(), "1.9 MB".to_owned()));
    }
}
