//! Whether a table fits into what is declared of its size.

use super::{Count, Options, SealError, store::Store};
use protocol::sealed::Declared;

/// Finds out what to declare for `store`, and refuses what does not fit.
pub(super) fn fit(
    mut store: Store,
    options: &Options,
    count: &mut Count,
) -> Result<(Store, Declared), SealError> {
    let per_person = options.rows_per_person.unwrap_or(Declared::of(0).rows_per_person);
    let at_most = Declared::at_least(0, per_person);
    let found = store.survey(at_most.rows_per_person, options.cut_rows)?;
    (count.people, count.most_rows) = (found.people, found.most);
    if options.cut_rows {
        (count.cut_people, count.cut_rows) = (found.over, found.beyond);
        count.rows -= found.beyond;
    }
    let fill = store.fill();
    let declared = Declared::at_least(options.rows.unwrap_or(count.rows), per_person);
    if found.over > 0 && !options.cut_rows {
        let least = Declared::at_least(declared.rows, found.most);
        let fits = fill.fitting(least).filter(|fits| fits.rows_per_person >= found.most);
        let (people, most) = (found.over, found.most);
        return Err(SealError::RowsOfOne { people, most, declared, fits });
    }
    if !fill.fits(declared) {
        let (rows, fits) = (count.rows, fill.fitting(declared));
        return Err(SealError::Declared { rows, declared, fits });
    }
    Ok((store, declared))
}
