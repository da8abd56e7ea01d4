//! What becomes of events that are queued: the configuration for asynchronous invocation of a function, its versions and its
//! aliases.

use super::Host;
use super::errors::ChangeError;
use crate::function::{
    Destination, EventInvokeChange, EventInvokeConfig, EventInvokeRangeError, FunctionKey, FunctionRef,
    Qualifier, VersionNumber,
};
use crate::registry::{Change, EVENT_INVOKE_CONFIGS_MAX, Function};
use crate::store::StoreError;
use crate::timestamp;

/// A configuration for asynchronous invocation, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventInvokeInfo {
    /// The ARN of the version or alias, with its qualifier: `$LATEST` if none was given.
    pub arn: String,
    /// The configuration.
    pub config: EventInvokeConfig,
}

/// Why a configuration for asynchronous invocation is not there or was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventInvokeError {
    /// There is no such function, version or alias.
    #[error("the function doesn't exist.")]
    NotFound,
    /// It has no configuration of its own.
    #[error("the function {arn} doesn't have an EventInvokeConfig")]
    NotConfigured {
        /// The ARN that was asked for, with its qualifier.
        arn: String,
    },
    /// Nothing was given.
    #[error("you must specify at least one of error handling or destination setting.")]
    Nothing,
    /// A number is outside its range.
    #[error(transparent)]
    Range(#[from] EventInvokeRangeError),
    /// The function would be told of its own events.
    #[error("you can't specify the function as a destination for itself.")]
    Itself,
    /// There is no such function to be told.
    #[error("the destination ARN {arn} is invalid.")]
    NoDestination {
        /// Its ARN.
        arn: String,
    },
    /// There are as many configurations as there may be.
    #[error(
        "there may be {limit} configurations for asynchronous invocation of a function, its versions and its aliases"
    )]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// The change could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for EventInvokeError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// Says what becomes of the events that are queued for a function (for its `$LATEST`, without a qualifier), a version or an
    /// alias, in place of whatever was said before.
    ///
    /// # Errors
    /// When there is no such function, version or alias, nothing is given, a number is outside its range, or a destination is
    /// the function itself or a function that is not there.
    pub async fn put_event_invoke_config(
        &self,
        function: &FunctionRef,
        config: EventInvokeChange,
    ) -> Result<EventInvokeInfo, EventInvokeError> {
        let put = |_: Option<EventInvokeConfig>| Ok(EventInvokeConfig::default());
        self.change_event_invoke("PutFunctionEventInvokeConfig", function, config, put).await
    }

    /// Changes what becomes of the events that are queued for a function, a version or an alias. What is not given stays.
    ///
    /// # Errors
    /// As [`put_event_invoke_config`](Self::put_event_invoke_config), and when nothing was said of it before.
    pub async fn update_event_invoke_config(
        &self,
        function: &FunctionRef,
        change: EventInvokeChange,
    ) -> Result<EventInvokeInfo, EventInvokeError> {
        let present =
            |present: Option<EventInvokeConfig>| present.ok_or_else(|| self.not_configured(function));
        self.change_event_invoke("UpdateFunctionEventInvokeConfig", function, change, present).await
    }

    /// What was said of the events that are queued for a function, a version or an alias.
    ///
    /// # Errors
    /// When there is no such function, version or alias, or nothing was said of it; then all is as by
    /// [default](EventInvokeConfig::default).
    pub fn event_invoke_config(&self, function: &FunctionRef) -> Result<EventInvokeInfo, EventInvokeError> {
        let present = self.present(function).ok();
        let config = present.and_then(|(_, present)| present.event_invoke.get(&about(function)).cloned());
        let config = config.ok_or_else(|| self.not_configured(function))?;
        Ok(self.event_invoke_info(function, &about(function), config))
    }

    /// All that was said of a function's events: those of `$LATEST` first, then those of versions in the order of their
    /// numbers, and then those of aliases.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn list_event_invoke_configs(
        &self,
        function: &FunctionRef,
    ) -> Result<Vec<EventInvokeInfo>, EventInvokeError> {
        let (_, present) = self.present(function).map_err(|_| EventInvokeError::NotFound)?;
        let mut configs: Vec<(&String, &EventInvokeConfig)> = present.event_invoke.iter().collect();
        configs.sort_by_key(|(about, _)| match VersionNumber::parse(about) {
            Some(VersionNumber::Latest) => (0, 0, ""),
            Some(VersionNumber::Published(number)) => (1, number, ""),
            None => (2, 0, about.as_str()),
        });
        let info = |(about, config): (&String, &EventInvokeConfig)| {
            self.event_invoke_info(function, about, config.clone())
        };
        Ok(configs.into_iter().map(info).collect())
    }

    /// Forgets what was said of the events that are queued for a function, a version or an alias.
    ///
    /// # Errors
    /// When there is no such function, version or alias, or nothing was said of it.
    pub async fn delete_event_invoke_config(&self, function: &FunctionRef) -> Result<(), EventInvokeError> {
        let key = self.key(function).ok_or_else(|| self.not_configured(function))?;
        self.check_open()?;
        let audit = self.audit("DeleteFunctionEventInvokeConfig", &self.arn_of(function));
        let changed = self.parts.registry.change(&key, audit, |present| {
            let mut next = Function::clone(present.ok_or_else(|| self.not_configured(function))?);
            let removed = next.event_invoke.remove(&about(function));
            removed.ok_or_else(|| self.not_configured(function))?;
            Ok((Change::from(next), ()))
        });
        changed.await
    }

    async fn change_event_invoke(
        &self,
        action: &str,
        function: &FunctionRef,
        change: EventInvokeChange,
        before: impl FnOnce(Option<EventInvokeConfig>) -> Result<EventInvokeConfig, EventInvokeError>,
    ) -> Result<EventInvokeInfo, EventInvokeError> {
        if change.is_empty() {
            return Err(EventInvokeError::Nothing);
        }
        change.check()?;
        let key = self.key(function).ok_or(EventInvokeError::NotFound)?;
        self.check_open()?;
        let audit = self.audit(action, &self.arn_of(function));
        let about = about(function);
        let changed = self.parts.registry.change(&key, audit, |present| {
            let mut next = Function::clone(present.ok_or(EventInvokeError::NotFound)?);
            check_there(&next, function)?;
            let before = before(next.event_invoke.get(&about).cloned())?;
            change.given_destinations().try_for_each(|given| self.check_destination(&key, given))?;
            let config = before.changed(change, timestamp::now_ms());
            next.event_invoke.insert(about.clone(), config.clone());
            if next.event_invoke.len() > EVENT_INVOKE_CONFIGS_MAX {
                return Err(EventInvokeError::TooMany { limit: EVENT_INVOKE_CONFIGS_MAX });
            }
            Ok((next.into(), self.event_invoke_info(function, &about, config)))
        });
        changed.await
    }

    /// Checks that a function's events can be told to a destination. Whether a queue is there is seen when something is sent:
    /// it may be anywhere.
    fn check_destination(&self, own: &FunctionKey, given: &Destination) -> Result<(), EventInvokeError> {
        let Destination::Function(named) = given else { return Ok(()) };
        let no_destination = || EventInvokeError::NoDestination { arn: named.arn().to_owned() };
        let key = self.key(named.function()).ok_or_else(no_destination)?;
        if key == *own {
            return Err(EventInvokeError::Itself);
        }
        let other = self.parts.registry.function(&key).ok_or_else(no_destination)?;
        check_there(&other, named.function()).map_err(|_| no_destination())
    }

    fn event_invoke_info(
        &self,
        function: &FunctionRef,
        about: &str,
        config: EventInvokeConfig,
    ) -> EventInvokeInfo {
        let arn = self.arn_of(&FunctionRef { qualifier: None, ..function.clone() });
        EventInvokeInfo { arn: format!("{arn}:{about}"), config }
    }

    fn not_configured(&self, function: &FunctionRef) -> EventInvokeError {
        let arn = self.arn_of(&FunctionRef { qualifier: None, ..function.clone() });
        EventInvokeError::NotConfigured { arn: format!("{arn}:{}", about(function)) }
    }
}

/// What a configuration is for, as functions keep it: `$LATEST`, the number of a version, or the name of an alias.
fn about(function: &FunctionRef) -> String {
    let latest = || VersionNumber::Latest.to_string();
    function.qualifier.as_ref().map_or_else(latest, Qualifier::to_string)
}

fn check_there(present: &Function, function: &FunctionRef) -> Result<(), EventInvokeError> {
    let there = match &function.qualifier {
        Some(Qualifier::Alias(name)) => present.aliases.contains_key(name),
        Some(Qualifier::Version(number)) => present.version(*number).is_some(),
        None => true,
    };
    if there { Ok(()) } else { Err(EventInvokeError::NotFound) }
}
