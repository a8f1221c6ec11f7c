//! A table of JSON objects, as aligned text for the terminal and as Markdown for the project's pages.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde_json::Value;

/// The head of a column, and its cell for an object; `None` if the object lacks a field.
pub type Column = (&'static str, fn(&Value) -> Option<String>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A row for each object.
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a Value>, columns: &[Column]) -> Result<Table> {
        let cell = |object: &Value, (name, cell): &Column| cell(object).with_context(|| format!("{name:?} is missing"));
        let row = |object| columns.iter().map(|column| cell(object, column)).collect();
        let rows = objects.into_iter().map(row).collect::<Result<_>>()?;
        Ok(Table { head: columns.iter().map(|(name, _)| (*name).to_owned()).collect(), rows })
    }

    /// The first column is aligned to the left, the others to the right.
    pub fn text(&self) -> String {
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = String::new();
        for row in all() {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                // Writing into a String cannot fail.
                let _ = if column == 0 { write!(text, "{cell:<width$}") } else { write!(text, "  {cell:>width$}") };
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    pub fn markdown(&self) -> String {
        let rows = self.rows.iter().map(|row| format!("| {} |\n", row.join(" | ")));
        let rule = "---|".repeat(self.head.len());
        format!("| {} |\n|{rule}\n{}", self.head.join(" | "), rows.collect::<String>())
    }
}

/// A text or a number.
pub fn plain(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| Some(value.as_f64()?.to_string()))
}

/// A time in µs as milliseconds.
pub fn ms(us: &Value) -> Option<String> {
    Some(format!("{:.2}", us.as_f64()? / 1e3))
}

/// A [`Spread`](crate::spread::Spread) with its range.
pub fn spread(value: &Value) -> Option<String> {
    let [median, min, max] = ["median", "min", "max"].map(|name| value[name].as_f64());
    Some(format!("{:.2} ({:.2}…{:.2})", median?, min?, max?))
}

/// The median of a [`Spread`](crate::spread::Spread) of times in µs, as milliseconds.
pub fn median_ms(spread: &Value) -> Option<String> {
    ms(&spread["median"])
}

/// The word for a goal in a table.
pub fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(columns: usize) -> Table {
        let rows =
            [json!({ "case": "a long name", "p50": 1, "p99": 20000 }), json!({ "case": "b", "p50": "", "p99": 3 })];
        let all: [Column; 3] =
            [("case", |r| plain(&r["case"])), ("p50, µs", |r| plain(&r["p50"])), ("p99", |r| plain(&r["p99"]))];
        Table::of(&rows, &all[..columns]).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = "case         p50, µs    p99\na long name        1  20000\nb                         3\n";
        assert_eq!(table(3).text(), text);
    }

    #[test]
    fn markdown_has_a_rule_below_the_head() {
        assert_eq!(table(2).markdown(), "| case | p50, µs |\n|---|---|\n| a long name | 1 |\n| b |  |\n");
    }

    #[test]
    fn a_missing_field_is_an_error() {
        assert!(Table::of(&[json!({ "p50": 1 })], &[("p99", |row| ms(&row["p99"]))]).is_err());
    }

    #[test]
    fn figures_have_two_decimals() {
        assert_eq!((ms(&json!(4379)).as_deref(), ms(&json!(5175.0)).as_deref()), (Some("4.38"), Some("5.17")));
        assert_eq!(spread(&json!({ "median": 0.5, "min": 0.254, "max": 1 })).as_deref(), Some("0.50 (0.25…1.00)"));
        assert_eq!((plain(&json!(30.0)).as_deref(), plain(&json!("all")).as_deref()), (Some("30"), Some("all")));
    }
}
