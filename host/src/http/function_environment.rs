//! The environment variables of functions, some of which set what Lambda's API has no member for.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::function::{Configuration, Environment, Isolation, OutboundError, OutboundList, PermitWait};

use super::wire_error::WireError;

/// The environment variable of a function that sets its isolation: `reuse` or `fresh`; without it, what is usual in the
/// function's world.
pub const ISOLATION_VARIABLE: &str = "SAMOVAR_ISOLATION";
/// The environment variable of a function that says where it may send HTTP requests: a list of rules, empty by default.
pub const OUTBOUND_VARIABLE: &str = "SAMOVAR_OUTBOUND";

/// The environment variable of a function that says for how many milliseconds a request may wait while as many invocations run
/// as may: 0 to 60000, 0 by default.
pub const PERMIT_WAIT_VARIABLE: &str = "SAMOVAR_PERMIT_WAIT_MS";

/// Variables as a request has them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EnvironmentInput {
    variables: Option<BTreeMap<String, String>>,
}

/// Variables that were checked, and what some of them set.
#[derive(Debug)]
pub(super) struct CheckedEnvironment {
    environment: Environment,
    isolation: Option<Isolation>,
    outbound: Option<OutboundList>,
    permit_wait: Option<PermitWait>,
}

impl EnvironmentInput {
    pub(super) fn checked(self) -> Result<CheckedEnvironment, WireError> {
        let variables = self.variables.unwrap_or_default();
        let isolation = variables.get(ISOLATION_VARIABLE).map(|text| isolation(text)).transpose()?;
        let outbound = variables.get(OUTBOUND_VARIABLE).map(|text| text.parse()).transpose();
        let outbound = outbound.map_err(|error: OutboundError| {
            WireError::parameter(format!("The variable {OUTBOUND_VARIABLE} is refused: {error}."))
        })?;
        let permit_wait = variables.get(PERMIT_WAIT_VARIABLE).map(|text| permit_wait(text)).transpose()?;
        Ok(CheckedEnvironment { environment: Environment::new(variables)?, isolation, outbound, permit_wait })
    }
}

impl CheckedEnvironment {
    /// Puts the variables in place of those that were there.
    pub(super) fn apply(&self, configuration: &mut Configuration) {
        // An embedder may have set the same without a variable, whose absence then says nothing.
        let was_given = |name| configuration.environment.variables().contains_key(name);
        let isolation = self.isolation.or(was_given(ISOLATION_VARIABLE).then(Isolation::default));
        let outbound = self.outbound.clone();
        let outbound = outbound.or(was_given(OUTBOUND_VARIABLE).then(OutboundList::default));
        configuration.isolation = isolation.unwrap_or(configuration.isolation);
        let wait = self.permit_wait.or(was_given(PERMIT_WAIT_VARIABLE).then(PermitWait::default));
        configuration.permit_wait = wait.unwrap_or(configuration.permit_wait);
        if let Some(outbound) = outbound {
            configuration.outbound = outbound;
        }
        configuration.environment = self.environment.clone();
    }
}

fn isolation(text: &str) -> Result<Isolation, WireError> {
    match text {
        "reuse" => Ok(Isolation::Reuse),
        "fresh" => Ok(Isolation::Fresh),
        _ => Err(WireError::parameter(format!("The variable {ISOLATION_VARIABLE} must be reuse or fresh."))),
    }
}

fn permit_wait(text: &str) -> Result<PermitWait, WireError> {
    let milliseconds = text.parse().map_err(|_| {
        WireError::parameter(format!("The variable {PERMIT_WAIT_VARIABLE} must be a number of milliseconds."))
    })?;
    Ok(PermitWait::from_milliseconds(milliseconds)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(configuration: Configuration, variables: serde_json::Value) -> Result<Configuration, WireError> {
        let input: EnvironmentInput =
            serde_json::from_value(json!({ "Variables": variables })).expect("the shape");
        let mut configuration = configuration;
        input.checked()?.apply(&mut configuration);
        Ok(configuration)
    }

    #[test]
    fn a_variable_sets_the_isolation_and_its_absence_takes_that_back() {
        let fresh =
            with(Configuration::default(), json!({ "SAMOVAR_ISOLATION": "fresh" })).expect("variables");
        assert_eq!(fresh.isolation, Isolation::Fresh);
        assert_eq!(with(fresh, json!({})).expect("variables").isolation, Isolation::Usual);
        assert!(with(Configuration::default(), json!({ "SAMOVAR_ISOLATION": "none" })).is_err());
    }

    #[test]
    fn a_variable_says_where_requests_may_go_and_its_absence_takes_that_back() {
        let rules = "https://api.example.com, *.example.org";
        let given = with(Configuration::default(), json!({ "SAMOVAR_OUTBOUND": rules })).expect("variables");
        assert_eq!(given.outbound, rules.parse().expect("rules"));
        assert!(with(given, json!({})).expect("variables").outbound.is_empty());
        let bad = with(Configuration::default(), json!({ "SAMOVAR_OUTBOUND": "ftp://example.com" }));
        assert!(format!("{bad:?}").contains("SAMOVAR_OUTBOUND"), "{bad:?}");
    }

    #[test]
    fn an_isolation_that_no_variable_set_is_kept_by_a_change_of_variables() {
        let fresh = Configuration { isolation: Isolation::Fresh, ..Default::default() };
        assert_eq!(with(fresh, json!({ "KEY": "value" })).expect("variables").isolation, Isolation::Fresh);
    }
}
