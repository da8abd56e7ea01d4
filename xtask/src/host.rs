//! The host: the binary `samovar`.

use anyhow::Result;

use crate::command;
use crate::repository::Repository;
use crate::step;

/// Builds `target/release/samovar`.
pub(crate) fn build(repository: &Repository) -> Result<()> {
    step::shown("target/release/samovar built", || {
        command::run(repository.cargo("build").args(["--release", "--workspace"]))
    })
}
