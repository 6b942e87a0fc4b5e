use super::super::{
    answer::{Count, Share},
    sample::{of_many, of_two},
};
use super::*;

fn raw(page: &Page) -> String {
    serde_json::to_string(page).unwrap()
}

#[test]
fn the_answer_says_how_many_with_their_ranges() {
    let page = page(&of_two());
    let [Statement { name: None, text }] = page.answer.as_slice() else { panic!("{page:?}") };
    assert_eq!(
        text.raw(),
        "About 3,825 people are in both (3,809 to 3,841 at 95 %): 28.1 % (27.7 to 28.5 %) of the people of customers, \
         and 21.3 % (20.9 to 21.7 %) of those of viewers. The Jaccard index is 0.138 (0.134 to 0.142)."
    );
    let answer = super::page(&of_many()).answer[0].text.raw();
    assert!(answer.starts_with("About 3,825 people are in all 8 datasets"), "{answer}");
    assert!(answer.contains("about 27,696* are in any of them (27,660 to 27,803)"), "{answer}");
}

#[test]
fn what_is_withheld_is_no_number_in_the_answer() {
    let mut result = of_two();
    let pair = &mut result.answer.pairs[0];
    pair.both = Count { value: None, noise_sd: 0.0, ci: [0, 74], withheld: 1 };
    pair.jaccard = Share { value: None, ci: [0.0, 0.003], withheld: 1 };
    pair.match_rates = [pair.jaccard, pair.jaccard];
    let answer = page(&result).answer[0].text.raw();
    assert!(answer.starts_with("Too few to be shown are in both (0 to 74 at 95 %)"), "{answer}");
    assert!(answer.contains("between 0.000 and 0.003"), "{answer}");
}

#[test]
fn a_figure_without_withheld_people_is_marked_and_explained() {
    let marked = raw(&page(&of_many()));
    assert!(marked.contains("27,696*"), "{marked}");
    // Noise can make it too high, so that it is not said to be too low.
    assert!(marked.contains(
        "* people of withheld places, if there are any, are not in this figure. Noise aside"
    ));
    let mut result = of_many();
    result.answer.withheld = 0;
    result.answer.any.withheld = 0;
    result.answer.jaccard.withheld = 0;
    assert!(!raw(&page(&result)).contains('*'));
}

/// Neither side's refusers are told as not found.
#[test]
fn refusers_have_a_place_of_their_own_and_nobody_else_is_said_to_refuse() {
    let mut result = of_two();
    assert!(raw(&page(&result)).contains("About 412 people (396 to 428 at 95 %) withheld consent"));
    result.answer.no_consent = None;
    assert!(raw(&page(&result)).contains("Too few people to be shown withheld consent"));
    result.answer.consent_from.clear();
    assert!(raw(&page(&result)).contains("No dataset asks for consent"));
}

#[test]
fn of_many_datasets_the_picture_is_of_pairs_and_the_table_of_sets_is_cut() {
    let page = page(&of_many());
    let picture = page.sections.iter().find(|section| section.topic == Topic::Picture).unwrap();
    let rows = picture.blocks.iter().map(|block| match block {
        Block::Intervals(plot) => plot.rows.len(),
        _ => 0,
    });
    assert_eq!(rows.sum::<usize>(), 28);
    let segments = super::page(&of_two());
    let pictures = segments.sections.iter().filter(|section| section.topic == Topic::Picture);
    assert_eq!(pictures.count(), 2);
}

#[test]
fn that_places_are_withheld_is_said_once_with_how_many() {
    let notes = |result: &JobResult<OverlapAnswer>| {
        notes::notes(result).iter().map(Text::raw).collect::<Vec<_>>()
    };
    let one = notes(&of_two());
    assert_eq!(one.iter().filter(|note| note.contains("withheld, since")).count(), 1, "{one:?}");
    assert!(
        one.iter().any(|note| note.contains("1 place is withheld, since fewer than 50 people"))
    );
    assert!(!one.iter().any(|note| note.contains("places_withheld")), "{one:?}");
    let many = notes(&of_many());
    assert!(many.iter().any(|note| note.contains("201 places are withheld")), "{many:?}");
}

/// 28 pairs and 56 match rates would hide what all of them have in common.
#[test]
fn of_many_datasets_all_together_come_before_pairs() {
    let headings = |result: &JobResult<OverlapAnswer>| {
        let sections =
            page(result).sections.into_iter().filter(|part| part.topic == Topic::Figures);
        sections.map(|part| part.heading.raw()).collect::<Vec<_>>()
    };
    let many = headings(&of_many());
    assert_eq!(many, ["Each dataset", "All datasets together", "Two datasets at a time"]);
    assert_eq!(headings(&of_two())[..2], ["Two datasets at a time", "Each dataset"]);
}
