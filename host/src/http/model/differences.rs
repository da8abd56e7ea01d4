//! Where Samovar takes more or less than the model of the API says. What is not here is as in the model; members that the
//! model does not have are passed over, as on AWS.
//!
//! Some values are refused only later, because Lambda itself refuses them with InvalidParameterValueException: a function's
//! name of more than 64 characters, a runtime that is not taken, and the runtime and handler that CreateFunction must have.

use super::Model;
use super::shape::{Constraint, Shape};
use super::table::value_max;

/// Names of functions, whose length is no matter of the model's for Lambda.
const FUNCTION_NAMES: [&str; 3] = ["FunctionName", "NamespacedFunctionName", "UnqualifiedFunctionName"];

/// What the model allows to functions on managed instances alone, which are not here.
const MAXIMA: [(&str, &str); 3] =
    [("MemorySize", "10240"), ("EphemeralStorageSize", "10240"), ("Timeout", "900")];

/// Operations whose success has another status than the model says.
const STATUSES: [(&str, u16); 1] = [("DeleteFunction", 204)];

/// The model with these differences.
pub(super) fn with(mut model: Model) -> Model {
    for name in FUNCTION_NAMES {
        of(&mut model, name).constraints.retain(|constraint| !matches!(constraint, Constraint::LengthMax(_)));
    }
    // Which runtimes are taken is a setting.
    for constraint in std::mem::take(&mut of(&mut model, "Runtime").constraints) {
        if let Constraint::Enum(runtimes) = constraint {
            model.runtimes = runtimes;
        }
    }
    for (name, maximum) in MAXIMA {
        let constraints = &mut of(&mut model, name).constraints;
        constraints.retain(|constraint| !matches!(constraint, Constraint::ValueMax(..)));
        constraints.insert(0, value_max(maximum));
    }
    for (name, status) in STATUSES {
        let operation = model.operations.iter_mut().find(|operation| operation.name == name);
        operation.expect("the model has it").success = status;
    }
    model
}

fn of<'a>(model: &'a mut Model, name: &str) -> &'a mut Shape {
    model.shapes.get_mut(name).expect("the model has it")
}
