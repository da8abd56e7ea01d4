//! The server's own lines, as a terminal is given them: with names and errors that came from elsewhere made harmless.

use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::debug_fn;

use super::output::one_line;

/// Writes the fields of a line as usual, each on one line and without what a terminal would act upon.
pub(super) fn harmless_fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    let fields = debug_fn(|writer, field, value| {
        let value = one_line(&format!("{value:?}"));
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{name}={value}"),
        }
    });
    fields.delimited(" ")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_comes_from_elsewhere_is_spelt_out() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(move || writer.clone())
            .fmt_fields(harmless_fields())
            .finish();
        tracing::subscriber::with_default(log, || {
            let error = "no\u{1b}[2J\nINFO all is well\u{202e}";
            tracing::error!(%error, function = "f\u{9b}", "it failed: {error}");
        });
        let written = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("text");
        let spelt_out = r"no\x1b[2J\nINFO all is well\u{202e}";
        assert!(written.contains(&format!("it failed: {spelt_out}")), "{written}");
        assert!(written.contains(&format!("error={spelt_out}")) && !written.contains('\u{9b}'), "{written}");
        assert_eq!(written.lines().count(), 1, "{written}");
    }
}
