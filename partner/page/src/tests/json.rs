//! Pages as JSON.

use super::page;
use crate::json;
use protocol::{
    analysis::{choice, lift, table},
    page::{Page, Piece},
};

#[test]
fn a_page_is_the_same_after_json() {
    for page in [
        page(lift::sample::result()),
        page(table::sample::by_shop()),
        page(choice::sample::quantile()),
    ] {
        let text = json::page(&page).unwrap();
        assert_eq!(serde_json::from_str::<Page>(&text).unwrap(), page);
    }
}

#[test]
fn what_others_chose_is_told_apart_and_hides_nothing() {
    let mut result = lift::sample::result();
    result.answer.outcomes[0].name = "pay\u{202e}12.5".to_owned();
    let page = page(result);
    let name = page.answer[0].name.as_ref().unwrap();
    assert_eq!(name.pieces(), [Piece::Quoted("pay\u{202e}12.5".to_owned())]);
    let text = json::page(&page).unwrap();
    assert!(text.contains("\"quoted\": \"pay\\u202e12.5\"") && !text.contains('\u{202e}'));
}
