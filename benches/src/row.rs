//! One figure, as the table shows it.

use serde::{Deserialize, Serialize};

use crate::goal::Goal;

/// One figure, beside what it is compared with and what it is to reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct Row {
    pub(crate) name: String,
    value: f64,
    unit: String,
    baseline: Option<f64>,
    ratio: Option<f64>,
    /// What the baseline is.
    against: Option<String>,
    goal: Option<String>,
}

impl Row {
    /// A figure. Its name is that of its benchmark, or begins with it and a slash.
    pub fn new(name: impl Into<String>, value: f64, unit: impl Into<String>) -> Self {
        let (name, unit) = (name.into(), unit.into());
        Self { name, value, unit, baseline: None, ratio: None, against: None, goal: None }
    }

    /// The same figure beside another of the same unit and the same run.
    pub fn against(self, what: &str, baseline: f64) -> Self {
        let (ratio, against) = (Some(self.value / baseline), Some(what.to_owned()));
        Self { baseline: Some(baseline), ratio, against, ..self }
    }

    /// The same figure with its goal. To be called last, because it judges.
    pub fn goal(self, goal: Goal) -> Self {
        let goal = Some(goal.judge(self.value, &self.unit, self.ratio));
        Self { goal, ..self }
    }

    /// Whether the figure is one of that benchmark's.
    pub(crate) fn is_of(&self, benchmark: &str) -> bool {
        self.name.strip_prefix(benchmark).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}
