//! That a sample shows something, that every flag has words, and that no kind keeps those of the example.

use super::{
    counted::{Counted, page_of},
    sample::Sample,
};
use page::terminal;
use protocol::{
    analysis::Kind,
    page::Block,
    released::{Figures, Released},
};
use rehearsal::Silent;
use std::{collections::BTreeSet, fs};
use tests::repository;

#[test]
fn a_sample_shows_a_cell() {
    for sample in Sample::all() {
        let counted = Counted::new(&sample);
        let release =
            counted.release(counted.proven(), &counted.in_order(), &mut Silent::default());
        if let Released::Figures(figures) = release.released() {
            assert!(
                !figures.cells.is_empty(),
                "{}: its sample shows no cell; expected a hundred people or more in each that is to be shown",
                sample.name()
            );
        }
    }
}

/// Whatever is withheld of the sample's figures, and of every flag that the kind declares.
#[test]
fn every_flag_that_a_kind_raises_is_declared_and_has_words() {
    for sample in Sample::all() {
        let (name, counted) = (sample.name(), Counted::new(&sample));
        let Kind { flags, .. } = *sample.kind;
        let distinct: BTreeSet<_> = flags.iter().collect();
        assert_eq!(distinct.len(), flags.len(), "{name}: a flag is declared twice");
        let result = counted.result();
        for flag in flags {
            let mut flagged = result.clone();
            flagged.flags = vec![(*flag).to_owned()];
            let page = terminal::whole(&page_of(&flagged)).unwrap();
            assert!(!is_unknown(&page), "{name}: its page has no words for the flag \"{flag}\"");
        }
        let release =
            counted.release(counted.proven(), &counted.in_order(), &mut Silent::default());
        let Released::Figures(figures) = release.released() else { continue };
        for (what, figures) in fewer(figures) {
            let released = Released::Figures(figures);
            let result = counted.answer(&released);
            let result = result.unwrap_or_else(|| panic!("{name}: {what}: there is no answer"));
            // Every kind's result has this one.
            let own = result.flags.iter().filter(|flag| *flag != "match_keys_unused");
            let strange: Vec<_> = own.filter(|flag| !flags.contains(&flag.as_str())).collect();
            assert!(strange.is_empty(), "{name}: {what}: FLAGS does not declare {strange:?}");
            let page = terminal::whole(&page_of(&result)).unwrap();
            assert!(!is_unknown(&page), "{name}: {what}: a flag without words:\n{page}");
        }
    }
}

/// One sentence says it, and neither rows of dashes nor a note on what is not there stand around it.
#[test]
fn where_nothing_is_shown_a_page_has_one_sentence_and_no_table() {
    for sample in Sample::all() {
        let (name, counted) = (sample.name(), Counted::new(&sample));
        let release =
            counted.release(counted.proven(), &counted.in_order(), &mut Silent::default());
        let Released::Figures(whole) = release.released() else { continue };
        for noise in [false, true] {
            let withheld = i64::try_from(whole.cells.len()).unwrap() + whole.withheld;
            let (cells, other, no_consent) = (Vec::new(), None, None);
            let none = Figures { noise, cells, other, no_consent, withheld, ..whole.clone() };
            let page = page_of(&counted.answer(&Released::Figures(none)).unwrap());
            assert_eq!(page.answer.len(), 1, "{name}: {:?}", page.answer);
            let said = page.answer[0].text.raw();
            assert!(said.starts_with("Nothing can be "), "{name}: {said}");
            let drawn = page.sections.iter().flat_map(|section| &section.blocks);
            let drawn: Vec<_> = drawn
                .filter(|block| matches!(block, Block::Table(_) | Block::Intervals(_)))
                .collect();
            assert!(drawn.is_empty(), "{name}: {drawn:?}");
            let text = terminal::whole(&page).unwrap();
            for leftover in ["last row", "lies within the range", "\u{2013}"] {
                assert!(!text.contains(leftover), "{name}: {leftover}:\n{text}");
            }
        }
    }
}

/// The figures without some of the cells: without all, all but one, and each one. With noise and without.
fn fewer(whole: &Figures) -> Vec<(String, Figures)> {
    let count = whole.cells.len();
    let keeping = |what: String, keeps: &dyn Fn(usize) -> bool| {
        let mut figures = whole.clone();
        let cells = whole.cells.iter().enumerate().filter(|(at, _)| keeps(*at));
        figures.cells = cells.map(|(_, cell)| cell.clone()).collect();
        figures.withheld += i64::try_from(count - figures.cells.len()).unwrap();
        figures.other = None;
        (what, figures)
    };
    let mut all = vec![keeping("nothing is shown".to_owned(), &|_| false)];
    for at in 0..count.min(MOST) {
        all.push(keeping(format!("cell {at} is withheld"), &|other| other != at));
        all.push(keeping(format!("cell {at} alone is shown"), &|other| other == at));
    }
    let noisy = all.iter().cloned();
    let noisy = noisy
        .map(|(what, figures)| (format!("{what}, with noise"), Figures { noise: true, ..figures }));
    let noisy: Vec<_> = noisy.collect();
    all.extend(noisy);
    all
}

/// Cells that are left out one by one.
const MOST: usize = 12;

fn is_unknown(page: &str) -> bool {
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    words.contains("(a flag that this version does not know)")
}

#[test]
fn no_kind_keeps_the_words_of_the_example() {
    let read =
        |path: String| fs::read_to_string(repository("protocol/src/analysis").join(path)).unwrap();
    let about = |code: &str| -> BTreeSet<String> {
        code.lines().filter_map(|line| line.strip_prefix("//! ")).map(str::to_owned).collect()
    };
    let opening = |page: &str| -> BTreeSet<String> {
        let lines = page.lines().filter(|line| !line.is_empty()).take(5);
        lines.map(|line| line.rsplit("`: ").next().unwrap_or_default().to_owned()).collect()
    };
    let (code, page) = (read("example.rs".to_owned()), read("example/README.md".to_owned()));
    assert!(!about(&code).is_empty());
    for sample in Sample::all() {
        let name = sample.name();
        let own = read(format!("{name}.rs"));
        let kept = [
            about(&code).intersection(&about(&own)).cloned().collect::<Vec<_>>(),
            opening(&page).intersection(&opening(&sample.readme)).cloned().collect(),
        ];
        let kept = kept.concat();
        assert!(
            kept.is_empty(),
            "{name}: the example says this of itself, say what is yours: {kept:?}"
        );
        let title = sample.kind.section.title;
        assert!(
            !code.contains(&format!("\"{title}\"")),
            "{name}: its title is the example's: {title}"
        );
    }
}
