//! `glovebox model skew`: whether people who are to be scored are like those of the training, as far as their owner can know.

use super::{
    ModelArgs,
    columns::{self, Place, Told, called},
};
use crate::{document, failure::Failure, files, say};
use ::page::{html, terminal};
use protocol::{
    analysis::train::{TrainAnswer, TrainedFeature},
    page::{
        Banner, Block, Page, Row, Section, Severity, Statement, Table, Text, Topic,
        number::{fixed, whole},
    },
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Compare people who are to be scored with those of the training, by the model's bins
///
/// Both files are yours, and CSV as for `glovebox model score`: people now, and the people that you handed in for the
/// training. Columns of the model that one of the files lacks are left out, since they are another owner's. What the room
/// trained on stays there: nothing is known here of others' columns, or of who was joined. Ends with exit code 1 if a
/// feature has moved by more than --allow and more than chance, and with 2 if nothing can be compared.
#[derive(Debug, clap::Args)]
pub(crate) struct Skew {
    /// The people now: CSV with a line of names
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The people of the training: CSV with a line of names, and one line for each person. If you handed in several rows of
    /// a person, add them up first, and count them in DATASET.rows
    #[arg(long, value_name = "FILE")]
    trained_on: PathBuf,

    #[command(flatten)]
    model: ModelArgs,

    /// The share of people who may be in another bin without being told of as skew
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    allow: f64,

    /// Also write the page as HTML; a file that is there is not written over
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Skew {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        if !(0.0..=1.0).contains(&self.allow) {
            let found = self.allow;
            return Err(Failure::unclear(format!("--allow {found}: expected a share from 0 to 1")));
        }
        let model = self.model.read()?.answer;
        let (now, then) =
            (People::read(&self.file, &model)?, People::read(&self.trained_on, &model)?);
        let found: Vec<_> = model
            .features
            .iter()
            .zip(then.bins.iter().zip(&now.bins))
            .filter_map(|(feature, (then, now))| {
                Some(Moved::of(feature, then.as_deref()?, now.as_deref()?, self.allow))
            })
            .collect();
        if found.is_empty() {
            let why = "no column of the model is in both files: nothing can be compared";
            return Err(Failure::unclear(why));
        }
        let page = page(&model, &found, (&self.trained_on, &then), (&self.file, &now));
        if let Some(path) = &self.html {
            let page = html::page(&page).map_err(Failure::unclear)?;
            files::write_new(path, |file| {
                file.write_all(page.as_bytes()).map_err(Failure::writing(path))
            })?;
        }
        let skewed = found.iter().any(|feature| feature.is_skewed);
        document::fields(&serde_json::json!({"skewed": skewed, "page": page}))?;
        let page = terminal::summary(&page).map_err(Failure::unclear)?;
        say::result(page.trim_end())?;
        Ok(if skewed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// How many people of a file are in which bin.
struct People {
    count: u64,
    /// For each feature of the model, people in each bin; `None` for a feature that the file lacks.
    bins: Vec<Option<Vec<u64>>>,
}

impl People {
    fn read(path: &Path, model: &TrainAnswer) -> Result<Self, Failure> {
        let mut rows = columns::open(path, model)?;
        let bad = |error: csv::Error| Failure::unclear(format!("{}: {error}", path.display()));
        let names = rows.headers().map_err(bad)?.clone();
        let places: Vec<_> =
            model.features.iter().map(|feature| Place::find(model, feature, &names)).collect();
        let empty = |(feature, place): (&TrainedFeature, &Option<Place>)| {
            place.is_some().then(|| vec![0; feature.parts().len()])
        };
        let mut bins: Vec<_> = model.features.iter().zip(&places).map(empty).collect();
        let mut told = vec![Told::default(); places.len()];
        let mut count = 0_u64;
        for row in rows.records() {
            let row = row.map_err(bad)?;
            count += 1;
            let line = row.position().map_or(count + 1, csv::Position::line);
            let features = model.features.iter().zip(&places).zip(bins.iter_mut().zip(&mut told));
            for ((feature, place), (bins, told)) in features {
                let (Some(place), Some(bins)) = (place, bins) else { continue };
                let bin = feature.part(told.seen(feature, place, &row, line));
                if let Some(people) = bins.get_mut(bin) {
                    *people += 1;
                }
            }
        }
        if count == 0 {
            let why = format!("{}: it has no line of a person", path.display());
            return Err(Failure::unclear(why));
        }
        say::note(format_args!("{}:", path.display()));
        for (feature, told) in model.features.iter().zip(&told) {
            told.tell(feature, count)
                .map_err(|why| Failure::unclear(format!("{}: {why}", path.display())))?;
        }
        Ok(Self { count, bins })
    }
}

/// How one feature has moved.
struct Moved<'m> {
    feature: &'m TrainedFeature,
    /// Shares of people in each bin, then and now.
    shares: Vec<[f64; 2]>,
    /// The share of people who would have to be in another bin to make both alike.
    share: f64,
    /// What this share is at most in 999 of 1000 pairs of files of alike people.
    by_chance: f64,
    is_skewed: bool,
}

impl<'m> Moved<'m> {
    /// Of people in each bin then and now.
    ///
    /// # Source
    ///
    /// Of n and m people from one distribution over k bins, the distance is √(k(1/n + 1/m))/2 on average at most
    /// (Cauchy-Schwarz), and above that by t with probability exp(-2t²/(1/n + 1/m)) at most: McDiarmid 1989.
    fn of(feature: &'m TrainedFeature, then: &[u64], now: &[u64], allow: f64) -> Self {
        let counts = [then, now].map(|bins| real(bins.iter().sum::<u64>()));
        let [before, after] = counts;
        let shares =
            then.iter().zip(now).map(|(then, now)| [real(*then) / before, real(*now) / after]);
        let shares: Vec<_> = shares.collect();
        let share = shares.iter().map(|[then, now]| (then - now).abs()).sum::<f64>() / 2.0;
        let each = 1.0 / before + 1.0 / after;
        let bins = shares.iter().map(|_| 1.0).sum::<f64>();
        let by_chance = (bins * each).sqrt() / 2.0 + (1000_f64.ln() / 2.0 * each).sqrt();
        Self { feature, shares, share, by_chance, is_skewed: share > allow.max(by_chance) }
    }
}

/// What the comparison says, for people.
fn page(
    model: &TrainAnswer,
    found: &[Moved<'_>],
    (old, then): (&Path, &People),
    (new, now): (&Path, &People),
) -> Page {
    let skewed: Vec<_> = found.iter().filter(|feature| feature.is_skewed).collect();
    let file = |path: &Path| {
        path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let lines = |people: &People| {
        format!(" ({} people)", whole(i64::try_from(people.count).unwrap_or(i64::MAX)))
    };
    let answer = match skewed.as_slice() {
        [] => Text::fixed("No feature has moved by more than is allowed and more than chance."),
        some => {
            let names: Vec<_> = some.iter().map(|feature| called(feature.feature)).collect();
            Text::fixed("Distributed otherwise now: ").with(Text::names(&names, ", ")).and(".")
        }
    };
    let doubts = (!skewed.is_empty()).then(|| Banner {
        severity: Severity::Warning,
        headline: "PEOPLE NOW ARE UNLIKE THOSE OF THE TRAINING".into(),
        reasons: vec![
            "How good the model was on people who were held out does not hold for others than those.".into(),
        ],
    });
    let mut sections = vec![overview(found)];
    sections.extend(found.iter().map(of_feature));
    sections.extend(left_out(model, found));
    sections.push(limits());
    Page {
        about: "People now and then".into(),
        title: Text::fixed("People now and people of the training, by the bins of a model of ")
            .quote(&model.learns),
        subtitle: Text::quoted(file(old))
            .and(lines(then))
            .and(" then, ")
            .quote(file(new))
            .and(lines(now))
            .and(" now."),
        doubts: doubts.into_iter().collect(),
        answer: vec![Statement::whole(answer)],
        sections,
        ..Page::default()
    }
}

fn overview(found: &[Moved<'_>]) -> Section {
    let row = |feature: &Moved<'_>| {
        let figures = vec![percent(feature.share), percent(feature.by_chance)];
        let figures = figures.into_iter().map(Text::fixed).collect();
        let remark = feature.is_skewed.then(|| "moved".into());
        Row { remark, ..Row::new(Text::quoted(called(feature.feature)), figures) }
    };
    let table = Table {
        names: vec!["Feature".into()],
        figures: vec!["In another bin".into(), "By chance up to".into()],
        rows: found.iter().map(row).collect(),
        bars: None,
    };
    Section::new(Topic::Figures, "How far each feature has moved".into())
        .with(Block::Table(table))
        .with(Block::Note(
            "The share of people who would have to be in another bin to make both files alike, and what it is at most in \
             999 of 1000 pairs of files of alike people."
                .into(),
        ))
}

fn left_out(model: &TrainAnswer, found: &[Moved<'_>]) -> Option<Section> {
    let is_found =
        |feature: &&TrainedFeature| found.iter().any(|moved| std::ptr::eq(moved.feature, *feature));
    let missing = model.features.iter().filter(|feature| !is_found(feature));
    let names: Vec<_> = missing.map(called).collect();
    let text =
        Text::fixed("Not in both files, and left out: ").with(Text::names(&names, ", ")).and(".");
    let notes = Section::new(Topic::Notes, "Notes".into());
    (!names.is_empty()).then(|| notes.with(Block::List(vec![text])))
}

fn limits() -> Section {
    Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(vec![
        "Whom the model was trained on: that stays in the room. These are two files of one owner; who was joined, who \
         withheld consent and who was held out is not known here."
            .into(),
        "Anything of columns that one of the files lacks, such as another owner's.".into(),
        "Whether the label goes with the features as it did.".into(),
    ]))
}

fn of_feature(moved: &Moved<'_>) -> Section {
    let parts = moved.feature.parts();
    let rows = parts.iter().zip(&moved.shares).map(|(part, [then, now])| {
        let change = 100.0 * (now - then);
        let sign = if change < 0.0 { "-" } else { "+" };
        let figures = [percent(*then), percent(*now), format!("{sign}{}", fixed(change.abs(), 1))];
        Row::new(Text::quoted(part), figures.into_iter().map(Text::fixed).collect())
    });
    let table = Table {
        names: vec!["Bin".into()],
        figures: vec!["Then".into(), "Now".into(), "Points".into()],
        rows: rows.collect(),
        bars: None,
    };
    Section::new(Topic::Figures, Text::quoted(called(moved.feature))).with(Block::Table(table))
}

fn percent(share: f64) -> String {
    format!("{} %", fixed(100.0 * share, 1))
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "far below 2^53")]
fn real(number: u64) -> f64 {
    number as f64
}
