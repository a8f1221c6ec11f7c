//! A table, as aligned text for the terminal and as Markdown for the project's pages.

use std::fmt::Write;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&'static str]) -> Table {
        Table { head: head.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Leaves out the columns after the first `count`.
    pub fn first(mut self, count: usize) -> Table {
        self.head.truncate(count);
        self.rows.iter_mut().for_each(|row| row.truncate(count));
        self
    }

    /// The first column is aligned to the left, the others to the right.
    pub fn text(&self) -> String {
        let head: Vec<String> = self.head.iter().map(|&name| name.to_owned()).collect();
        let all = || std::iter::once(&head).chain(&self.rows);
        let width = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let mut text = String::new();
        for row in all() {
            for (column, cell) in row.iter().enumerate() {
                let width = width(column).unwrap_or(0);
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

/// A time in µs as milliseconds.
pub fn ms(us: f64) -> String {
    format!("{:.2}", us / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["case", "p50, µs", "p99"]);
        table.row(["a long name".to_owned(), "1".to_owned(), "20000".to_owned()]);
        table.row(["b".to_owned(), String::new(), "3".to_owned()]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = "case         p50, µs    p99\na long name        1  20000\nb                         3\n";
        assert_eq!(table().text(), text);
    }

    #[test]
    fn markdown_has_a_rule_below_the_head() {
        assert_eq!(table().first(2).markdown(), "| case | p50, µs |\n|---|---|\n| a long name | 1 |\n| b |  |\n");
    }

    #[test]
    fn times_have_two_decimals_of_a_millisecond() {
        assert_eq!((ms(4379.0).as_str(), ms(5175.0).as_str()), ("4.38", "5.17"));
    }
}
