//! Listings: a table for people, one JSON document for scripts.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

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

/// A listing that is printed page by page, as one table or one document.
#[derive(Debug)]
pub(super) struct PagedListing {
    format: Format,
    table: Table,
    is_begun: bool,
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
    /// How wide each column is; in the course of pages none becomes narrower.
    widths: Vec<usize>,
    rows: Vec<Vec<String>>,
    is_begun: bool,
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
        let mut table = table()?;
        if table.rows.is_empty() {
            output::error_line(&output::one_line(nothing));
            return Ok(());
        }
        Ok(output::print(table.page().as_bytes())?)
    }

    /// The same, page by page. The table has no rows yet.
    pub(super) fn paged(&self, table: Table) -> PagedListing {
        PagedListing { format: self.output, table, is_begun: false }
    }
}

impl PagedListing {
    /// Prints a page, of which `row` adds each item to the table. False if nobody reads any more.
    pub(super) fn print(&mut self, items: &[Value], row: impl Fn(&mut Table, &Value)) -> Result<bool> {
        if items.is_empty() {
            return Ok(true);
        }
        let page = match self.format {
            Format::Table => {
                items.iter().for_each(|item| row(&mut self.table, item));
                self.table.page()
            }
            Format::Json => {
                let list = serde_json::to_string_pretty(items).context("cannot write the answer as JSON")?;
                let list = list.trim_start_matches('[').trim_end_matches(']').trim_end();
                format!("{}{list}", if self.is_begun { "," } else { "[" })
            }
        };
        self.is_begun = true;
        Ok(output::print_part(&page)?)
    }

    /// Prints what follows the last page; that a table is empty is said on standard error, by `nothing`.
    pub(super) fn end(self, nothing: &str) -> Result<()> {
        match (self.format, self.is_begun) {
            (Format::Table, true) => {}
            (Format::Table, false) => output::error_line(&output::one_line(nothing)),
            (Format::Json, true) => drop(output::print_part("\n]\n")?),
            (Format::Json, false) => drop(output::print_part("[]\n")?),
        }
        Ok(())
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
        let columns = columns.into();
        let widths = columns.iter().map(|column| column.head.chars().count()).collect();
        Self { columns, widths, rows: Vec::new(), is_begun: false }
    }

    /// Adds a row with a cell for every column. Values are whatever somebody once sent, so nothing in them moves the cursor
    /// or begins another line, on a terminal or not.
    pub(super) fn row<const CELLS: usize>(&mut self, cells: [&str; CELLS]) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a row has a cell for every column");
        self.rows.push(cells.into_iter().map(output::one_line).collect());
    }

    /// The rows since the last page as text, those of the first page under the heads.
    fn page(&mut self) -> String {
        let heads = self.columns.iter().map(|column| column.head.to_owned()).collect();
        let heads = (!std::mem::replace(&mut self.is_begun, true)).then_some(heads);
        let lines: Vec<Vec<String>> = heads.into_iter().chain(self.rows.drain(..)).collect();
        for (column, width) in self.widths.iter_mut().enumerate() {
            *width = lines.iter().map(|line| line[column].chars().count()).fold(*width, usize::max);
        }
        let mut text = String::new();
        for line in lines {
            let mut written = String::new();
            for ((cell, &width), column) in line.iter().zip(&self.widths).zip(&self.columns) {
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
        assert_eq!(table.page(), text);
        // Further pages have no heads, and stand under those of the first.
        table.row(["a name", "5", "x"]);
        assert_eq!(table.page(), "a name      5  x\n");
        table.row(["b", "70000000", "y"]);
        assert_eq!(table.page(), "b       70000000  y\n");
    }

    #[test]
    fn a_value_is_one_line_and_moves_no_cursor() {
        let mut table = Table::new([Column::left("A")]);
        table.row(["\u{1b}[2Jx\nforged\trow"]);
        assert_eq!(table.page(), "A\n\\x1b[2Jx\\nforged\\trow\n");
    }
}
