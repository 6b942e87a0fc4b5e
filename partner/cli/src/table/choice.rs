//! A chosen place as a page of a terminal.

use super::{notes_of, wrap};
use crate::{say, words, words::choice as said};
use protocol::result::ChoiceResult;
use std::fmt::{self, Write};

pub(super) fn choice(page: &mut String, result: &ChoiceResult) -> fmt::Result {
    let about = say::name(format!("{}, {}", result.contract_name, result.analysis));
    writeln!(page, "{about:<56}{:>24}", words::moment(result.time))?;
    wrap(page, "", &format!("Counted: {}.", result.answer.counted))?;
    writeln!(page)?;
    wrap(page, "", &said::answer(result))?;
    notes_of(page, &said::notes(result))
}

#[cfg(test)]
mod tests {
    use crate::{sample::choice::quantile, table};
    use protocol::analysis::Answer;

    #[test]
    fn a_choice_fits_eighty_columns_and_withholds_no_cells() {
        let page = table::page(&quantile().map(Answer::Choice), true).unwrap();
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
        assert!(page.contains("\nAbout 95 % of people are below 100.00"), "{page}");
        assert!(page.contains("\nSpent: epsilon 1 at delta 1e-6 (rho 0.017469)\n"), "{page}");
        assert!(!page.contains("withheld"), "{page}");
    }
}
