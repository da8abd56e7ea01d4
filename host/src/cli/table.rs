//! Listings: a table for people, one JSON document for scripts.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::output;

/// What stands between two columns.
const GAP: &str = "  ";

/// How a listing is printed.
#[derive(Debug, Args)]
pub(super) struct Listing {
    /// As a table for people, or as one JSON document for scripts, in the words of Lambda's API
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// A column of a table: its head, and at which side its cells stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    head: &'static str,
    side: Side,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// Rows under heads, every cell in one line.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Listing {
    /// Prints the document, or the table that shows it; that a table is empty is said on standard error, by `nothing`.
    pub(super) fn print(
        &self,
        document: &impl Serialize,
        table: impl FnOnce() -> Result<Table>,
        nothing: &str,
    ) -> Result<()> {
        if self.output == Format::Json {
            let document = serde_json::to_vec_pretty(document).context("cannot write the answer as JSON")?;
            return Ok(output::print_answer(&document)?);
        }
        let table = table()?;
        if table.rows.is_empty() {
            output::error_line(&output::one_line(nothing));
            return Ok(());
        }
        Ok(output::print(table.text().as_bytes())?)
    }
}

impl Column {
    /// A column of words.
    pub(super) const fn left(head: &'static str) -> Self {
        Self { head, side: Side::Left }
    }

    /// A column of numbers.
    pub(super) const fn right(head: &'static str) -> Self {
        Self { head, side: Side::Right }
    }
}

impl Table {
    pub(super) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row with a cell for every column. Values are whatever somebody once sent, so nothing in them moves the cursor
    /// or begins another line, on a terminal or not.
    pub(super) fn row<const CELLS: usize>(&mut self, cells: [&str; CELLS]) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a row has a cell for every column");
        self.rows.push(cells.into_iter().map(output::one_line).collect());
    }

    fn text(&self) -> String {
        let heads: Vec<String> = self.columns.iter().map(|column| column.head.to_owned()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&heads).chain(&self.rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for line in lines {
            let mut written = String::new();
            for ((cell, &width), column) in line.iter().zip(&widths).zip(&self.columns) {
                let cell = match column.side {
                    Side::Left => format!("{cell:<width$}"),
                    Side::Right => format!("{cell:>width$}"),
                };
                let gap = if written.is_empty() { "" } else { GAP };
                write!(written, "{gap}{cell}").expect("a String takes all that is written");
            }
            text.push_str(written.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_end_of_blanks() {
        let mut table = Table::new([Column::left("NAME"), Column::right("MB"), Column::left("WHAT")]);
        table.row(["hello", "128", ""]);
        table.row(["é", "10240", "more"]);
        let text = "NAME      MB  WHAT\nhello    128\né      10240  more\n";
        assert_eq!(table.text(), text);
    }

    #[test]
    fn a_value_is_one_line_and_moves_no_cursor() {
        let mut table = Table::new([Column::left("A")]);
        table.row(["\u{1b}[2Jx\nforged\trow"]);
        assert_eq!(table.text(), "A\n\\x1b[2Jx\\nforged\\trow\n");
    }
}
