//! Aliases: names for versions, with an optional weighted second version.

use serde::{Deserialize, Serialize};

use super::name::AliasName;
use super::qualifier::VersionNumber;
use super::serialized::serialized_as_number;

/// A share of an alias's traffic: at least 0.0, at most 1.0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Weight(f64);

/// Why an alias cannot point where it was asked to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// The weight is not a number from 0.0 to 1.0.
    #[error("weight {weight} is not between 0.0 and 1.0")]
    Weight {
        /// The number that was given.
        weight: f64,
    },
    /// Both versions are the same.
    #[error("version {version} can not be both the alias's version and its additional version")]
    SameVersion {
        /// The version.
        version: VersionNumber,
    },
    /// `$LATEST` takes part in weighted routing.
    #[error("$LATEST is not supported for an alias pointing to more than 1 version")]
    Latest,
}

/// Where an alias leads: to one version, or to two with a weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RoutingForm")]
pub struct AliasRouting {
    version: VersionNumber,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional: Option<(VersionNumber, Weight)>,
}

/// Routing as it is read, before it was checked.
#[derive(Deserialize)]
struct RoutingForm {
    version: VersionNumber,
    additional: Option<(VersionNumber, Weight)>,
}

/// An alias of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// Its name.
    pub name: AliasName,
    /// Where it leads.
    pub routing: AliasRouting,
    /// What people say of it; empty unless given.
    pub description: String,
    /// Changes with every change of the alias: a UUID.
    pub revision_id: String,
}

/// One move of an alias, as its history has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AliasMove {
    /// When: `2026-11-21T17:00:00.000+0000`.
    pub time: String,
    /// Who, as far as that is known.
    pub principal: String,
    /// Where it led before; nowhere, if this made it.
    pub from: Option<AliasRouting>,
    /// Where it has led since.
    pub to: AliasRouting,
}

serialized_as_number!(Weight: f64, new, get);

impl Weight {
    /// Takes a number from 0.0 to 1.0 as a weight.
    ///
    /// # Errors
    /// When it is outside that range or not a number.
    pub fn new(weight: f64) -> Result<Self, RoutingError> {
        if (0.0..=1.0).contains(&weight) { Ok(Self(weight)) } else { Err(RoutingError::Weight { weight }) }
    }

    /// The weight as a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<RoutingForm> for AliasRouting {
    type Error = RoutingError;

    fn try_from(form: RoutingForm) -> Result<Self, RoutingError> {
        match form.additional {
            None => Ok(Self::to(form.version)),
            Some((additional, weight)) => Self::weighted(form.version, additional, weight),
        }
    }
}

impl AliasRouting {
    /// All traffic to one version.
    pub fn to(version: VersionNumber) -> Self {
        Self { version, additional: None }
    }

    /// The share `weight` of the traffic to `additional`, the rest to `version`.
    ///
    /// # Errors
    /// When the two are the same version, or one of them is `$LATEST`.
    pub fn weighted(
        version: VersionNumber,
        additional: VersionNumber,
        weight: Weight,
    ) -> Result<Self, RoutingError> {
        if version == VersionNumber::Latest || additional == VersionNumber::Latest {
            return Err(RoutingError::Latest);
        }
        if version == additional {
            return Err(RoutingError::SameVersion { version });
        }
        Ok(Self { version, additional: Some((additional, weight)) })
    }

    /// The version the alias points at.
    pub fn version(&self) -> VersionNumber {
        self.version
    }

    /// All versions the alias leads to: one or two.
    pub fn versions(&self) -> impl Iterator<Item = VersionNumber> + use<> {
        [self.version].into_iter().chain(self.additional.map(|(version, _)| version))
    }

    /// The second version and its share of the traffic, if there is one.
    pub fn additional(&self) -> Option<(VersionNumber, Weight)> {
        self.additional
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: VersionNumber = VersionNumber::Published(1);
    const TWO: VersionNumber = VersionNumber::Published(2);

    #[test]
    fn a_weight_is_a_number_from_zero_to_one() {
        assert!(Weight::new(0.0).is_ok() && Weight::new(1.0).is_ok());
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Weight::new(bad).is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn what_is_read_is_checked() {
        let half = AliasRouting::weighted(ONE, TWO, Weight::new(0.5).expect("a weight")).expect("routing");
        let text = serde_json::to_string(&half).expect("JSON");
        assert_eq!(text, r#"{"version":"1","additional":["2",0.5]}"#);
        assert_eq!(serde_json::from_str::<AliasRouting>(&text).expect("the same"), half);
        for bad in [r#"{"version":"1","additional":["1",0.5]}"#, r#"{"version":"1","additional":["2",1.5]}"#]
        {
            assert!(serde_json::from_str::<AliasRouting>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn weighted_routing_is_between_two_published_versions() {
        let half = Weight::new(0.5).expect("a weight");
        assert!(AliasRouting::weighted(ONE, TWO, half).is_ok());
        assert!(AliasRouting::weighted(ONE, ONE, half).is_err());
        assert_eq!(AliasRouting::weighted(VersionNumber::Latest, TWO, half), Err(RoutingError::Latest));
    }
}
