//! The results on disk: `target/bench/results.json`, a list of rows.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::row::Row;

/// The rows of the last run of every benchmark.
#[derive(Debug)]
pub(crate) struct Results {
    path: PathBuf,
    /// All benchmarks there are, in the order of the table.
    benchmarks: Vec<&'static str>,
    rows: Vec<Row>,
}

impl Results {
    /// What earlier runs left. A file that cannot be read is an empty one: it will be replaced.
    pub(crate) fn open(path: PathBuf, benchmarks: Vec<&'static str>) -> Self {
        let read = std::fs::read(&path).ok();
        let rows = read.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { path, benchmarks, rows }
    }

    /// Puts the rows of one benchmark in the place of those it had, and writes all of them.
    pub(crate) fn replace(&mut self, benchmark: &str, rows: Vec<Row>) -> Result<()> {
        self.rows.retain(|row| !row.is_of(benchmark));
        self.rows.extend(rows);
        // Rows of a benchmark that is no more go; the others keep their own order.
        let place = |row: &Row| self.benchmarks.iter().position(|name| row.is_of(name));
        self.rows.retain(|row| place(row).is_some());
        self.rows.sort_by_key(place);
        write_json(&self.path, &self.rows)
    }
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let write = || {
        let partial = path.with_extension("partial");
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(&partial, serde_json::to_vec_pretty(value)?)?;
        std::fs::rename(&partial, path)
    };
    write().with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(results: &Results) -> Vec<&str> {
        results.rows.iter().map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn a_benchmark_replaces_its_own_rows_and_no_others() {
        let path = std::env::temp_dir().join(format!("samovar-results-{}.json", std::process::id()));
        let row = |name: &str| Row::new(name, 1.0, "us");
        let mut results = Results::open(path.clone(), vec!["warm", "warm_64k", "cold"]);
        results.replace("cold", vec![row("cold"), row("cold/init")]).expect("written");
        results.replace("warm_64k", vec![row("warm_64k")]).expect("written");
        results.replace("warm", vec![row("warm"), row("warm/wall")]).expect("written");
        results.replace("warm", vec![row("warm")]).expect("written");
        let order = ["warm", "warm_64k", "cold", "cold/init"];
        assert_eq!(names(&results), order);

        let mut later = Results::open(path.clone(), vec!["warm", "cold"]);
        assert_eq!(names(&later), order, "what was written is read");
        later.replace("warm", vec![row("warm")]).expect("written");
        assert_eq!(names(&later), ["warm", "cold", "cold/init"], "a benchmark that is no more has no rows");
        std::fs::remove_file(path).expect("it was there");
    }
}
