//! Checks every row and turns the table into records, still in the clear.

use super::{
    BadRow, ColumnCount, Count, NAMED_ROWS, Options, Reason, SealError,
    clean::{Memory, clean},
    convert::{Converter, Value},
    input::{self, Each, Input},
    output::Rejects,
    place_of,
    record::Encoder,
    row::Row,
    store::Store,
};
use client::people::{Sketch, Sketches};
use protocol::{
    contract::{Column, Dataset, Role},
    identity::{Identifier, MatchKey},
    salt::BucketSalt,
    sealed::{MAX_ROWS, Tag},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// What rows are converted into.
pub(super) struct Into<'a> {
    pub(super) salt: &'a BucketSalt,
    /// Where rows are set aside that memory has no room for; none if it has to have it.
    pub(super) spill: Option<PathBuf>,
}

/// What is called with the values of each good row.
type Keep<'k> = dyn FnMut(&[Converter<'_>], &[Value]) -> Result<(), SealError> + 'k;

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
    let (mut gathered, mut record) = (None, Vec::new());
    let mut people = options.examine.as_ref().map(|examine| Sampler::new(&examine.sketches));
    let mut keep = |converters: &[Converter<'_>], values: &[Value]| {
        let (encoder, store) = gathered.get_or_insert_with(|| {
            let encoder = Encoder::new(converters, into.salt);
            let store = Store::new(encoder.width(), MEMORY, into.spill.clone());
            (encoder, store)
        });
        encoder.encode(values, &mut record);
        if let Some(people) = &mut people {
            people.add(converters, values, encoder.tags(&record));
        }
        store.add(&record)
    };
    let count = read(input, dataset, options, rejects, &mut keep, &mut |done, total| {
        // Reading is half of the work, writing the other.
        progress(done, total.saturating_mul(2));
    })?;
    let refused = match (accept(&count, options), gathered) {
        (Ok(()), Some((encoder, store))) => {
            let (mut count, memory) = (count, Memory::usual(into.spill));
            let store = clean(store, &encoder.keys(), &memory, &mut count)?;
            return Ok(Prepared { store, count, people: people.map(Sampler::finish) });
        }
        (Ok(()), None) => SealError::Empty { rejected: count.rejected },
        (Err(refused), _) => refused,
    };
    // What is wrong with them is what is wanted now.
    rejects.publish()?;
    Err(refused)
}

/// Hashes of all keys of the table, by which its people are compared with those of other lineages.
struct Sampler<'a> {
    sketches: &'a Sketches,
    hashes: BTreeMap<Identifier, Distinct<u64>>,
    tags: BTreeMap<Identifier, Distinct<Tag>>,
}

/// Different values, in memory of up to twice what they take.
struct Distinct<T> {
    values: Vec<T>,
    /// Of so many, some are thrown away that are there twice.
    next: usize,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { values: Vec::new(), next: 1 << 20 }
    }
}

impl<T: Ord> Distinct<T> {
    fn push(&mut self, value: T) {
        if self.values.len() >= self.next {
            self.values.sort_unstable();
            self.values.dedup();
            self.next = self.next.max(2 * self.values.len());
        }
        self.values.push(value);
    }
}

impl<'a> Sampler<'a> {
    fn new(sketches: &'a Sketches) -> Self {
        Self { sketches, hashes: BTreeMap::new(), tags: BTreeMap::new() }
    }

    fn add<'t>(
        &mut self,
        converters: &[Converter<'_>],
        values: &[Value],
        tags: impl Iterator<Item = (Identifier, &'t Tag)>,
    ) {
        tags.for_each(|(kind, tag)| self.tags.entry(kind).or_default().push(*tag));
        for (converter, value) in converters.iter().zip(values) {
            if let (Role::MatchKey(kind), Value::Key(key)) = (&converter.column.role, value)
                && *key != MatchKey::NONE
            {
                self.hashes.entry(*kind).or_default().push(self.sketches.hash(key));
            }
        }
    }

    fn finish(self) -> Sketch {
        let mut sketch = Sketch::default();
        self.hashes.into_iter().for_each(|(kind, hashes)| sketch.add_keys(kind, hashes.values));
        self.tags.iter().for_each(|(kind, tags)| sketch.add_tags(*kind, &tags.values));
        sketch
    }
}

/// Reads all of `input` and counts it, without a limit to bad rows, which go where `options` say.
pub(super) fn count(
    input: &Path,
    dataset: &Dataset,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Count, SealError> {
    let rejects = Rejects::reserve(options.reject_file.as_deref())?;
    let count = read(input, dataset, options, &rejects, &mut |_, _| Ok(()), progress)?;
    rejects.publish()?;
    Ok(count)
}

/// Refuses a table of which too much is bad, or a match key as a whole.
pub(super) fn accept(count: &Count, options: &Options) -> Result<(), SealError> {
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

/// Calls `keep` with the values of each good row.
fn read(
    input: &Path,
    dataset: &Dataset,
    options: &Options,
    rejects: &Rejects,
    keep: &mut Keep<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Count, SealError> {
    check_options(dataset, options)?;
    let table = Input::open(input, dataset, &options.reading)?;
    let converters: Vec<_> =
        table.read_columns().map(|column| Converter::new(column, &options.reading)).collect();
    let header = table.header().to_vec();
    let mut count = Count {
        columns: converters.iter().map(named).collect(),
        only_rejects: table.is_of_rejects(),
        ..Count::default()
    };
    let blank = count.clone();
    // The values of a row if it is good, which is not counted.
    let values_of = |row: &Row<'_>| {
        let (mut values, mut uncounted) = (Vec::new(), blank.clone());
        let bad = check(row, None, header.len(), &converters, &mut values, &mut uncounted);
        bad.is_empty().then_some(values)
    };
    let mut values = Vec::with_capacity(converters.len());
    let mut each = |row: &Row<'_>, file: Option<&str>| {
        let bad = check(row, file, header.len(), &converters, &mut values, &mut count);
        if bad.is_empty() {
            count.rows += 1;
            if count.rows > MAX_ROWS {
                return Err(SealError::TooManyRows { most: MAX_ROWS });
            }
            return keep(&converters, &values);
        }
        rejects.add(&header, row, &bad)?;
        count_rejected(&mut count, row, bad);
        Ok(())
    };
    let Some(mended) = &options.mended else {
        table.rows(&mut each, progress)?;
        return Ok(count);
    };
    let mut good = BTreeMap::new();
    let mut instead = |row: &Row<'_>, file: Option<&str>| {
        good.extend(row.origin().map(str::to_owned).zip(values_of(row)));
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
        match values_of(row) {
            Some(values) if good.get(&place) != Some(&values) => {
                Err(SealError::NotBad { path: mended.clone(), place })
            }
            _ => Ok(()),
        }
    };
    table.rows(&mut others, progress)?;
    match places.pop_first() {
        Some(place) => Err(SealError::NotMended { path: mended.clone(), place, twice: false }),
        None => Ok(count),
    }
}

/// Counts a row that is not sealed, and what is wrong with it.
fn count_rejected(count: &mut Count, row: &Row<'_>, bad: Vec<BadRow>) {
    count.rejected += 1;
    if bad.iter().any(|bad| bad.reason == Reason::LineBreak) {
        count.swallowed_lines += row.line_breaks();
    }
    count.no_identifier += u64::from(bad.iter().any(|bad| bad.reason == Reason::NoIdentifier));
    bad.iter().filter(|bad| bad.column.is_none()).for_each(|bad| {
        count.refused_rows.add(&bad.reason);
    });
    if count.first.len() < NAMED_ROWS {
        count.first.extend(bad.into_iter().next());
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

fn named(converter: &Converter<'_>) -> ColumnCount {
    let column = converter.column.name.clone();
    let yes = converter.is_consent().then_some(0);
    ColumnCount { column, yes, is_key: converter.is_key(), ..ColumnCount::default() }
}

/// Converts one row into `values` and counts its fields; gives all that is wrong with it.
fn check(
    row: &Row<'_>,
    file: Option<&str>,
    expected: usize,
    converters: &[Converter<'_>],
    values: &mut Vec<Value>,
    count: &mut Count,
) -> Vec<BadRow> {
    let bad_row =
        |column, reason| BadRow { file: file.map(str::to_owned), at: row.at(), column, reason };
    if row.is_header() {
        return vec![bad_row(None, Reason::HeaderAgain)];
    }
    if row.origin() == Some("") {
        return vec![bad_row(None, Reason::NoOrigin)];
    }
    let reads = |(at, text): &(usize, &str)| converters.get(*at).is_some_and(|c| c.reads(text));
    if row.swallows(expected) || row.swallowed_values(expected).iter().any(reads) {
        return vec![bad_row(None, Reason::LineBreak)];
    }
    if let Some(found) = row.fields().filter(|found| *found != expected) {
        return vec![bad_row(None, Reason::Fields { found, expected })];
    }
    values.clear();
    let (mut bad, mut bad_keys) = (Vec::new(), Vec::new());
    for (at, (converter, counted)) in converters.iter().zip(&mut count.columns).enumerate() {
        let value = converter.convert(row.cell(at));
        match &value {
            Ok(value) if value.is_empty() => counted.empty += 1,
            Ok(value) => {
                counted.good += 1;
                if let (Some(yes), Value::Code(1)) = (&mut counted.yes, value) {
                    *yes += 1;
                }
            }
            Err(reason) => counted.refused.add(reason),
        }
        match value {
            Ok(value) => values.push(value),
            Err(reason) => {
                let wrong = bad_row(Some(converter.column.name.clone()), reason);
                if converter.is_key() {
                    bad_keys.push((at, wrong));
                } else {
                    bad.push((at, wrong));
                }
                // Of a row that is not sealed, or of a key that is left out.
                values.push(Value::Key(MatchKey::NONE));
            }
        }
    }
    let bad = Bad { others: bad, keys: bad_keys };
    bad.of_row(converters, values, count, || bad_row(None, Reason::NoIdentifier))
}

/// What is wrong in a row, by the place of the column.
struct Bad {
    others: Vec<(usize, BadRow)>,
    keys: Vec<(usize, BadRow)>,
}

impl Bad {
    /// What keeps the row from being sealed: not a wrong key, where another one identifies the row.
    fn of_row(
        self,
        converters: &[Converter<'_>],
        values: &[Value],
        count: &mut Count,
        no_identifier: impl Fn() -> BadRow,
    ) -> Vec<BadRow> {
        // A label is as long as a key, and identifies nobody.
        let mut keys = converters.iter().zip(values).filter(|(converter, _)| converter.is_key());
        let identified = keys.any(|(_, value)| !value.is_empty());
        let keyed = converters.iter().any(Converter::is_key);
        if keyed && !identified && self.keys.is_empty() && self.others.is_empty() {
            return vec![no_identifier()];
        }
        let mut bad = self.others;
        if identified && bad.is_empty() {
            for (at, _) in self.keys {
                if let Some(counted) = count.columns.get_mut(at) {
                    counted.left_out += 1;
                }
            }
            return Vec::new();
        }
        if !identified {
            bad.extend(self.keys);
            bad.sort_by_key(|(at, _)| *at);
        }
        bad.into_iter().map(|(_, wrong)| wrong).collect()
    }
}

/// Bytes of rows that are held before they are set aside. Twice as many may be allocated.
const MEMORY: usize = 192 << 20;
