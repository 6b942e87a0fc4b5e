//! What is asked, what is refused, and whether intervals hold.

use super::{
    sample::{by_creative, by_dataset, by_frequency},
    *,
};
use crate::{
    analysis::{Question, samples, toml::question_from_toml},
    contract::{ColumnRef, Contract},
    page::{Block, Provenance, Source},
    policy,
    released::{Cell, Figures, Place, Totals},
    tally::{Dimension, Population, Quantity},
};

mod coverage;

const JOB: &str = include_str!("sample/job.toml");

fn contract() -> Contract {
    samples::contract(include_str!("sample/contract.toml"))
}

fn asked(job: &str) -> Result<Reach, String> {
    match question_from_toml(job, &contract()) {
        Ok((_, Question::Reach(asked))) => Ok(asked),
        Ok(_) => panic!("another kind"),
        Err(error) => Err(error.to_string()),
    }
}

fn with(from: &str, to: &str) -> Result<Reach, String> {
    assert!(JOB.contains(from), "{from}");
    asked(&JOB.replacen(from, to, 1))
}

/// The reach of values of a column of one dataset.
fn by_column() -> String {
    let (head, _) = JOB.split_once("[[reach.where]]").unwrap();
    let head = head.replace("\"frequency\"", "\"display.place\"\ndatasets = [\"display\"]");
    format!("{head}[reach.privacy]\nepsilon = 2\ndelta = 1e-6\n")
}

fn priced(asked: Reach) -> Result<Proven, Refusal> {
    policy::price(&contract(), "reach", &Question::Reach(asked))
}

#[test]
fn the_whole_is_one_tally_and_the_values_of_a_column_are_another() {
    let whole = priced(asked(JOB).unwrap()).unwrap();
    let tally = whole.tally();
    assert!(matches!(tally.population, Population::Union { .. }));
    assert!(matches!(
        tally.dimensions.as_slice(),
        [Dimension::Known, Dimension::Bins { measure: 0, edges }] if *edges == [2, 3, 4, 5]
    ));
    assert_eq!((tally.cells_per_person, &tally.measures[0].of), (1, &Quantity::RowsOfAll));
    assert!(tally.tables.iter().all(|table| table.rows.len() == 1));
    let by_dataset = priced(with("\"frequency\"", "\"dataset\"").unwrap()).unwrap();
    assert_eq!(by_dataset.tally().dimensions, [Dimension::Membership { datasets: 2 }]);
    assert_eq!(by_dataset.tally().measures.len(), 2);
    let column = priced(asked(&by_column()).unwrap()).unwrap();
    assert!(matches!(
        column.tally().dimensions.as_slice(),
        [Dimension::Known, Dimension::Group { values: 3, .. }]
    ));
    assert_eq!((column.tally().cells_per_person, column.tally().tables.len()), (3, 1));
    // Where nobody has another key, nobody is told apart by it.
    let video = with("[reach]\n", "[reach]\ndatasets = [\"video\"]\n");
    assert!(video.unwrap_err().contains("expected a column of one of video"));
    let (head, _) = JOB.split_once("[[reach.where]]").unwrap();
    let video =
        format!("{head}datasets = [\"video\"]\n[reach.privacy]\nepsilon = 2\ndelta = 1e-6\n");
    let video = priced(asked(&video).unwrap()).unwrap();
    assert_eq!(video.tally().dimensions.len(), 1);
}

/// Whoever signs a job without a template.
#[test]
fn no_job_says_what_a_template_could_not() {
    let job = asked(JOB).unwrap();
    let of = |datasets: &[&str]| {
        let datasets = datasets.iter().map(|&name| name.to_owned()).collect();
        Reach { datasets, rows: Vec::new(), ..job.clone() }
    };
    priced(of(&["video", "display"])).unwrap();
    for datasets in [&["video", "video"][..], &["display", "video"], &["radio"], &[]] {
        for per in [Per::Frequency, Per::Dataset] {
            assert!(priced(Reach { per, ..of(datasets) }).is_err(), "{datasets:?}");
        }
    }
    let alone = Reach { per: Per::Dataset, ..of(&["video"]) };
    assert_eq!(priced(alone), Err(Refusal::Malformed), "told apart from nothing");
    for most_frequency in [0, 1, 101, u32::MAX] {
        assert_eq!(priced(Reach { most_frequency, ..job.clone() }), Err(Refusal::Malformed));
    }
    let place = || "display.place".parse::<ColumnRef>().unwrap();
    for (datasets, values_per_person) in
        [(&["display"][..], 0), (&["display"], 4), (&["video"], 1), (&["video", "display"], 1)]
    {
        let per = Per::Column { column: place(), values_per_person, frequencies: false };
        assert!(priced(Reach { per, ..of(datasets) }).is_err(), "{datasets:?}");
    }
}

/// Whoever checks a receipt reads figures from outside.
#[test]
fn figures_of_any_size_make_finite_answers() {
    for job in [JOB.to_owned(), JOB.replacen("\"frequency\"", "\"dataset\"", 1), by_column()] {
        let asked = asked(&job).unwrap();
        let proven = priced(asked.clone()).unwrap();
        let contract = contract();
        let scope = Scope::of(&contract, "reach").unwrap();
        let tally = proven.tally();
        let count = tally.public_cells().unwrap() - 1;
        for size in [i64::MAX, i64::MAX / 2, 1 << 53] {
            let sums = vec![if size % 2 == 0 { i64::MIN } else { size }; tally.measures.len()];
            let cells = (0..count).map(|at| Cell {
                name: crate::released::public_name(&tally.dimensions, at),
                totals: Totals { people: size, sums: sums.clone(), products: Vec::new() },
            });
            let released = Released::Figures(Figures {
                contrasts: Vec::new(),
                spread: Vec::new(),
                noise: true,
                cells: cells.collect(),
                cut: 0,
                other: None,
                withheld: 0,
                withheld_without_value: Some(0),
                no_consent: Some(i64::MAX),
            });
            let Some((answer, _)) = asked.estimate(&released, &proven, &scope) else { continue };
            // JSON has no number that is not finite: it would say null.
            let text = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<ReachAnswer>(&text).unwrap(), answer, "{text}");
        }
    }
}

#[test]
fn a_field_that_cannot_be_is_refused_by_name() {
    for (from, to, expected) in [
        (
            "\"email\"",
            "\"phone\"",
            "reach.by is phone; kinds of match keys that all of these datasets have: email",
        ),
        (
            "by = \"email\"",
            "datasets = []\nby = \"email\"",
            "reach.datasets is empty; expected one or more of video, display",
        ),
        (
            "by = \"email\"",
            "datasets = [\"video\", \"video\"]\nby = \"email\"",
            "reach.datasets is video; expected one or more",
        ),
        ("by = \"email\"", "datasets = [\"radio\"]\nby = \"email\"", "reach.datasets is radio"),
        (
            "\"frequency\"",
            "\"video.day\"",
            "reach.per is video.day; expected \"frequency\", \"dataset\", \"video.creative\", \"display.place\"",
        ),
        ("\"frequency\"", "\"video.creative\"", "expected datasets = [\"video\"] beside it"),
        ("= 5", "= 1", "reach.most_frequency is 1; expected 2 to 100"),
        ("= 5", "= 101", "reach.most_frequency is 101; expected 2 to 100"),
        (
            "= 5",
            "= 5\nvalues_per_person = 2",
            "reach.values_per_person is 2; left out: per = \"frequency\"",
        ),
        (
            "= 5",
            "= 5\nfrequencies = true",
            "reach.frequencies is true; left out: it is for the values of a column, and per = \"frequency\"",
        ),
        ("epsilon = 2", "epsilon = 0", "reach.privacy.epsilon is 0"),
        ("[reach.privacy]\nepsilon = 2\ndelta = 1e-6\n", "", "[reach.privacy] is missing"),
    ] {
        let found = with(from, to).unwrap_err();
        assert!(found.contains(expected), "{found}");
    }
    let many = by_column().replace("by = ", "values_per_person = 4\nby = ");
    let found = asked(&many).unwrap_err();
    assert!(found.contains("reach.values_per_person is 4; the contract allows 1 to 3"), "{found}");
    let alone = JOB.replacen("\"frequency\"", "\"dataset\"\ndatasets = [\"video\"]", 1);
    assert!(asked(&alone).unwrap_err().contains("expected two or more datasets to tell apart"));
}

#[test]
fn what_is_signed_and_does_not_hold_together_is_refused() {
    let changed = |job: &str, change: fn(&mut Reach)| {
        let mut asked = asked(job).unwrap();
        change(&mut asked);
        priced(asked)
    };
    assert_eq!(changed(JOB, |it| it.most_frequency = 0), Err(Refusal::Malformed));
    assert_eq!(changed(JOB, |it| it.most_frequency = u32::MAX), Err(Refusal::Malformed));
    for refused in [
        changed(&by_column(), |it| it.datasets = vec!["video".to_owned()]),
        changed(&by_column(), |it| it.datasets = vec!["video".to_owned(), "display".to_owned()]),
        changed(JOB, |it| it.datasets.reverse()),
        // A filter of a dataset that is not read.
        changed(JOB, |it| it.datasets.truncate(1)),
    ] {
        assert!(matches!(refused, Err(Refusal::NotPermitted { .. })), "{refused:?}");
    }
    let many = changed(JOB, |it| it.datasets = vec!["video".to_owned(); limits::TABLES + 1]);
    let (found, most) = (9, 8);
    assert_eq!(many, Err(Refusal::OverLimit { limit: Limit::Datasets, found, most }));
    let many = changed(&by_column(), |it| {
        let Per::Column { values_per_person, .. } = &mut it.per else { unreachable!() };
        *values_per_person = 4;
    });
    assert!(
        matches!(many, Err(Refusal::OverLimit { limit: Limit::CellsPerPerson, .. })),
        "{many:?}"
    );
}

fn page(result: &JobResult<ReachAnswer>) -> String {
    let from = Provenance {
        asked_by: result.asked_by.clone(),
        output: crate::digest::Digest::of("sample", b"output"),
        simulated: false,
        source: Source::Trial,
        asker: None,
    };
    format!("{:?}", result.clone().map(crate::analysis::Answer::from).page(&from))
}

#[test]
fn the_last_frequency_says_or_more_and_the_average_that_it_is_capped() {
    let result = by_frequency();
    let frequency = result.answer.frequency.as_ref().unwrap();
    let counts: Vec<_> = frequency.times.iter().map(|it| it.at_least.value.unwrap()).collect();
    assert_eq!(counts, [14_345, 7_135, 3_231, 1_613, 911]);
    assert_eq!(result.answer.reach.unwrap().value, Some(14_345));
    let mean = f64::from(7_210 + 2 * 3_904 + 3 * 1_618 + 4 * 702 + 5 * 911) / 14_345.0;
    assert!((frequency.average.unwrap().value - mean).abs() < 1e-12);
    let page = page(&result);
    for text in [
        "5 or more times",
        "It is of capped counts",
        "911 people are at the cap of 5",
        "Without e-mail address",
        "They may be people who are counted already",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

/// 6,101 and 4,400 in one alone, 3,844 in both.
#[test]
fn reach_of_datasets_is_counted_once_and_never_added_up() {
    let result = by_dataset();
    let groups = &result.answer.groups.as_ref().unwrap().groups;
    let reaches: Vec<_> = groups.iter().map(|it| it.people.value.unwrap()).collect();
    assert_eq!(reaches, [6_101 + 3_844, 4_400 + 3_844]);
    assert_eq!(groups[1].only.unwrap().value, Some(4_400));
    let whole = result.answer.reach.unwrap().value.unwrap();
    assert_eq!(whole, 6_101 + 4_400 + 3_844);
    assert!(whole < reaches.iter().sum());
    // Nobody of the first is without an address.
    assert_eq!((groups[0].without_key, groups[1].without_key.unwrap().value), (None, Some(312)));
    assert_eq!((result.answer.withheld, result.answer.without_key.unwrap().value), (0, Some(312)));
    let own = <Reach as Analysis>::page(&result);
    let blocks = own.sections.iter().flat_map(|section| &section.blocks);
    let tables = blocks.filter_map(|block| match block {
        Block::Table(table) => Some(table.rows.iter().map(|row| row.names[0].raw())),
        _ => None,
    });
    let tables: Vec<Vec<_>> = tables.map(Iterator::collect).collect();
    assert_eq!(tables[0], ["video", "display", "(all, each person once)"]);
    assert_eq!(tables[1], ["video", "display"], "reached by it alone");
    let people = ["Reached", "Without e-mail address, display", "Withheld consent, in video"];
    assert_eq!(tables[2], people);
    let sum = reaches.iter().sum::<i64>();
    let page = page(&result);
    assert!(page.contains("14,345") && !page.contains(&crate::page::number::whole(sum)), "{page}");
}

#[test]
fn values_of_a_column_have_no_total() {
    let result = by_creative();
    assert_eq!((result.answer.reach, result.answer.without_key), (None, None));
    let page = page(&result);
    assert!(page.contains("they do not add up to a reach, and no total is shown"), "{page}");
    assert!(!page.contains("12,156"), "the sum of both in {page}");
    let limit =
        "If anybody has more than 3 of these (blank counts as one), that person counts in 3 of";
    assert!(page.contains(limit), "{page}");
    assert!(result.flags.is_empty(), "{:?}", result.flags);
}

/// 900 people on the front page: 500 once, 300 twice, 100 three times or more.
#[test]
fn values_of_a_column_tell_how_often_each_reached() {
    let job = by_column().replace("by = ", "frequencies = true\nmost_frequency = 3\nby = ");
    let job = job.replacen("most_frequency = 5\n", "", 1);
    let asked = asked(&job).unwrap();
    let proven = priced(asked.clone()).unwrap();
    assert!(matches!(
        proven.tally().dimensions.as_slice(),
        [Dimension::Known, Dimension::Group { values: 3, .. }, Dimension::BinsPerGroup { measure: 0, edges }]
            if *edges == [2, 3]
    ));
    assert_eq!(proven.tally().cells_per_person, 3);
    let cell = |value, at, people| Cell {
        name: [1, value, at].map(Place::Index).to_vec(),
        totals: Totals { people, sums: vec![0], products: Vec::new() },
    };
    let cells = vec![cell(0, 0, 500), cell(0, 1, 300), cell(0, 2, 100), cell(1, 0, 40)];
    let released = Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: Vec::new(),
        noise: false,
        cells,
        cut: 0,
        other: None,
        withheld: 20,
        withheld_without_value: Some(0),
        no_consent: None,
    });
    let contract = contract();
    let scope = Scope::of(&contract, "reach").unwrap();
    let (answer, flags) = asked.estimate(&released, &proven, &scope).unwrap();
    assert!(flags.is_empty(), "three of three values: {flags:?}");
    let groups = &answer.groups.as_ref().unwrap().groups;
    assert_eq!(
        groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
        ["front", "sport"]
    );
    let front = groups[0].frequency.as_ref().unwrap();
    let at_least: Vec<_> = front.times.iter().map(|times| times.at_least.value).collect();
    assert_eq!(at_least, [Some(900), Some(400), Some(100)]);
    assert_eq!(groups[0].people.value, Some(900));
    assert!((groups[0].average.unwrap().value - 1_400.0 / 900.0).abs() < 1e-12);
    // Of the other value only those who were reached once are shown.
    let sport = groups[1].frequency.as_ref().unwrap();
    assert_eq!((sport.times[1].people.value, sport.times[1].people.ci), (None, [0, 19]));
    let mut result = by_creative();
    result.answer = answer;
    let page = page(&result);
    for text in ["Frequency of each value", "3 or more", "2+"] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

/// Nobody can have more of three values than three; whether anybody has more than two is not known.
#[test]
fn only_a_limit_below_the_number_of_values_is_a_reason_for_care() {
    assert!(flags_of_values(3).is_empty());
    assert_eq!(flags_of_values(2), ["values_left_out"]);
}

/// The flags of a question about three values, of which a person counts in so many.
fn flags_of_values(values_per_person: u32) -> Vec<String> {
    let datasets = "datasets = [\"display\"]\n";
    let job = by_column()
        .replace(datasets, &format!("{datasets}values_per_person = {values_per_person}\n"));
    let place = priced(asked(&job).unwrap()).unwrap();
    let released = Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: Vec::new(),
        noise: true,
        cells: vec![Cell {
            name: vec![Place::Index(1), Place::Index(0)],
            totals: Totals { people: 900, sums: vec![1_400], products: Vec::new() },
        }],
        cut: 0,
        other: None,
        withheld: 7,
        withheld_without_value: Some(2),
        no_consent: None,
    });
    let contract = contract();
    let scope = Scope::of(&contract, "reach").unwrap();
    asked(&job).unwrap().estimate(&released, &place, &scope).unwrap().1
}

/// A dataset or a value may be called what a row of ours is.
#[test]
fn a_group_that_is_called_like_a_row_of_ours_stands_in_quotes() {
    let mut result = by_creative();
    let groups = &mut result.answer.groups.as_mut().unwrap().groups;
    "(all, each person once)".clone_into(&mut groups[0].name);
    let own = <Reach as Analysis>::page(&result);
    let blocks = own.sections.iter().flat_map(|section| &section.blocks);
    let names = blocks.filter_map(|block| match block {
        Block::Table(table) => Some(table.rows.iter().map(|row| row.names[0].raw())),
        _ => None,
    });
    assert!(names.flatten().any(|name| name == "\"(all, each person once)\""));
}

/// The top frequencies are not shown: their people are between none and as many as could be hidden.
#[test]
fn what_is_not_shown_makes_a_number_at_least_what_is_known() {
    let asked = asked(JOB).unwrap();
    let proven = priced(asked.clone()).unwrap();
    let contract = contract();
    let scope = Scope::of(&contract, "reach").unwrap();
    let cell = |at, people| Cell {
        name: vec![Place::Index(1), Place::Index(at)],
        totals: Totals { people, sums: vec![people], products: Vec::new() },
    };
    let released = Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: Vec::new(),
        noise: false,
        cells: vec![cell(0, 400), cell(1, 100)],
        cut: 0,
        other: None,
        withheld: 8,
        withheld_without_value: Some(0),
        no_consent: None,
    });
    let (answer, _) = asked.estimate(&released, &proven, &scope).unwrap();
    let reach = answer.reach.unwrap();
    // Three frequencies with at most 19 people each.
    assert_eq!((reach.value, reach.ci, reach.withheld), (Some(500), [500, 500 + 3 * 19], 3));
    let frequency = answer.frequency.unwrap();
    let three = &frequency.times[2];
    assert_eq!((three.at_least.value, three.at_least.ci), (None, [0, 57]));
    let average = frequency.average.unwrap();
    assert!((average.value - 1.2).abs() < 1e-12);
    assert!((average.ci[0] - 1.2).abs() < 1e-9, "those who are hidden have three at least");
    assert!((average.ci[1] - (600.0 + 57.0 * 5.0) / 557.0).abs() < 1e-9);
}
