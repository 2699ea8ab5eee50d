//! Tables for people: columns as wide as their widest cell.

use crate::text;

/// The widest cell that is printed whole, in characters.
const WIDEST: usize = 60;

/// A table with a header row.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Adds a row. Control characters in cells become spaces, long cells are cut.
    pub(crate) fn row(&mut self, cells: &[String]) {
        let cells = cells.iter().map(|cell| text::shorten(&text::plain(cell), WIDEST)).collect();
        self.rows.push(cells);
    }

    /// The table as lines, without spaces at their ends.
    pub(crate) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
            })
            .collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths);
            let padded: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
            padded.join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["ID", "STATUS"]);
        table.row(&["a".into(), "läuft".into()]);
        table.row(&["longer".into(), "x\ny".into()]);
        assert_eq!(table.lines(), ["ID      STATUS", "a       läuft", "longer  x y"]);
    }
}
