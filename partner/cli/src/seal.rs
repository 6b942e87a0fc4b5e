pub(crate) mod comparison;

use crate::{
    counted, document,
    failure::Failure,
    files::{self, Paper},
    people::PeopleArgs,
    profile,
    reading::ReadingArgs,
    salt, say, version,
};
use client::keys::Identity;
use comparison::Comparison;
use protocol::{contract::Contract, sealed::Declared, text::in_shell};
use sealing::{Checked, Count, Options, SealError, Sealed, Version, plural, thousands};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Seal a table for the room: checked, hashed, ordered, padded and encrypted on this machine
///
/// Reads CSV with a header, Parquet or Arrow IPC, one file or a folder of part files; writes
/// STEM.sealed for the host, STEM.manifest and STEM.keys for the grant. The keys stay here.
#[derive(Debug, clap::Args)]
pub(crate) struct Seal {
    /// The table, or - for standard input; with --adopt, the .sealed file that pyarrow wrote
    input: PathBuf,

    /// The contract [default: that of the usual room in the owner's folder]
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,

    /// Name of the dataset in the contract
    #[arg(long, value_name = "NAME")]
    dataset: String,

    /// Directory with the owner's keys
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Only count what is good, empty or refused in each column, and say whether the table would be sealed; needs no keys, and leaves
    /// nothing behind but --reject-file. What memory has no room for is set aside, encrypted, in TMPDIR meanwhile
    #[arg(long, conflicts_with_all = ["adopt", "output", "version"])]
    check: bool,

    #[command(flatten)]
    reading: ReadingArgs,

    /// Room for so many rows, rounded up to the next public step; anybody may know it [default: as many as
    /// there are]
    #[arg(long, value_name = "N")]
    rows: Option<u64>,

    /// The most rows of one person, rounded up to a power of two; anybody may know it [default: 64]
    #[arg(long, value_name = "N")]
    rows_per_person: Option<u64>,

    /// Leave out rows beyond --rows-per-person, chosen by a person's own rows, instead of refusing
    #[arg(long, conflicts_with = "adopt")]
    cut_rows: bool,

    /// Version of the dataset, which must grow [default: seconds since 1970, or one more than that of any version in the folder]
    #[arg(long, value_name = "N")]
    version: Option<u64>,

    /// Write bad rows here, word for word and each with its reason, even if nothing is sealed
    #[arg(long, value_name = "FILE", conflicts_with = "adopt")]
    reject_file: Option<PathBuf>,

    /// A mended --reject-file of the table: its rows replace the bad rows that they come from
    #[arg(long, value_name = "FILE", conflicts_with = "adopt")]
    mended: Option<PathBuf>,

    /// Stem of the files to write [default: the dataset's name, in the owner's folder]
    #[arg(short, long, value_name = "STEM", conflicts_with = "adopt")]
    output: Option<PathBuf>,

    /// Sign for a file that pyarrow has encrypted already, with these column keys
    #[arg(long, value_name = "KEYS")]
    adopt: Option<PathBuf>,

    #[command(flatten)]
    people: PeopleArgs,
}

impl Seal {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let path = profile::contract(&self.dir, self.contract.as_deref())?;
        // What is only counted needs no keys, not even in the contract.
        let paper = if self.check { Paper::read_or_fill(&path)? } else { Paper::read(&path)? };
        let contract = paper.contract;
        let mut options = self.reading.options(self.reject_file.clone())?;
        options.mended.clone_from(&self.mended);
        (options.rows, options.rows_per_person) = (self.rows, self.rows_per_person);
        options.cut_rows = self.cut_rows;
        if self.check {
            return self.count(&contract, &options);
        }
        let usual = self.usual_stem()?;
        let identity = Identity::load(&self.dir)?;
        crate::keys::warn_of_ends(&identity);
        identity.party_in(&contract)?;
        let key = identity.service()?;
        let salt = salt::of(&identity, &contract, &path)?;
        let next = || version::next_number(&self.dir, &contract, &self.dataset);
        let number = self.version.map_or_else(next, Ok)?;
        let version = Version {
            contract: &contract,
            dataset: &self.dataset,
            owner: key,
            salt: &salt,
            number,
        };
        let examined = Comparison::new(&identity, &contract, &self.dataset, &self.people)?;
        let options = examined.options(options);
        let sealed = match &self.adopt {
            Some(keys) => sealing::adopt(&self.input, keys, &version, &options)?,
            // Where `grant` looks, and not wherever the table happens to lie.
            None => self.table(&version, self.output.as_deref().unwrap_or(&usual), &options)?,
        };
        examined.keep()?;
        self.tell(&sealed)?;
        self.tell_what_is_next(&sealed.files.sealed.with_extension(""), &usual);
        Ok(ExitCode::SUCCESS)
    }

    /// Seals the table under `stem`.
    fn table(
        &self,
        version: &Version<'_>,
        stem: &Path,
        options: &Options,
    ) -> Result<Sealed, Failure> {
        let sealed =
            with_bar(|progress| sealing::seal(&self.input, version, stem, options, progress));
        let why = match sealed {
            Ok(sealed) => return Ok(sealed),
            Err(why) => why,
        };
        match &why {
            SealError::BadRows { .. } | SealError::Empty { rejected: 1.. } => self.tell_rejects(),
            SealError::NoGoodKey { count, .. } if count.rejected > 0 => self.tell_rejects(),
            _ => {}
        }
        if let SealError::BadRows { count, .. } | SealError::NoGoodKey { count, .. } = &why {
            document::fields(&Counted { sealed: false, count, files: None })?;
        }
        Err(match why {
            SealError::Exists { path }
                if ENDS.iter().any(|end| files::with_end(stem, end) == path) =>
            {
                self.next_version(&path, stem)
            }
            why => why.into(),
        })
    }

    /// Where `grant` looks for the dataset if it is not told: where the room says, or in the owner's folder.
    fn usual_stem(&self) -> Result<PathBuf, Failure> {
        let room = if self.contract.is_none() { profile::usual(&self.dir)? } else { None };
        let in_folder = || files::in_folder(&self.dir, &self.dataset);
        Ok(room.map_or_else(in_folder, |room| room.stem(&self.dataset)))
    }

    /// Refuses to write over a version, and says how the next one is sealed, uploaded and granted.
    fn next_version(&self, present: &Path, stem: &Path) -> Failure {
        let numbered = |number: u32| {
            let mut next = stem.as_os_str().to_owned();
            next.push(format!("-{number}"));
            PathBuf::from(next)
        };
        let taken = |stem: &PathBuf| ENDS.iter().any(|end| files::with_end(stem, end).exists());
        let free = (2..).map(numbered).find(|next| !taken(next)).unwrap_or_else(|| numbered(2));
        let word = |path: &Path| in_shell(&path.display().to_string());
        Failure::unclear(format!(
            "{} exists already, and nothing is written over it: it is of an earlier version, which its keys beside it can still grant. \
             Seal this one under another stem: `-o {}`; then `glovebox upload {}{}` and `{}`",
            present.display(),
            word(&free),
            word(&files::with_end(&free, "sealed")),
            version::in_dir(&self.dir),
            version::grant_command(&self.dataset, Some(&free), &self.dir),
        ))
    }

    /// Says how what was sealed gets to the room.
    fn tell_what_is_next(&self, stem: &Path, usual: &Path) {
        let named = (!version::same(stem, usual)).then_some(stem);
        say::note(format_args!(
            "Next: `glovebox upload {}{}`, then `{}`.{}",
            in_shell(&files::with_end(stem, "sealed").display().to_string()),
            version::in_dir(&self.dir),
            version::grant_command(&self.dataset, named, &self.dir),
            named.map_or("", |_| " Without --manifest and --keys the earlier version is meant."),
        ));
    }

    /// Counts what is good and bad, for `--check`.
    fn count(&self, contract: &Contract, options: &Options) -> Result<ExitCode, Failure> {
        let checked = with_bar(|progress| {
            sealing::check(&self.input, contract, &self.dataset, options, progress)
        })?;
        let Checked { count, refused } = checked;
        if count.rejected > 0 {
            self.tell_rejects();
        }
        document::fields(&Counted { sealed: false, count: &count, files: None })?;
        // Of these the failure has the table of columns in its text.
        if !matches!(refused, Some(SealError::BadRows { .. } | SealError::NoGoodKey { .. })) {
            let total = count.rows + count.cut_rows + count.rejected;
            say::result(format_args!(
                "{} of {} {} good.",
                thousands(count.rows + count.cut_rows),
                thousands(total),
                plural(total, "row is", "rows are"),
            ))?;
            say::result(&count)?;
            count.first.iter().for_each(|row| say::note(format_args!("  {row}")));
        }
        match refused {
            Some(why) => Err(why.into()),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    /// Says where bad rows are written, and how to mend them.
    fn tell_rejects(&self) {
        if let Some(rejects) = &self.reject_file {
            say::note(format_args!(
                "Bad rows are in {}: mend them there, and seal the same table with --mended {}.",
                rejects.display(),
                in_shell(&rejects.display().to_string())
            ));
        }
    }

    fn tell(&self, sealed: &Sealed) -> Result<(), Failure> {
        tell(&sealed.count, sealed.padded);
        counted::keep(sealed)?;
        let declared = sealed.manifest.manifest().declared;
        say::note(format_args!(
            "Declared, for anybody to see: room for {} rows, and at most {} of one person (the most here: {}).",
            thousands(declared.rows),
            thousands(declared.rows_per_person),
            thousands(sealed.count.most_rows),
        ));
        if sealed.files.rejects.is_some() {
            self.tell_rejects();
        }
        if sealed.count.only_rejects {
            say::note(
                "The table is a file of rejected rows: this version has these rows and no others. To seal them \
                 with the rest of their table, seal that table with --mended.",
            );
        }
        let files = Written {
            version: sealed.manifest.manifest().version,
            padded: sealed.padded,
            declared: sealed.manifest.manifest().declared,
            manifest: sealed.manifest.digest().to_string(),
            root: sealed.manifest.manifest().root.to_string(),
            sealed_file: &sealed.files.sealed,
            manifest_file: &sealed.files.manifest,
            keys_file: &sealed.files.keys,
            reject_file: sealed.files.rejects.as_deref(),
        };
        document::fields(&Counted { sealed: true, count: &sealed.count, files: Some(files) })?;
        let (digest, file) = (sealed.manifest.digest(), sealed.files.manifest.display());
        say::result(format_args!("{digest}  {file}"))?;
        let (root, file) = (sealed.manifest.manifest().root, sealed.files.sealed.display());
        say::result(format_args!("{root}  {file}"))?;
        say::note(format_args!("{} opens it: keep it here.", sealed.files.keys.display()));
        Ok(())
    }
}

/// The output of `--json`.
#[derive(Serialize)]
struct Counted<'a> {
    /// Whether anything was sealed.
    sealed: bool,
    #[serde(flatten)]
    count: &'a Count,
    #[serde(flatten)]
    files: Option<Written<'a>>,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    /// Rows in the sealed file, with padding.
    padded: u64,
    /// What of its size is public.
    declared: Declared,
    /// Digest of the manifest.
    manifest: String,
    /// Merkle root of the sealed file.
    root: String,
    sealed_file: &'a Path,
    manifest_file: &'a Path,
    keys_file: &'a Path,
    reject_file: Option<&'a Path>,
}

fn with_bar<T>(work: impl FnOnce(&mut dyn FnMut(u64, u64)) -> T) -> T {
    let bar = say::share_bar();
    let done = work(&mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    done
}

/// Prints what was sealed, what was not, and why.
pub(crate) fn tell(count: &Count, padded: u64) {
    let of = match count.people {
        people if people == 0 || people == count.rows => String::new(),
        people => format!(" of {} {}", thousands(people), plural(people, "person", "people")),
    };
    let rows = plural(count.rows, "row", "rows");
    let padded = thousands(padded);
    say::note(format_args!("{} {rows}{of} sealed, padded to {padded}.", thousands(count.rows)));
    if !count.columns.is_empty() {
        say::note(count);
    }
    if count.keyless_rows > 0 {
        say::note(format_args!(
            "{} good {} of {} {} left out: other people have all of their match keys, too.",
            thousands(count.keyless_rows),
            plural(count.keyless_rows, "row", "rows"),
            thousands(count.keyless_people),
            plural(count.keyless_people, "person was", "people were"),
        ));
    }
    if count.cut_rows > 0 {
        say::note(format_args!(
            "{} more {} of {} {} left out (--cut-rows): more than were declared for one person.",
            thousands(count.cut_rows),
            plural(count.cut_rows, "row", "rows"),
            thousands(count.cut_people),
            plural(count.cut_people, "person was", "people were"),
        ));
    }
    if count.rejected == 0 {
        return;
    }
    let rejected = plural(count.rejected, "row was", "rows were");
    let nobody = match count.no_identifier {
        0 => String::new(),
        rows => format!(" ({} without any identifier)", thousands(rows)),
    };
    say::note(format_args!(
        "{} other {rejected} bad and left out{nobody}{}; the first:",
        thousands(count.rejected),
        count.swallowed()
    ));
    count.first.iter().for_each(|row| say::note(format_args!("  {row}")));
}

/// How the files of a version end.
const ENDS: [&str; 3] = ["sealed", "manifest", "keys"];
