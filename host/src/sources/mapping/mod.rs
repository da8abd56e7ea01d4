//! Event source mappings: which queue's messages a function gets, in what batches, and what its answers say of them. Pure.

mod answer;
mod record;
mod settings;

use serde::{Deserialize, Serialize};

use crate::function::{FunctionKey, Qualifier, QueueArn, Tags};

pub(crate) use self::answer::failed_items;
pub(crate) use self::record::{record, records};
pub use self::settings::{
    BATCH_SIZE, BATCHING_WINDOW_SECONDS, FIFO_BATCH_SIZE_MAX, MAXIMUM_CONCURRENCY, MappingChange,
    MappingSettings, MappingSettingsError,
};

/// An event source mapping: a queue, a function that gets its messages, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// A UUID.
    pub(crate) uuid: String,
    pub(crate) queue: QueueArn,
    pub(crate) function: FunctionKey,
    /// Which version or alias; an alias is resolved when a batch runs.
    pub(crate) qualifier: Option<Qualifier>,
    pub(crate) is_enabled: bool,
    pub(crate) settings: MappingSettings,
    pub(crate) tags: Tags,
    /// Milliseconds since 1970.
    pub(crate) last_modified_ms: u64,
}

/// A mapping as it is written down.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    queue: QueueArn,
    function: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    qualifier: Option<String>,
    is_enabled: bool,
    settings: MappingSettings,
    #[serde(default)]
    tags: Tags,
    last_modified_ms: u64,
}

impl Mapping {
    /// The mapping as a text, to be read by [`read`](Self::read).
    pub(crate) fn text(&self) -> String {
        let written = Written {
            queue: self.queue.clone(),
            function: self.function.as_str().to_owned(),
            qualifier: self.qualifier.as_ref().map(ToString::to_string),
            is_enabled: self.is_enabled,
            settings: self.settings.clone(),
            tags: self.tags.clone(),
            last_modified_ms: self.last_modified_ms,
        };
        serde_json::to_string(&written).expect("it has names for all of its keys")
    }

    /// The mapping of that id that a text is.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn read(uuid: &str, text: &str) -> Result<Self, String> {
        let written: Written = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let function = FunctionKey::parse(&written.function).ok_or("it names no function")?;
        let qualifier = written.qualifier.as_deref().map(Qualifier::parse).transpose();
        Ok(Self {
            uuid: uuid.to_owned(),
            queue: written.queue,
            function,
            qualifier: qualifier.map_err(|error| error.to_string())?,
            is_enabled: written.is_enabled,
            settings: written.settings,
            tags: written.tags,
            last_modified_ms: written.last_modified_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_read_as_it_is_written() {
        let mapping = Mapping {
            uuid: "7d2b0ac4-9f8e-4b8f-b45d-1d2c3e4f5a6b".to_owned(),
            queue: "arn:aws:sqs:eu-west-1:000000000000:orders".parse().expect("an ARN"),
            function: FunctionKey::parse("eu-west-1:f").expect("a key"),
            qualifier: Some(Qualifier::parse("live").expect("an alias")),
            is_enabled: true,
            settings: MappingSettings {
                batch_size: 100,
                maximum_batching_window_seconds: 5,
                maximum_concurrency: Some(2),
                filters: vec![r#"{"body":{"a":[1]}}"#.to_owned()],
                report_batch_item_failures: true,
            },
            tags: Tags::default(),
            last_modified_ms: 7,
        };
        assert_eq!(Mapping::read(&mapping.uuid, &mapping.text()), Ok(mapping.clone()));
        let unqualified = Mapping { qualifier: None, settings: MappingSettings::default(), ..mapping };
        assert_eq!(Mapping::read(&unqualified.uuid, &unqualified.text()), Ok(unqualified.clone()));
        for bad in ["", "{}", &unqualified.text().replace("eu-west-1:f", "f")] {
            assert!(Mapping::read("x", bad).is_err(), "{bad}");
        }
    }
}
