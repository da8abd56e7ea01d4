//! The benchmarks, and their table.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;
use crate::guests;
use crate::host;
use crate::repository::Repository;
use crate::step;

/// The columns of the table, as `results.json` names them. The last is there when a row has one.
const COLUMNS: [&str; 6] = ["name", "value", "unit", "baseline", "ratio", "goal"];

/// Runs the benchmarks whose names match, or all of them, and prints the table of their results.
pub(crate) fn run(repository: &Repository, names: &[String]) -> Result<()> {
    guests::build(repository)?;
    host::build(repository)?;
    step::shown("benchmarks", || {
        let mut bench = repository.cargo("bench");
        // The whole workspace, as for the binary: with fewer members the features of dependencies differ, and all of wasmtime
        // would be compiled again.
        bench.args(["--workspace", "--bench", "all"]);
        if !names.is_empty() {
            bench.arg("--").args(names);
        }
        repository.describe_to(&mut bench);
        command::run(&mut bench)
    })?;
    let path = repository.target("bench/results.json");
    let results = std::fs::read_to_string(&path)
        .with_context(|| format!("the benchmarks left no {}", path.display()))?;
    let rows: Vec<Value> =
        serde_json::from_str(&results).with_context(|| format!("{} is no list", path.display()))?;
    println!("\n{}", table(&rows));
    Ok(())
}

fn table(rows: &[Value]) -> String {
    let mut lines = vec![
        line(COLUMNS.iter().map(|&name| name.to_owned())),
        line(["---"; 6].iter().map(|&s| s.to_owned())),
    ];
    lines.extend(rows.iter().map(|row| line(COLUMNS.iter().map(|column| cell(&row[*column])))));
    lines.join("\n")
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('|', "\\|"),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| significant(number.as_f64()), |whole| whole.to_string())
        }
        other => other.to_string(),
    }
}

/// Three digits say what a measurement knows.
fn significant(number: Option<f64>) -> String {
    match number {
        None => String::new(),
        Some(number) if number.abs() >= 100.0 => format!("{number:.0}"),
        Some(number) if number.abs() >= 10.0 => format!("{number:.1}"),
        Some(number) if number.abs() >= 1.0 => format!("{number:.2}"),
        Some(number) => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_what_it_has_in_three_digits() {
        let rows =
            [serde_json::json!({ "name": "cold | hello", "value": 19.4567, "unit": "us", "ratio": 1234.5 })];
        let expected = "\
| name | value | unit | baseline | ratio | goal |
| --- | --- | --- | --- | --- | --- |
| cold \\| hello | 19.5 | us |  | 1234 |  |";
        assert_eq!(table(&rows), expected);
    }
}
