//! The page of a model: a card that says what was learnt from whom, how good it is, and what it must not be used for.

mod dense;

use super::answer::{Judged, Reads, ScoreBin, TrainAnswer, TrainedBin, TrainedFeature};
use super::membership;
use crate::{
    page::{
        Axis, Bar, Bars, Block, Interval, Intervals, Page, Row, Section, Statement, Table, Term,
        Text, Topic, UNKNOWN, explain, notes,
        number::{fixed, level, size, whole},
    },
    result::JobResult,
    tally::Loss,
};

type TrainResult = JobResult<TrainAnswer>;

pub(super) fn page(result: &TrainResult) -> Page {
    let answer = &result.answer;
    let mut sections = Vec::new();
    if let Some(judged) = &answer.judged {
        sections.extend(picture(answer, judged));
        sections.push(by_score(answer, judged));
    }
    match &answer.network {
        None => sections.extend(answer.features.iter().map(|feature| shape(answer, feature))),
        Some(network) => sections.extend(dense::sections(answer, network)),
    }
    sections.push(training(answer));
    if result.noise {
        let delta = answer.network.is_some().then_some(result.privacy.selection_delta);
        sections.push(membership::section(result.privacy.rho, delta));
    }
    sections.extend(notes(noted(result)));
    sections.push(limits(answer));
    Page {
        title: Text::fixed("A model of ").quote(&answer.learns),
        subtitle: Text::fixed("Trained on: ").quote(&answer.counted).and("."),
        answer: vec![Statement::whole(statement(answer))],
        sections,
        ..Page::default()
    }
}

fn statement(answer: &TrainAnswer) -> Text {
    let features = match answer.features.len() {
        1 => "1 feature".to_owned(),
        many => format!("{many} features"),
    };
    let made = match &answer.network {
        None => Text::fixed(format!("It has a weight for each bin of {features}.")),
        Some(network) => Text::fixed(dense::made(network, &features)),
    };
    let alike = |share: f64| {
        format!(
            " But {} of these people have nearly the same score, and their order is not known.",
            percent(share)
        )
    };
    let Some(judged) = &answer.judged else {
        return made.and(" Nobody was held out, so nothing is known of how good it is.");
    };
    let alike = judged.largest_bin.filter(|share| *share > 0.5).map(alike).unwrap_or_default();
    match judged.auc {
        Some(auc) => made.and(format!(
            " Of two people who were not trained on, one with the label and one without it, it gives the one with it the \
             higher score in {} of 100 cases ({} interval {} to {}).{alike}",
            fixed(100.0 * auc.value, 1),
            level(answer.confidence),
            fixed(100.0 * auc.ci[0], 1),
            fixed(100.0 * auc.ci[1], 1)
        )),
        None => made.and(" Too few people were held out to say how good it is."),
    }
}

/// Draws how often people of each bin of scores have the label, beside how often the model says they do.
fn picture(answer: &TrainAnswer, judged: &Judged) -> Option<Section> {
    let row = |bin: &ScoreBin| {
        let (rate, ci) = (bin.rate?, bin.ci?);
        let said = bin.says.map(|says| format!("; says {}", percent(says))).unwrap_or_default();
        Some(Interval {
            name: Text::fixed(format!("Says {}", says(bin))),
            figure: Text::fixed(percent(rate)),
            words: Text::fixed(format!("{} to {}{said}", percent(ci[0]), percent(ci[1]))),
            unit: "%".to_owned(),
            estimate: 100.0 * rate,
            ends: ci.map(|end| Some(100.0 * end)),
            beside: bin.says.map(|says| 100.0 * says),
        })
    };
    let rows: Vec<_> = judged.bins.iter().filter_map(row).collect();
    if rows.is_empty() {
        return None;
    }
    let plot = Intervals {
        title: Text::fixed(format!(
            "People who have the label (ring, with its {} interval), and how many the model says have it (diamond)",
            level(answer.confidence)
        )),
        rows,
        axis: Axis::Shared,
        reference: 0.0,
        line: None,
    };
    Some(
        Section::new(Topic::Picture, "How well it is calibrated".into())
            .with(Block::Intervals(plot)),
    )
}

fn by_score(answer: &TrainAnswer, judged: &Judged) -> Section {
    let rows = judged.bins.iter().map(|bin| {
        let shown = |text: Option<String>| text.map_or(UNKNOWN.into(), Text::fixed);
        let range = bin.ci.map(|ci| format!("{} to {}", percent(ci[0]), percent(ci[1])));
        let figures = vec![
            shown(bin.people.map(whole)),
            shown(bin.says.map(percent)),
            shown(bin.rate.map(percent)),
            shown(range),
        ];
        Row::new(Text::fixed(says(bin)), figures)
    });
    let table = Table {
        names: vec!["The model says".into()],
        figures: vec![
            "People".into(),
            "On average".into(),
            "With label".into(),
            Text::fixed(format!("Range ({})", level(answer.confidence))),
        ],
        rows: rows.collect(),
        bars: None,
    };
    let share = percent(judged.share);
    let note = format!(
        "Of {share} of all people, who were not trained on: whom, a hash of each person's key decided. Numbers of people are \
         noisy. Scores were counted in finer bins, which are merged here until each has a tenth of the people. Ranges hold the noise and the \
         sampling."
    );
    Section::new(Topic::Figures, "What held-out people say of it".into())
        .with(Block::Table(table))
        .with(Block::Note(Text::fixed(note)))
}

/// Draws what one feature adds to the score.
fn shape(answer: &TrainAnswer, feature: &TrainedFeature) -> Section {
    let of_bin = |bin: &TrainedBin| (bin.name.clone(), bin.weight.unwrap_or_default());
    weights(answer, feature, &feature.bins.iter().map(of_bin).collect::<Vec<_>>())
}

/// Draws what each of these adds to the score.
fn weights(answer: &TrainAnswer, feature: &TrainedFeature, all: &[(String, f64)]) -> Section {
    let odds = answer.loss != Loss::Squared;
    // The same for all features, so that they can be compared.
    let widest = libm::exp(strongest(answer));
    let rows = all.iter().map(|(name, weight)| {
        let factor = libm::exp(*weight);
        let mut figures = vec![Text::fixed(format!("{weight:+.3}"))];
        if odds {
            figures.push(Text::fixed(format!("x {}", fixed(factor, 2))));
        } else {
            let adds = weight * answer.cap;
            let sign = if adds < 0.0 { "-" } else { "+" };
            figures.push(Text::fixed(format!("{sign}{}", size(adds.abs()))));
        }
        let bar = odds.then_some(Bar { value: factor, range: [factor, factor] });
        Row { names: vec![Text::quoted(name)], figures, bar, ..Row::default() }
    });
    let effect = match answer.loss {
        Loss::Logistic => "Odds",
        Loss::Squared => "Adds",
        Loss::Poisson => "Count",
    };
    let bars = odds.then(|| Bars {
        widest,
        from: Some(1.0),
        note: "Bars show the factor, from x 1 in the middle: twice as much is as long as half as much, in every feature. They have no ranges: \
               how far noise and chance move one weight depends on all others."
            .into(),
    });
    let table = Table {
        names: vec![if feature.between.is_some() { "Total" } else { "Bin" }.into()],
        figures: vec!["Weight".into(), effect.into()],
        rows: rows.collect(),
        bars,
    };
    Section::new(Topic::Figures, called(feature))
        .with(Block::Paragraph(read(feature).into()))
        .with(Block::Table(table))
}

/// The weight that is furthest from 0.
fn strongest(answer: &TrainAnswer) -> f64 {
    let bins = answer.features.iter().flat_map(|feature| &feature.bins);
    let network = answer.network.iter().flat_map(|network| &network.weights).copied();
    bins.filter_map(|bin| bin.weight).chain(network).map(f64::abs).fold(0.0, f64::max)
}

fn called(feature: &TrainedFeature) -> Text {
    match &feature.column {
        Some(column) => Text::quoted(&feature.dataset).and(".").quote(column),
        None => Text::fixed("Rows in ").quote(&feature.dataset),
    }
}

fn read(feature: &TrainedFeature) -> &'static str {
    match feature.reads {
        Reads::OnlyValue => "The only value that all of a person's rows have.",
        Reads::Total => "The total over a person's rows.",
        Reads::Rows => "How many rows a person has.",
    }
}

fn training(answer: &TrainAnswer) -> Section {
    let settings = &answer.settings;
    let term =
        |name: &'static str, text: String| Term { name: name.into(), text: Text::fixed(text) };
    let by = if answer.by_rule { "by the rule" } else { "chosen by the analyst" };
    let counted = match settings.batch {
        None => format!("residuals up to {}", size(settings.clip)),
        Some(batch) => format!(
            "gradients up to a norm of {}, each person in a step with a chance of {}",
            size(settings.clip),
            size(batch)
        ),
    };
    let made = format!("{by}: {} steps, rate {}, {counted}", settings.steps, size(settings.rate));
    let people = whole(i64::try_from(answer.people).unwrap_or(i64::MAX));
    let mut terms =
        vec![term("Settings", made), term("People", format!("about {people}, as the job says"))];
    if let Some(sum) = &answer.label_sum {
        let (value, [low, high]) = (size(sum.value), sum.ci.map(size));
        let level = level(answer.confidence);
        terms.push(term("Sum of labels", format!("{value} ({level} interval {low} to {high})")));
    }
    let noise = format!("s.d. {}", size(settings.step_noise_sd));
    let noise = if settings.batch.is_some() { noise + " of these norms" } else { noise };
    terms.push(term("Noise in a sum", noise));
    if answer.loss != Loss::Logistic {
        terms.push(term("Cap", format!("labels above {} count as this", size(answer.cap))));
    }
    Section::new(Topic::Asked, "How it was trained".into()).with(Block::Terms(terms))
}

fn noted(result: &TrainResult) -> Vec<Text> {
    let answer = &result.answer;
    let mut all: Vec<_> = result.flags.iter().map(|flag| explain(flag, own)).collect();
    if !answer.consent_from.is_empty() {
        let who = Text::fixed("Whoever withheld consent in ")
            .with(Text::names(&answer.consent_from, " or "));
        all.push(
            who.and(" is in no step and in no figure, and how many these are is not counted."),
        );
    }
    all
}

fn limits(answer: &TrainAnswer) -> Section {
    let rare = match &answer.network {
        None => {
            "That a bin with few people has a weight near 0: noise hides what is rare, by design."
        }
        Some(_) => "What few people have in common: noise hides what is rare, by design.",
    };
    let known = match &answer.network {
        None => {
            "Of sums that are signed: of somebody who is known to be in the data, learning which of two histories is theirs \
             may cost up to four times \u{3c1}."
        }
        Some(_) => {
            "Of gradients, which point anywhere: of somebody who is known to be in the data, learning which of two histories is \
             theirs may cost what two people lose, twice \u{3b5} and more."
        }
    };
    let mut limits: Vec<Text> = vec![
        "Why: a weight is what goes with the label beside all other features, and no cause of it.".into(),
        rare.into(),
        "Anything of people unlike those it was trained on, or of a later time.".into(),
        "Whether it is fair, or may be used for a decision about anybody: the contract says what for.".into(),
        known.into(),
    ];
    if answer.loss == Loss::Logistic {
        limits.push(
            "Exact rates: residuals are clipped, which keeps the order of people and moves what it says of rare labels."
                .into(),
        );
    }
    Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(limits))
}

/// The sentence of a flag that only a training has.
fn own(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "weak_signal" => {
            "CAREFUL: the label is too rare for this epsilon and so many features: below 20 labels for each unit of noise \
             models are hardly better than chance."
        }
        "one_label" => {
            "CAREFUL: nearly everybody, or nearly nobody, has the label, or the number of people that the job says is far \
             from right. The model says little."
        }
        "label_unchecked" => {
            "CAREFUL: nobody was held out, so nothing says whether anybody has the label, or nearly everybody: a model of a label \
             that is always the same looks like any other. Hold some people out."
        }
        "label_shown" => {
            "CAREFUL: a feature is read from the very rows that make the label, whose bin of people who were not found tells \
             it. The model repeats the label, and says nothing of people whose label is not known yet."
        }
        "judged_by_few" => {
            "too few people were held out, with the label or without it, to say how good the model is."
        }
        "scores_alike" => {
            "CAREFUL: more than half of the people who were held out have nearly the same score. The interval allows for any order \
             among them."
        }
        "miscalibrated" => {
            "CAREFUL: what the model says is not how often people have the label: in the table by score, at least one range \
             misses it by more than a tenth. Use scores to put people in order, and take rates from that table."
        }
        _ => return None,
    })
}

fn says(bin: &ScoreBin) -> String {
    format!("{} to {}", percent(bin.says_from), percent(bin.says_to))
}

fn percent(share: f64) -> String {
    format!("{} %", fixed(100.0 * share, 1))
}
