//! The page of a table of groups.

mod notes;
mod order;
mod quantiles;

use crate::{
    page::{
        Bar, Bars, Block, Page, Row, Section, Statement, Table, Text, Topic, UNKNOWN,
        notes as noted,
        number::{bound, figure, level, whole},
    },
    result::{Estimate, MeasureEstimate, OtherCells, SpreadEstimate, TableCell, TableResult},
};

pub(super) fn page(result: &TableResult) -> Page {
    let result = &order::natural(result);
    let shows_nothing = result.answer.cells.is_empty() && result.answer.other.is_none();
    let mut sections = Vec::new();
    if !shows_nothing {
        sections.push(people_section(result));
    }
    sections.extend(measures(result).into_iter().map(|first| measure_section(result, first)));
    sections.extend(noted(notes::notes(result)));
    sections.push(limits(result));
    let title = match result.answer.group_by.as_slice() {
        [] => "People".into(),
        by => Text::fixed("People by ").with(Text::names(by, " and ")),
    };
    Page {
        title,
        subtitle: Text::fixed("Counted: ").quote(&result.answer.counted).and("."),
        answer: vec![Statement::whole(statement(result))],
        sections,
        ..Page::default()
    }
}

/// The answer in a sentence or two: how many people are counted, and where the most of them are.
fn statement(result: &TableResult) -> Text {
    let answer = &result.answer;
    let largest = answer.cells.iter().max_by(|a, b| a.people.value.total_cmp(&b.people.value));
    let Some(largest) = largest else {
        return "Nothing can be shown: no group has enough people.".into();
    };
    let about = |cell: &TableCell| {
        let people = &cell.people;
        let level = level(answer.confidence);
        let range = people_range(people);
        people_of(people).and(" people (").with(range).and(format!(" at {level})"))
    };
    if answer.group_by.is_empty() {
        return Text::fixed("About ").with(about(largest)).and(".");
    }
    let count = i64::try_from(answer.cells.len()).unwrap_or(i64::MAX);
    let are = if count == 1 { "group is" } else { "groups are" };
    let mut text = Text::fixed(format!("{} {are} shown", whole(count)));
    // Who counts in several groups is several times in their sum.
    if answer.cells_per_person == 1 && count > 1 {
        let all = answer.cells.iter().map(|cell| cell.people.value).sum::<f64>();
        text = text.and(format!(", with about {} people in all", figure(all.round(), WHOLE)));
    }
    let names = Text::list(largest.names.iter().map(|name| value(name)), ", ");
    let largest = text.and("; the largest, ").with(names).and(", has about ").with(about(largest));
    let hidden = answer.withheld_cells;
    match hidden.n {
        1 if hidden.noise_sd == 0.0 => largest.and(". 1 group is not shown."),
        2.. if hidden.noise_sd == 0.0 => {
            largest.and(format!(". {} groups are not shown.", whole(hidden.n)))
        }
        _ => largest.and("."),
    }
}

/// The number of people in each cell, with its range.
fn people_section(result: &TableResult) -> Section {
    let shown = result.answer.cells.iter().map(|cell| Row {
        bar: Some(Bar { value: cell.people.value, range: cell.people.ci }),
        ..row(cell, vec![people_of(&cell.people), people_range(&cell.people)])
    });
    let added = result.answer.other.iter().map(|cells| other(vec![at_least(cells), unknown()]));
    let note = format!(
        "The number of people in a group lies within the range, at {}.",
        level(result.answer.confidence)
    );
    let bars = Bars {
        widest: largest(result),
        from: None,
        note: "The bar ends at the noisy count; the line across its end is the range, and often too short to be \
               seen."
            .into(),
    };
    let table = Table {
        figures: vec!["People".into(), range_heading(result)],
        rows: shown.chain(added).collect(),
        bars: Some(bars),
        ..headed(result)
    };
    let section = Section::new(Topic::Figures, "People".into()).with(Block::Table(table));
    if result.answer.cells.is_empty() {
        return section;
    }
    section.with(Block::Note(Text::fixed(note)))
}

/// What is added up in each cell for the measure of which `first` is the first estimate.
fn measure_section(result: &TableResult, first: &MeasureEstimate) -> Section {
    let name = first.name.as_str();
    // Totals of counts are whole, and have no decimals to show.
    let is_whole = totals(result, name).all(|total| total.value.fract() == 0.0);
    let in_all = |total: &Estimate| match is_whole && total.noise_sd > 0.0 {
        true => Estimate { noise_sd: total.noise_sd.max(WHOLE), ..*total },
        false => *total,
    };
    let figures = |total: Option<&Estimate>, mean: Option<&Estimate>| {
        let total = total.map(in_all);
        vec![
            total.as_ref().map_or_else(unknown, amount),
            total.as_ref().map_or_else(unknown, amount_error),
            mean.map_or_else(unknown, amount),
            mean.map_or_else(unknown, amount_range),
        ]
    };
    let shown = result.answer.cells.iter().map(|cell| {
        let measure = measured(cell, name);
        row(cell, figures(measure.map(|found| &found.total), measure.map(|found| &found.mean)))
    });
    let added = result.answer.other.iter().map(|cells| {
        let total = cells.measures.iter().find(|total| total.name == name);
        other(figures(total.map(|found| &found.total), None))
    });
    let error = format!("\u{b1} ({})", level(result.answer.confidence));
    let table = Table {
        figures: vec![
            "Total".into(),
            Text::fixed(error),
            "Per person".into(),
            range_heading(result),
        ],
        rows: shown.chain(added).collect(),
        ..headed(result)
    };
    let section = Section::new(Topic::Figures, Text::quoted(name))
        .with(Block::Table(table))
        .with(Block::Note(Text::fixed(format!("{}.", bounds(first)))));
    let rows = spread_rows(result, name);
    if rows.is_empty() {
        return section;
    }
    let spread = vec!["Spread".into(), range_heading(result)];
    section
        .with(Block::Heading("How much people differ".into()))
        .with(Block::Table(Table { figures: spread, rows, ..headed(result) }))
        .with(Block::Note(SPREAD.into()))
}

/// How much the people of each cell differ in the measure of this name; no rows if that was not
/// asked.
fn spread_rows(result: &TableResult, name: &str) -> Vec<Row> {
    let rows = result.answer.cells.iter().filter_map(|cell| {
        let SpreadEstimate { value, ci: [low, high] } = measured(cell, name)?.spread?;
        let error = (high - low) / 4.0;
        let [value, low, high] = [value, low, high].map(|number| figure(number, error));
        Some(row(cell, vec![Text::fixed(value), Text::fixed(format!("{low} to {high}"))]))
    });
    rows.collect()
}

/// Explains a spread and its range.
const SPREAD: &str = "Standard deviation between people. Its range allows for the noise in people, totals and \
     squares: it begins at 0 where noise reaches it.";

fn limits(result: &TableResult) -> Section {
    let mut left_out = Vec::new();
    if result.answer.cells.iter().any(|cell| !cell.measures.is_empty()) {
        left_out.push("what a person has beyond the bounds above".to_owned());
    }
    if !result.answer.group_by.is_empty() {
        let groups = match result.answer.cells_per_person {
            1 => "any second group".to_owned(),
            most => format!("more than {most} groups"),
        };
        left_out.push(format!("what a person has in {groups}"));
    }
    let consent = if asks_consent(result) { "consent or without " } else { "" };
    left_out.push(format!("people without {consent}an identifier"));
    let limits = vec![
        "Nothing about any one person: figures are about groups, and noisy.".into(),
        Text::fixed(format!(
            "The ranges and \u{b1} cover the noise and nothing else. Left out of the figures: {}. Whether the data \
             are right is not known here.",
            left_out.join("; ")
        )),
    ];
    Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(limits))
}

/// Whether any dataset of the table asks for consent. If none does, nobody can have refused it.
fn asks_consent(result: &TableResult) -> bool {
    !result.answer.consent_from.is_empty()
}

/// A table with a column for each heading of the groups. Without groups it has one row for
/// everybody.
fn headed(result: &TableResult) -> Table {
    let names = match result.answer.group_by.as_slice() {
        [] => vec!["Group".into()],
        by => by.iter().map(Text::quoted).collect(),
    };
    Table { names, ..Table::default() }
}

fn row(cell: &TableCell, figures: Vec<Text>) -> Row {
    let names = match cell.names.as_slice() {
        [] => vec!["everybody".into()],
        names => names.iter().map(|name| value(name)).collect(),
    };
    Row { names, figures, ..Row::default() }
}

/// The row of the cells that are not shown.
fn other(figures: Vec<Text>) -> Row {
    Row::new(OTHER.into(), figures)
}

/// A group's value as it is, or in quotes if it could be taken for a word of ours or for two
/// columns.
fn value(name: &str) -> Text {
    let is_ours = name.starts_with('(') && name != NO_VALUE;
    if is_ours || name.contains("  ") {
        Text::quoted(format!("\"{name}\""))
    } else {
        Text::quoted(name)
    }
}

/// Name of the row of groups that are not shown. No value of a group is written like this.
const OTHER: &str = "(not shown)";
/// Name of a row without a value.
const NO_VALUE: &str = "(none)";

fn range_heading(result: &TableResult) -> Text {
    Text::fixed(format!("Range ({})", level(result.answer.confidence)))
}

fn unknown() -> Text {
    UNKNOWN.into()
}

/// The value that fills the width of a bar: the end of the farthest range, so that no bar is cut off.
fn largest(result: &TableResult) -> f64 {
    result.answer.cells.iter().map(|cell| cell.people.ci[1]).fold(0.0, f64::max)
}

/// Says above and below which values one person's value in a cell does not count as it is.
fn bounds(measure: &MeasureEstimate) -> String {
    let [cap, floor] = [measure.cap, measure.floor].map(bound);
    format!(
        "More than {cap} of one person in one group counts as {cap}, and less than {floor} as {floor}"
    )
}

/// The first estimate of each measure, in the order of the cells.
fn measures(result: &TableResult) -> Vec<&MeasureEstimate> {
    let mut first: Vec<&MeasureEstimate> = Vec::new();
    for found in result.answer.cells.iter().flat_map(|cell| &cell.measures) {
        if first.iter().all(|known| known.name != found.name) {
            first.push(found);
        }
    }
    first
}

/// The totals of one measure that are shown.
fn totals<'r>(result: &'r TableResult, name: &'r str) -> impl Iterator<Item = &'r Estimate> {
    let cells = result.answer.cells.iter();
    let of_cells = cells.filter_map(move |cell| Some(&measured(cell, name)?.total));
    let others = result.answer.other.iter().flat_map(|cells| &cells.measures);
    of_cells.chain(others.filter(move |total| total.name == name).map(|total| &total.total))
}

/// The measure of a cell, found by its name, since a file may leave one out of a cell.
fn measured<'r>(cell: &'r TableCell, name: &str) -> Option<&'r MeasureEstimate> {
    cell.measures.iter().find(|measure| measure.name == name)
}

/// A number of people, rounded to whole ones.
fn people_of(people: &Estimate) -> Text {
    Text::fixed(figure(people.value.round(), WHOLE))
}

/// The range of a number of people, at the result's confidence.
fn people_range(people: &Estimate) -> Text {
    let [low, high] = people.ci.map(|end| figure(end.round(), WHOLE));
    Text::fixed(format!("{low} to {high}"))
}

/// The people of cells that are not shown. How many more there are is not known.
fn at_least(other: &OtherCells) -> Text {
    match other.people_at_least {
        ..1 => unknown(),
        least => Text::fixed(format!("at least {}", whole(least))),
    }
}

/// An amount, with the decimals that its noise supports.
fn amount(estimate: &Estimate) -> Text {
    Text::fixed(figure(estimate.value, estimate.noise_sd))
}

/// How far noise may move an amount, at the result's confidence.
fn amount_error(estimate: &Estimate) -> Text {
    Text::fixed(format!("\u{b1} {}", figure(half(estimate), estimate.noise_sd)))
}

/// The range of an amount.
fn amount_range(estimate: &Estimate) -> Text {
    let [low, high] = estimate.ci.map(|end| figure(end, estimate.noise_sd));
    Text::fixed(format!("{low} to {high}"))
}

/// Half of an estimate's interval.
fn half(estimate: &Estimate) -> f64 {
    let [low, high] = estimate.ci;
    (high - low) / 2.0
}

/// The error from which a figure is shown without decimals.
const WHOLE: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_a_sentence_that_names_the_largest_group() {
        let mut result = super::super::sample::by_shop();
        let said = statement(&result).raw();
        let largest = result.answer.cells.iter().map(|cell| cell.people.value).fold(0.0, f64::max);
        assert!(said.contains("; the largest, "), "{said}");
        assert!(said.contains(&format!("has about {} people (", figure(largest, WHOLE))), "{said}");
        result.answer.cells.clear();
        assert_eq!(statement(&result).raw(), "Nothing can be shown: no group has enough people.");
    }

    #[test]
    fn no_bar_is_cut_off_whoever_has_no_value() {
        let mut result = super::super::sample::by_shop();
        let cell = result.answer.cells.first_mut().unwrap();
        cell.names = vec!["(none)".to_owned(); cell.names.len()];
        cell.people = Estimate { value: 1e6, noise_sd: 8.0, ci: [999_984.0, 1_000_016.0] };
        let section = people_section(&result);
        let Some(Block::Table(table)) = section.blocks.first() else { panic!("{section:?}") };
        let widest = table.bars.as_ref().unwrap().widest;
        let reach = |row: &Row| row.bar.map_or(0.0, |bar| bar.value.max(bar.range[1]));
        assert!(table.rows.iter().all(|row| reach(row) <= widest), "{widest}");
    }

    #[test]
    fn totals_of_whole_numbers_have_no_decimals() {
        let mut result = super::super::sample::by_shop();
        let name = result.answer.cells[0].measures[0].name.clone();
        let cells = result.answer.cells.iter_mut().flat_map(|cell| &mut cell.measures);
        let others = result.answer.other.iter_mut().flat_map(|cells| &mut cells.measures);
        let totals =
            cells.map(|measure| &mut measure.total).chain(others.map(|measure| &mut measure.total));
        for total in totals {
            *total = Estimate { value: 70.0, noise_sd: 8.8, ci: [52.8, 87.2] };
        }
        let first = measures(&result)[0].clone();
        let section = measure_section(&result, &first);
        let Some(Block::Table(table)) = section.blocks.first() else { panic!("{name}") };
        let figures: Vec<_> = table.rows[0].figures.iter().take(2).map(Text::raw).collect();
        assert_eq!(figures, ["70", "\u{b1} 17"]);
    }

    #[test]
    fn people_are_whole_and_so_are_the_ends_of_their_range() {
        let found = Estimate { value: 10_234.0, noise_sd: 8.0, ci: [10_218.0, 10_250.0] };
        assert_eq!(
            (people_of(&found), people_range(&found)),
            (Text::from("10,234"), "10,218 to 10,250".into())
        );
    }
}
