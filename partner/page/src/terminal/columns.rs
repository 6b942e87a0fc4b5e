//! Rows with their columns aligned.

use std::fmt::{self, Write};

/// Writes rows with their columns aligned: the first to the left, the others to the right.
///
/// # Errors
///
/// [`fmt::Error`], which writing to a string does not make.
pub fn columns<R: AsRef<[String]>>(page: &mut String, rows: &[R]) -> fmt::Result {
    let widths = widths(rows);
    for row in rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.as_ref().iter().zip(&widths).enumerate() {
            match at {
                0 => write!(line, "{cell:<width$}")?,
                _ => write!(line, "  {cell:>width$}")?,
            }
        }
        writeln!(page, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The number of letters of the longest text in each column.
pub(super) fn widths<R: AsRef<[String]>>(rows: &[R]) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        let row = row.as_ref();
        widths.resize(widths.len().max(row.len()), 0);
        for (widest, text) in widths.iter_mut().zip(row) {
            *widest = text.chars().count().max(*widest);
        }
    }
    widths
}

/// Spaces between two columns.
pub(super) const GAP: usize = 2;
