//! Log lines by `tracing`, as `lambda_runtime::tracing` offers them.
//!
//! `println!` and `eprintln!` reach the function's log as well; this adds levels and fields.
//!
//! ```
//! use samovar_sdk::tracing;
//!
//! tracing::init_default_subscriber();
//! tracing::info!(order = 7, "shipped");
//! ```

use std::env;
use std::io;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use ::tracing::*;
pub use tracing_subscriber as subscriber;

/// Writes every event of `tracing` as one line to standard output.
///
/// The level comes from `AWS_LAMBDA_LOG_LEVEL`, else from `RUST_LOG`, else it is `INFO`; both may
/// be a level, or directives such as `info,my_function=debug`. Lines bear no time, since the host's
/// log adds it. A second call does nothing.
pub fn init_default_subscriber() {
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .without_time()
        .with_ansi(false)
        .with_writer(io::stdout);
    // An error means that the author already chose a subscriber.
    let _ = tracing_subscriber::registry().with(lines).with(levels()).try_init();
}

fn levels() -> Targets {
    let wanted = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("RUST_LOG")).unwrap_or_default();
    parse_levels(&wanted)
}

fn parse_levels(wanted: &str) -> Targets {
    // Lambda knows a level above `ERROR`, which `tracing` does not.
    if wanted.eq_ignore_ascii_case("fatal") {
        return Targets::new().with_default(LevelFilter::ERROR);
    }
    match wanted.parse() {
        Ok(targets) if !wanted.is_empty() => targets,
        _ => Targets::new().with_default(LevelFilter::INFO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enabled(wanted: &str, target: &str, level: Level) -> bool {
        parse_levels(wanted).would_enable(target, &level)
    }

    #[test]
    fn the_level_is_info_unless_something_else_is_wanted() {
        for wanted in ["", "nonsense=nonsense"] {
            assert!(
                enabled(wanted, "shop", Level::INFO) && !enabled(wanted, "shop", Level::DEBUG),
                "{wanted}"
            );
        }
        assert!(enabled("DEBUG", "shop", Level::DEBUG));
        assert!(!enabled("FATAL", "shop", Level::WARN) && enabled("FATAL", "shop", Level::ERROR));
    }

    #[test]
    fn one_part_of_a_function_may_say_more_than_the_rest() {
        let wanted = "warn,shop=trace";
        assert!(enabled(wanted, "shop", Level::TRACE) && !enabled(wanted, "store", Level::INFO));
    }
}
