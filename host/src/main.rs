//! The `samovar` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    samovar::cli::main()
}
