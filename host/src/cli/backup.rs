//! `samovar backup`: a copy of all functions, also while they are served.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use super::output;
use super::serve::data_dir;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  samovar backup /var/backups/samovar-2026-11-21\n  samovar serve --data-dir \
                  /var/backups/samovar-2026-11-21"
)]
pub(super) struct Backup {
    /// The folder to copy to; it is made, or has to be empty
    folder: PathBuf,
    /// The folder whose functions are copied, also while a server uses it [default: $XDG_DATA_HOME/samovar or
    /// ~/.local/share/samovar]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Backup {
    pub(super) fn run(self) -> Result<ExitCode> {
        let from = data_dir(self.data_dir)?;
        let copied = output::while_waiting(format!("copying {}", from.display()), || {
            crate::backup(&from, &self.folder)
        });
        let copied = match copied {
            Err(error @ crate::BackupError::Incomplete { .. }) => {
                return Err(error).context("a copy was made of all else");
            }
            copied => copied.with_context(|| format!("no copy of {} was made", from.display()))?,
        };
        let line = format!(
            "{} and {} ({}) copied to {}",
            output::count(copied.functions, "function"),
            output::count(copied.packages, "package"),
            output::size(copied.package_bytes),
            self.folder.display()
        );
        output::print(line.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
