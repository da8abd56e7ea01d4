//! Packages that must be refused, and what the refusal must say.

mod components;
mod limits;
mod modules;
mod noise;
mod zips;

use std::time::Duration;

/// How long a refusal may take that needs no compilation.
const QUICK: Duration = Duration::from_secs(1);
/// How long one may take for which something large must be sent or compiled.
const LONG: Duration = Duration::from_secs(30);

/// One package that must be refused.
#[derive(Debug)]
pub struct BadPackage {
    /// What it is.
    pub name: String,
    /// The package.
    pub bytes: Vec<u8>,
    /// What the message must contain, whatever the case; `a|b` stands for either.
    pub expected: &'static [&'static str],
    /// How long the refusal may take.
    pub time_max: Duration,
}

impl BadPackage {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>, expected: &'static [&'static str]) -> Self {
        Self { name: name.into(), bytes: bytes.into(), expected, time_max: QUICK }
    }

    fn long(self) -> Self {
        Self { time_max: LONG, ..self }
    }

    /// What of the expected is not in a message.
    pub fn missing_in(&self, message: &str) -> Vec<&'static str> {
        let message = message.to_lowercase();
        let is_missing =
            |expected: &&&str| !expected.split('|').any(|word| message.contains(&word.to_lowercase()));
        self.expected.iter().filter(is_missing).copied().collect()
    }
}

/// All of them.
pub fn bad_packages() -> Vec<BadPackage> {
    [noise::all(), zips::all(), modules::all(), components::all(), limits::all()]
        .into_iter()
        .flatten()
        .collect()
}
