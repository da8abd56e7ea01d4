//! What a function is given, as options of commands.

use anyhow::{Context as _, Result};
use clap::Args;

use super::wire;
use crate::function::{Configuration, DeadLetterTarget, EphemeralStorage, MemorySize, Timeout};

#[derive(Debug, Args)]
pub(super) struct Settings {
    /// Which component is meant, if the zip has several: its path, with or without `.wasm`
    #[arg(long, value_name = "PATH")]
    pub(super) handler: Option<String>,
    /// The memory an instance may use, in MB: 128 to 10240 [default of a new function: 128]
    #[arg(long, value_name = "MB")]
    memory: Option<u32>,
    /// What an instance may keep in /tmp, in MB: 512 to 10240; it counts toward the memory too [default of a new
    /// function: 512]
    #[arg(long, value_name = "MB")]
    ephemeral_storage: Option<u32>,
    /// How long one invocation may take, in seconds: 1 to 900 [default of a new function: 3]
    #[arg(long, value_name = "S")]
    timeout: Option<u32>,
    /// What people should know of it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The SQS queue that gets the events it could not handle, by its ARN; empty for none
    #[arg(long, value_name = "ARN")]
    dead_letter: Option<String>,
}

impl Settings {
    /// Checks what was given before anything is sent.
    pub(super) fn check(&self) -> Result<()> {
        self.memory.map(MemorySize::from_mb).transpose()?;
        self.ephemeral_storage.map(EphemeralStorage::from_mb).transpose()?;
        self.timeout.map(Timeout::from_seconds).transpose()?;
        self.description.as_deref().map(|text| check_description("--description", text)).transpose()?;
        let queue = self.dead_letter.as_deref().filter(|arn| !arn.is_empty());
        queue.map(DeadLetterTarget::parse).transpose().context("--dead-letter")?;
        Ok(())
    }

    /// What was given, in the API's words; of the environment nothing.
    pub(super) fn to_wire(&self) -> wire::Settings {
        wire::Settings {
            handler: self.handler.clone(),
            memory_size: self.memory,
            ephemeral_storage: self.ephemeral_storage.map(|size| wire::EphemeralStorage { size }),
            timeout: self.timeout,
            description: self.description.clone(),
            dead_letter_config: self
                .dead_letter
                .clone()
                .map(|target_arn| wire::DeadLetterConfig { target_arn: Some(target_arn) }),
            ..wire::Settings::default()
        }
    }
}

/// Checks a text that becomes a description.
pub(super) fn check_description(option: &'static str, text: &str) -> Result<()> {
    Configuration { description: text.to_owned(), ..Configuration::default() }
        .check_description()
        .context(option)
}

/// Reads `KEY=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let form = || format!("write KEY=VALUE, not {text:?}");
    let (key, value) = text.split_once('=').ok_or_else(form)?;
    if key.is_empty() { Err(form()) } else { Ok((key.to_owned(), value.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_ends_its_key_at_the_first_equals_sign() {
        assert_eq!(pair("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(pair("A="), Ok(("A".to_owned(), String::new())));
        for bad in ["A", "=b", ""] {
            assert!(pair(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_description_has_at_most_256_characters() {
        assert!(check_description("--revision", &"é".repeat(256)).is_ok());
        assert!(check_description("--revision", &"é".repeat(257)).is_err());
    }
}
