//! Checks every row and turns the table into records, still in the clear.

use super::{
    ColumnCount, Count, Options, SealError,
    check::named,
    clean::{Memory, clean},
    convert::Converter,
    fit::fit,
    input::{self, Chunk, Each, Input},
    output::Rejects,
    place_of,
    record::{Encoder, Keys},
    row::Row,
    rows::{Done, Work},
    sampler::Sampler,
    store::Store,
};
use client::people::Sketch;
use protocol::{
    contract::{Column, Dataset, Role},
    salt::BucketSalt,
    sealed::MAX_ROWS,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Mutex,
};

/// What rows are converted into.
pub(super) struct Into<'a> {
    pub(super) salt: &'a BucketSalt,
    /// Where rows are set aside that memory has no room for; none if it has to have it.
    pub(super) spill: Option<PathBuf>,
}

/// The rows of a table, converted.
pub(super) struct Prepared {
    pub(super) store: Store,
    pub(super) count: Count,
    /// All people, if somebody wants to look at them.
    pub(super) people: Option<Sketch>,
}

/// Reads all of `input`. Bad rows go to `rejects` and are left out; too many are an error, after all
/// have been counted.
pub(super) fn prepare(
    input: &Path,
    dataset: &Dataset,
    into: Into<'_>,
    options: &Options,
    rejects: &Rejects,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Prepared, SealError> {
    let place = into.spill.clone();
    let (mut count, gathered) =
        read(input, dataset, Some(into), options, rejects, &mut |done, total| {
            // Reading is half of the work, writing the other.
            progress(done, total.saturating_mul(2));
        })?;
    let refused = match (accept(&count, options), gathered.store) {
        (Ok(()), Some((keys, store))) if count.rows > 0 => {
            let store = clean(store, &keys, &Memory::usual(place), &mut count)?;
            let people = options.examine.as_ref().map(|_| gathered.people.finish());
            return Ok(Prepared { store, count, people });
        }
        (Ok(()), _) => SealError::Empty { rejected: count.rejected },
        (Err(refused), _) => refused,
    };
    // What is wrong with them is what is wanted now.
    rejects.publish()?;
    Err(refused)
}

/// Reads all of `input` and does with it what sealing does before it writes; gives what was counted, and why it would not be sealed.
pub(super) fn count(
    input: &Path,
    dataset: &Dataset,
    into: Into<'_>,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Count, Option<SealError>), SealError> {
    let rejects = Rejects::reserve(options.reject_file.as_deref())?;
    let place = into.spill.clone();
    let (mut count, gathered) = read(input, dataset, Some(into), options, &rejects, progress)?;
    rejects.publish()?;
    if let Err(refused) = accept(&count, options) {
        return Ok((count, Some(refused)));
    }
    let Some((keys, store)) = gathered.store.filter(|_| count.rows > 0) else {
        let rejected = count.rejected;
        return Ok((count, Some(SealError::Empty { rejected })));
    };
    let cleaned = clean(store, &keys, &Memory::usual(place), &mut count);
    let refused = cleaned.and_then(|store| fit(store, options, &mut count)).err();
    Ok((count, refused))
}

/// Refuses a table of which too much is bad, or a match key as a whole.
fn accept(count: &Count, options: &Options) -> Result<(), SealError> {
    let total = count.rows + count.rejected;
    // A quote that is not closed makes one row of many: each of its lines may be a row that is lost.
    let swallowed = count.swallowed_lines;
    if options.max_rejected.is_exceeded(count.rejected + swallowed, total + swallowed) {
        let limit = options.max_rejected;
        return Err(SealError::BadRows { count: Box::new(count.clone()), total, limit });
    }
    let lost = |column: &&ColumnCount| {
        let is_refused = column.good == 0 && column.refused.total() > 0;
        column.is_key && is_refused && !options.without_keys.contains(&column.column)
    };
    if let Some(column) = count.columns.iter().find(lost) {
        let (column, refused) = (column.column.clone(), column.refused.total());
        return Err(SealError::NoGoodKey { column, refused, count: Box::new(count.clone()) });
    }
    Ok(())
}

/// Refuses options that name what the dataset does not have, or that would change what values mean.
fn check_options(dataset: &Dataset, options: &Options) -> Result<(), SealError> {
    options.reading.check_words().map_err(SealError::Word)?;
    let unknown = |name: &&String| dataset.read_columns().all(|column| column.name != **name);
    let stray = options.reading.empty.keys().find(unknown);
    if let Some(name) = stray.filter(|_| !options.reading.several_files) {
        return Err(SealError::NoSuchColumn { column: name.clone() });
    }
    let of_a_key = |column: &Column| matches!(column.role, Role::MatchKey(_));
    let identifies = |column: &Column| of_a_key(column) || column.role == Role::Person;
    let default = |column: &&Column| options.reading.empty.contains_key(&column.name);
    if let Some(column) = dataset.read_columns().filter(default).find(|column| identifies(column)) {
        return Err(SealError::DefaultOfKey { column: column.name.clone() });
    }
    let is_key = |name: &&String| dataset.column(name).is_some_and(of_a_key);
    let stray = options.without_keys.iter().find(|name| !is_key(name));
    if let Some(name) = stray.filter(|_| !options.reading.several_files) {
        return Err(SealError::NotAKey { column: name.clone() });
    }
    Ok(())
}

/// What good rows were made into.
#[derive(Default)]
struct Gathered {
    /// Their records and where in these the match keys are, if they are to be kept.
    store: Option<(Keys, Store)>,
    people: Sampler,
}

impl Gathered {
    /// Takes what good rows are in `done`.
    fn keep(&mut self, done: &mut Done) -> Result<(), SealError> {
        if let Some((_, store)) = &mut self.store {
            let width = store.width();
            done.records.chunks_exact(width).try_for_each(|record| store.add(record))?;
            done.records.clear();
        }
        self.people.add(std::mem::take(&mut done.people));
        Ok(())
    }
}

/// Checks and counts each row; makes good ones `into` something, or nothing.
fn read(
    input: &Path,
    dataset: &Dataset,
    into: Option<Into<'_>>,
    options: &Options,
    rejects: &Rejects,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Count, Gathered), SealError> {
    check_options(dataset, options)?;
    let table = Input::open(input, dataset, &options.reading)?;
    let converters: Vec<_> =
        table.read_columns().map(|column| Converter::new(column, &options.reading)).collect();
    let header = table.header().to_vec();
    let blank = Count {
        columns: converters.iter().map(named).collect(),
        only_rejects: table.is_of_rejects(),
        ..Count::default()
    };
    let encoder = into.as_ref().map(|into| Encoder::new(&converters, into.salt));
    let store = encoder.as_ref().zip(into);
    let store = store
        .map(|(encoder, into)| (encoder.keys(), Store::new(encoder.width(), MEMORY, into.spill)));
    let mut gathered = Gathered { store, people: Sampler::default() };
    let work = Work {
        converters: &converters,
        fields: header.len(),
        blank: &blank,
        encoder: encoder.as_ref(),
        sketches: options.examine.as_ref().map(|examine| &*examine.sketches),
        spare: Mutex::default(),
    };
    if let Some(mended) = &options.mended {
        let mut done = work.nothing();
        let mut each = |row: &Row<'_>, file: Option<&str>| {
            work.row(0, row, file, &mut done);
            done.bad.drain(..).try_for_each(|(_, bad)| rejects.add(&header, row, &bad))?;
            few_enough(&done.count)?;
            gathered.keep(&mut done)
        };
        with_mended((input, table), mended, dataset, options, &work, &mut each, progress)?;
        return Ok((done.count, gathered));
    }
    let mut count = blank.clone();
    let mut gather = |chunk: &Chunk, done: &mut Done| {
        for (at, bad) in &done.bad {
            let row = chunk.row(*at);
            row.map_or(Ok(()), |row| rejects.add(&header, &row, bad))?;
        }
        gathered.keep(done)?;
        count.add(std::mem::take(&mut done.count));
        few_enough(&count)
    };
    work.all(table, &mut gather, progress)?;
    Ok((count, gathered))
}

fn few_enough(count: &Count) -> Result<(), SealError> {
    if count.rows > MAX_ROWS { Err(SealError::TooManyRows { most: MAX_ROWS }) } else { Ok(()) }
}

/// Calls `each` for every row of the file `mended`, and of the `table` but for those that were mended there.
fn with_mended(
    (input, table): (&Path, Input<'_>),
    mended: &Path,
    dataset: &Dataset,
    options: &Options,
    work: &Work<'_>,
    each: &mut Each<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), SealError> {
    let (mut good, header) = (BTreeMap::new(), table.header().to_vec());
    let mut instead = |row: &Row<'_>, file: Option<&str>| {
        good.extend(row.origin().map(str::to_owned).zip(work.values(row)));
        each(row, file)
    };
    let mut places = mended_rows(mended, input, &header, dataset, options, &mut instead)?;
    let mut others = |row: &Row<'_>, file: Option<&str>| {
        let place = place_of(file, row.at());
        if !places.remove(&place) {
            return each(row, file);
        }
        // Other options may read a row that was rejected, to what it was mended to. A good row of other
        // values is another one: the table has changed.
        match work.values(row) {
            Some(values) if good.get(&place) != Some(&values) => {
                Err(SealError::NotBad { path: mended.to_owned(), place })
            }
            _ => Ok(()),
        }
    };
    table.rows(&mut others, progress)?;
    match places.pop_first() {
        Some(place) => Err(SealError::NotMended { path: mended.to_owned(), place, twice: false }),
        None => Ok(()),
    }
}

/// Calls `each` for every row of the file `mended`; gives where in the table `of` they come from, whose
/// columns are `header`.
fn mended_rows(
    mended: &Path,
    of: &Path,
    header: &[String],
    dataset: &Dataset,
    options: &Options,
    each: &mut Each<'_>,
) -> Result<BTreeSet<String>, SealError> {
    let not_rejects = || SealError::NotRejects { path: mended.to_owned() };
    let input = Input::open(mended, dataset, &options.reading).map_err(|cause| match cause {
        // Nothing is renamed in such a file.
        SealError::Map { .. } => not_rejects(),
        cause => input::of_part(header, mended, of, cause),
    })?;
    if !input.is_of_rejects() {
        return Err(not_rejects());
    }
    input.expect(header, of)?;
    let mut places = BTreeSet::new();
    let name = mended.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut row = |row: &Row<'_>, _: Option<&str>| {
        // A row that does not say where it comes from is a bad one, which is what the rest finds.
        if let Some(place) = row.origin().filter(|place| !place.is_empty())
            && !places.insert(place.to_owned())
        {
            let place = place.to_owned();
            return Err(SealError::NotMended { path: mended.to_owned(), place, twice: true });
        }
        each(row, name.as_deref())
    };
    input.rows(&mut row, &mut |_, _| {})?;
    Ok(places)
}

/// Bytes of rows that are held before they are set aside.
const MEMORY: usize = 768 << 20;
