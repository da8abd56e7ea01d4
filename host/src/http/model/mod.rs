//! Lambda's API as its model has it: which operations there are, and what their requests may hold. EventBridge Scheduler's, too.
//!
//! All of it comes from one table of facts for each, such as `lambda.txt`, that `tests/clients/model_table.py` makes of AWS's own
//! model. A request
//! is [routed](Model::route) to its operation, its [input](Input::read) is read and checked against the shapes of its members,
//! and all that is wrong with it becomes one error in AWS's words. Invoke does not come here.

mod check;
mod differences;
mod input;
mod pattern;
mod read;
mod route;
mod shape;
mod table;
mod violation;

use std::collections::HashMap;
use std::sync::LazyLock;

use route::Segment;
use shape::{Member, Shape};

pub(super) use input::{Input, InputError};
pub(super) use route::{NotText, Query, Route, decoded, segments};
pub(super) use violation::constraint_text;

/// The model, read when it is first needed.
static MODEL: LazyLock<Model> = LazyLock::new(|| differences::with(table::read(include_str!("lambda.txt"))));
/// That of EventBridge Scheduler.
static SCHEDULER: LazyLock<Model> = LazyLock::new(|| table::read(include_str!("scheduler.txt")));

/// The operations of the API, and the shapes of their requests.
#[derive(Debug)]
pub(super) struct Model {
    operations: Vec<Operation>,
    shapes: HashMap<&'static str, Shape>,
    runtimes: Vec<&'static str>,
}

/// An operation, as the model has it.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    /// The status of its success.
    pub(super) success: u16,
    method: &'static str,
    path: Vec<Segment>,
    /// A pair that the query must have.
    query: Option<(&'static str, &'static str)>,
    /// The exceptions that its clients know, without their common ending.
    errors: Vec<&'static str>,
    /// The members of its request; none of an operation whose requests are not read.
    input: Option<Vec<Member>>,
}

impl Model {
    /// The model of Lambda's API.
    pub(super) fn lambda() -> &'static Self {
        &MODEL
    }

    /// The model of EventBridge Scheduler's API, of which the members of targets are left out that are not functions.
    pub(super) fn scheduler() -> &'static Self {
        &SCHEDULER
    }

    /// All runtimes that Lambda ever had.
    pub(super) fn runtimes(&self) -> &[&'static str] {
        &self.runtimes
    }

    fn shape(&self, name: &str) -> &Shape {
        self.shapes.get(name).expect("the table has every shape that it names: a test reads all of it")
    }
}

impl Operation {
    /// Whether clients know that exception of this operation: those that any operation may raise before it begins are in no
    /// model.
    pub(super) fn models(&self, exception: &str) -> bool {
        const COMMON: [&str; 6] = [
            "AccessDenied",
            "IncompleteSignature",
            "RequestEntityTooLarge",
            "RequestTimeout",
            "Serialization",
            "Validation",
        ];
        let name = exception.strip_suffix("Exception").unwrap_or(exception);
        COMMON.contains(&name) || self.errors.contains(&name)
    }

    /// Whether it changes nothing.
    pub(super) fn only_reads(&self) -> bool {
        self.method == "GET"
    }

    /// Whether its requests are read, so that it can be carried out.
    #[cfg(test)]
    pub(super) fn is_read(&self) -> bool {
        self.input.is_some()
    }
}

#[cfg(test)]
impl Model {
    /// All operations.
    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_can_be_read() {
        let model = Model::lambda();
        assert_eq!(model.operations.len(), 91);
        for operation in &model.operations {
            assert!(operation.models("ServiceException"), "{} says what is not there", operation.name);
            for member in operation.input.iter().flatten() {
                assert!(model.shapes.contains_key(member.shape), "{}", member.shape);
            }
        }
        for shape in model.shapes.values() {
            for used in shape.parts() {
                assert!(model.shapes.contains_key(used), "{used}");
            }
        }
    }

    #[test]
    fn the_whole_table_of_the_scheduler_can_be_read() {
        let model = Model::scheduler();
        assert_eq!(model.operations.len(), 12);
        let read = model.operations.iter().filter(|operation| operation.is_read());
        assert_eq!(read.clone().count(), 5);
        let members = read.flat_map(|operation| operation.input.iter().flatten().map(|member| member.shape));
        for shape in members.chain(model.shapes.values().flat_map(Shape::parts)) {
            assert!(model.shapes.contains_key(shape), "{shape}");
        }
    }

    #[test]
    fn an_exception_is_modelled_by_some_operations_and_not_by_others() {
        let operation = |name| {
            let found = Model::lambda().operations.iter().find(|operation| operation.name == name);
            found.expect("it is there")
        };
        assert!(operation("UpdateAlias").models("PreconditionFailedException"));
        assert!(!operation("ListAliases").models("PreconditionFailedException"));
        assert!(operation("ListAliases").models("ValidationException"));
    }
}
