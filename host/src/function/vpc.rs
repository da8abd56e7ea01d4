//! The network a function is said to be in.

use serde::{Deserialize, Serialize};

/// The most subnets of one function.
const SUBNETS_MAX: usize = 16;
/// The most security groups of one function.
const SECURITY_GROUPS_MAX: usize = 5;

/// The network that was asked for: Lambda's `VpcConfig`. There is none here, so it is kept for clients; where requests of
/// functions may go, their outbound lists say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[non_exhaustive]
pub struct VpcConfig {
    /// The subnets, at most 16.
    pub subnet_ids: Vec<String>,
    /// The security groups, at most 5.
    pub security_group_ids: Vec<String>,
    /// Whether IPv6 was asked for.
    pub ipv6_allowed_for_dual_stack: bool,
}

/// A change of the network. What is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct VpcChange {
    /// The subnets.
    pub subnet_ids: Option<Vec<String>>,
    /// The security groups.
    pub security_group_ids: Option<Vec<String>>,
    /// Whether IPv6 is asked for.
    pub ipv6_allowed_for_dual_stack: Option<bool>,
}

/// Why a function cannot be in that network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VpcError {
    /// There are subnets or security groups, but not both.
    #[error("SubnetIds and SecurityGroupIds must coexist or be both empty list.")]
    HalfGiven,
    /// There are too many.
    #[error("{subnets} subnets and {security_groups} security groups; at most 16 and 5 are allowed")]
    TooMany {
        /// How many subnets there would be.
        subnets: usize,
        /// How many security groups there would be.
        security_groups: usize,
    },
}

impl VpcConfig {
    /// This with that change.
    ///
    /// # Errors
    /// When one of subnets and security groups would be without the other, or there are too many.
    pub fn changed(&self, change: VpcChange) -> Result<Self, VpcError> {
        let subnet_ids = change.subnet_ids.unwrap_or_else(|| self.subnet_ids.clone());
        let security_group_ids = change.security_group_ids.unwrap_or_else(|| self.security_group_ids.clone());
        let (subnets, security_groups) = (subnet_ids.len(), security_group_ids.len());
        if subnets > SUBNETS_MAX || security_groups > SECURITY_GROUPS_MAX {
            return Err(VpcError::TooMany { subnets, security_groups });
        }
        if subnet_ids.is_empty() != security_group_ids.is_empty() {
            return Err(VpcError::HalfGiven);
        }
        let ipv6_allowed_for_dual_stack =
            change.ipv6_allowed_for_dual_stack.unwrap_or(self.ipv6_allowed_for_dual_stack);
        Ok(Self { subnet_ids, security_group_ids, ipv6_allowed_for_dual_stack })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(subnets: Option<usize>, groups: Option<usize>) -> VpcChange {
        let names = |kind: &str, count| (0..count).map(|number| format!("{kind}-{number}")).collect();
        VpcChange {
            subnet_ids: subnets.map(|count| names("subnet", count)),
            security_group_ids: groups.map(|count| names("sg", count)),
            ipv6_allowed_for_dual_stack: None,
        }
    }

    #[test]
    fn subnets_and_security_groups_come_and_go_together() {
        let none = VpcConfig::default();
        assert_eq!(none.changed(change(Some(1), None)), Err(VpcError::HalfGiven));
        let some = none.changed(change(Some(2), Some(1))).expect("a network");
        let fewer = some.changed(change(Some(1), None)).expect("a network");
        assert_eq!((fewer.subnet_ids.len(), fewer.security_group_ids.len()), (1, 1));
        assert_eq!(some.changed(change(None, Some(0))), Err(VpcError::HalfGiven));
        assert_eq!(some.changed(change(Some(0), Some(0))).expect("none"), none);
    }

    #[test]
    fn there_is_a_limit_to_both() {
        let none = VpcConfig::default();
        assert!(none.changed(change(Some(16), Some(5))).is_ok());
        assert!(none.changed(change(Some(17), Some(5))).is_err());
        assert!(none.changed(change(Some(16), Some(6))).is_err());
    }
}
