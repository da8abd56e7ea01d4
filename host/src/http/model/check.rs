//! Holds the values of a request against their shapes.

use serde_json::{Map, Value};

use super::Model;
use super::shape::{Kind, Member, Shape};
use super::violation::{At, Violations};

const NOT_NULL: &str = "Member must not be null";

impl Model {
    /// Notes all that is wrong with the members of a request or structure, in the model's order.
    pub(super) fn check_members(
        &self,
        members: &[Member],
        given: &Map<String, Value>,
        at: &At<'_>,
        violations: &mut Violations,
    ) {
        for member in members {
            let at = At::Member(at, member.name);
            match given.get(member.name) {
                Some(value) if !value.is_null() => {
                    self.check(self.shape(member.shape), value, &at, violations);
                }
                _ if member.required => violations.missing(&at),
                _ => {}
            }
        }
    }

    fn check(&self, shape: &Shape, value: &Value, at: &At<'_>, violations: &mut Violations) {
        let shown = (!shape.sensitive).then_some(value);
        for constraint in shape.failed_by(value) {
            violations.value(at, shown, &constraint.text());
        }
        match (&shape.kind, value) {
            (Kind::Structure(members), Value::Object(given)) => {
                self.check_members(members, given, at, violations);
            }
            (Kind::List { of }, Value::Array(items)) => {
                let of = self.shape(of);
                if !of.is_scalar() {
                    for (index, item) in items.iter().enumerate() {
                        self.check_item(of, item, &At::Item(at, index), violations);
                    }
                } else if !items.iter().all(|item| is_good(of, item)) {
                    violations.value(at, shown, &format!("Member must satisfy constraint: {}", all_of(of)));
                }
            }
            (Kind::Map { key, value: of }, Value::Object(pairs)) => {
                let (key, of) = (self.shape(key), self.shape(of));
                if !pairs.keys().all(|name| is_good(key, &Value::from(name.as_str()))) {
                    let constraint = format!("Map keys must satisfy constraint: {}", all_of(key));
                    violations.value(at, shown, &constraint);
                }
                if !pairs.values().all(|value| is_good(of, value)) {
                    let constraint = format!("Map value must satisfy constraint: {}", all_of(of));
                    violations.value(at, shown, &constraint);
                }
            }
            // That a value is what its shape says was seen to when it was read.
            _ => {}
        }
    }

    fn check_item(&self, shape: &Shape, item: &Value, at: &At<'_>, violations: &mut Violations) {
        match item {
            Value::Null => violations.missing(at),
            item => self.check(shape, item, at, violations),
        }
    }
}

fn is_good(shape: &Shape, value: &Value) -> bool {
    !value.is_null() && shape.failed_by(value).next().is_none()
}

/// All constraints of what is in a list or map: AWS names each of them, whichever was not satisfied.
fn all_of(shape: &Shape) -> String {
    let constraints = shape.constraints.iter().map(|constraint| constraint.text());
    format!("[{}]", constraints.chain([NOT_NULL.to_owned()]).collect::<Vec<_>>().join(", "))
}
