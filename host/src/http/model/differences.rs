//! Where Samovar takes more or less than the model of the API says. What is not here is as in the model; members that the
//! model does not have are passed over, as on AWS.
//!
//! Some values are refused only later, because Lambda itself refuses them with InvalidParameterValueException: a function's
//! name of more than 64 characters, a runtime that is not taken, and the runtime and handler that CreateFunction must have.

use super::Model;
use super::shape::{Constraint, Shape};
use super::table::value_max;

/// Names of functions, whose length is no matter of the model's for Lambda; that of their ARNs is.
const FUNCTION_NAMES: [&str; 3] = ["FunctionName", "NamespacedFunctionName", "UnqualifiedFunctionName"];

/// The regions that the model knows: those with names of the form of AWS's.
const MODEL_REGION: &str = r"(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}";
/// The regions that there may be here: what [`Region`](crate::function::Region) takes.
const ANY_REGION: &str = "[a-z0-9-]{1,32}";

/// What the model allows to functions on managed instances alone, which are not here.
const MAXIMA: [(&str, &str); 3] =
    [("MemorySize", "10240"), ("EphemeralStorageSize", "10240"), ("Timeout", "900")];

/// Operations whose success has another status than the model says.
const STATUSES: [(&str, u16); 1] = [("DeleteFunction", 204)];

/// The model with these differences.
pub(super) fn with(mut model: Model) -> Model {
    for name in FUNCTION_NAMES {
        for constraint in &mut of(&mut model, name).constraints {
            if let Constraint::LengthMax(max) = *constraint {
                *constraint = Constraint::ArnLengthMax(max);
            }
        }
    }
    for constraint in model.shapes.values_mut().flat_map(|shape| &mut shape.constraints) {
        if let Constraint::Pattern(pattern) = constraint {
            pattern.widen(MODEL_REGION, ANY_REGION);
        }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn takes(shape: &str, text: &str) -> bool {
        Model::lambda().shape(shape).failed_by(&json!(text)).next().is_none()
    }

    #[test]
    fn arns_may_have_any_region_that_there_may_be_here() {
        for region in ["local", "us-east-1", "eu2"] {
            let arn = format!("arn:aws:lambda:{region}:000000000000:function:f");
            for shape in FUNCTION_NAMES.into_iter().chain(["TaggableResource", "PolicyResourceArn"]) {
                assert!(
                    crate::function::Region::parse(region).is_ok() && takes(shape, &arn),
                    "{shape} {arn}"
                );
            }
        }
        assert!(!takes("TaggableResource", "arn:aws:lambda:Local:000000000000:function:f"));
    }

    #[test]
    fn an_arn_has_the_models_length_and_a_name_its_own_rule() {
        let name = "f".repeat(100);
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{name}");
        let (shape, arn) = (Model::lambda().shape("FunctionName"), json!(arn));
        let failed: Vec<_> = shape.failed_by(&arn).map(Constraint::text).collect();
        assert_eq!(failed, ["Member must have length less than or equal to 140"]);
        assert!(takes("FunctionName", &"f".repeat(200)), "it is refused where it is parsed");
    }
}
