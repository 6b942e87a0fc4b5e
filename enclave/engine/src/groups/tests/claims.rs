//! Who of a population is found by the claims of a joined dataset.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow::array::{FixedSizeBinaryArray, RecordBatch};

use super::*;
use crate::groups::partners::Partners;
use crate::ordered::{Order, Ordered};

const EMAIL: Identifier = Identifier::Email;
const PHONE: Identifier = Identifier::Phone;
/// Every order of claims.
const ORDERS: [&[Identifier]; 4] = [&[EMAIL], &[PHONE], &[EMAIL, PHONE], &[PHONE, EMAIL]];

/// E-mail address and phone number of a row; 0 for none.
type Keys = (u8, u8);
/// Who is known by which key.
type Known = (Identifier, u8);

fn rows(keys: &[Keys]) -> Vec<Row> {
    keys.iter().map(|(email, phone)| Row { phone: *phone, ..row(*email, 0, 1) }).collect()
}

/// By whose claim each person of the population is found.
fn found(claims: &[Identifier], population: &[Keys], joined: &[Keys]) -> BTreeMap<Known, Known> {
    let [population, joined] = [population, joined].map(|keys| [table(&rows(keys))]);
    let tables = room::claiming(claims, &[&population, &joined]);
    let partners = Partners::new(&tables[0], &tables[1]).unwrap();
    let own = tables[0].order(Population::First).unwrap();
    let theirs = tables[1].claiming().unwrap();
    let known = |order: &Order, person| {
        let kinds = [EMAIL, PHONE].into_iter();
        let mut keys = kinds.filter_map(|kind| Some((kind, order.key(person, kind)?)));
        let (kind, key) = keys.next().unwrap();
        (kind, room::number((key >> 120).try_into().unwrap()))
    };
    let people = 0..own.people();
    let pairs = people
        .filter_map(|person| Some((known(own, person), partner(&partners, person, own, theirs)?)));
    pairs.map(|(person, place)| (person, known(theirs, place))).collect()
}

fn partner(partners: &Partners, person: usize, own: &Order, theirs: &Order) -> Option<usize> {
    match partners {
        Partners::Claimed(all) => {
            usize::try_from(all[person]).ok().filter(|place| *place < theirs.people())
        }
        // Claims by the first kind of both: whoever is known by a key of it meets who is known by the same.
        _ => [EMAIL, PHONE].into_iter().find_map(|kind| {
            let key = own.key(person, kind)?;
            let mut others = theirs.of_kind(kind);
            others.find(|(other, _)| *other == key).map(|(_, place)| place)
        }),
    }
}

/// All lists of so many rows with keys below `most`.
fn all(rows: usize, most: u8) -> Vec<Vec<Keys>> {
    let each: Vec<_> =
        (0..most).flat_map(|email| (0..most).map(move |phone| (email, phone))).collect();
    repeat_n(each, rows).fold(vec![Vec::new()], |before, each| {
        let with = |list: &Vec<Keys>| {
            let list = list.clone();
            each.iter().map(move |keys| [list.clone(), vec![*keys]].concat()).collect::<Vec<_>>()
        };
        before.iter().flat_map(with).collect()
    })
}

/// All populations of three, each of whom has an address, a number, both or none of their own.
fn populations() -> Vec<Vec<Keys>> {
    let own = |at: u8| [(0, 0), (at, 0), (0, at), (at, at)];
    let mut lists = vec![Vec::new()];
    for at in 1..=3 {
        let with = |list: &Vec<Keys>| own(at).map(|keys| [list.clone(), vec![keys]].concat());
        lists = lists.iter().flat_map(with).collect();
    }
    lists
}

fn claim(claims: &[Identifier], (email, phone): Keys) -> Option<Known> {
    let key = |kind: &Identifier| (*kind, if *kind == EMAIL { email } else { phone });
    claims.iter().map(key).find(|(_, key)| *key != 0)
}

fn is_known_by((email, phone): Keys, who: Known) -> bool {
    who == if email == 0 { (PHONE, phone) } else { (EMAIL, email) }
}

/// Of whom the claim that is accepted is another.
fn moved(before: &BTreeMap<Known, Known>, after: &BTreeMap<Known, Known>) -> BTreeSet<Known> {
    let people = before.keys().chain(after.keys());
    people.filter(|who| before.get(who) != after.get(who)).copied().collect()
}

/// What the price rests on, over all small instances in which no two people of the population share a key.
#[test]
fn a_person_more_or_less_moves_nobody_else_and_a_claimant_moves_one() {
    for claims in &ORDERS[1..] {
        let joined: Vec<_> = (0..=2).flat_map(|count| all(count, 3)).collect();
        let known: BTreeMap<(Vec<Keys>, Vec<Keys>), _> = populations()
            .into_iter()
            .flat_map(|population| {
                joined.iter().map(move |joined| (population.clone(), joined.clone()))
            })
            .map(|of| (of.clone(), found(claims, &of.0, &of.1)))
            .collect();
        for ((population, joined), before) in &known {
            let claimed: BTreeSet<_> = before.values().collect();
            assert_eq!(claimed.len(), before.len(), "one claim, one person");
            for at in 0..population.len() {
                let mut without = population.clone();
                let keys = std::mem::take(&mut without[at]);
                let after = &known[&(without.clone(), joined.clone())];
                let moved = moved(before, after);
                assert!(
                    moved.iter().all(|who| is_known_by(keys, *who)),
                    "{population:?} {joined:?}"
                );
                // And with whoever claims this person, nobody else either.
                let Some(claimant) = moved.first().and_then(|who| before.get(who)) else {
                    continue;
                };
                let rest = joined.iter().filter(|keys| claim(claims, **keys) != Some(*claimant));
                let after = &known[&(without, rest.copied().collect())];
                assert!(self::moved(before, after).iter().all(|who| is_known_by(keys, *who)));
            }
            for claimant in joined.iter().filter_map(|keys| claim(claims, *keys)) {
                let rest = joined.iter().filter(|keys| claim(claims, **keys) != Some(claimant));
                let after = &known[&(population.clone(), rest.copied().collect())];
                let moved = moved(before, after);
                assert!(moved.len() <= 1, "{claims:?} {population:?} {joined:?}: {moved:?}");
                assert!(moved.iter().all(|who| before.get(who) == Some(&claimant)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn claims_are_what_they_mean(
        tables in room::tables(), tally in room::tally(64..65), order in 0..ORDERS.len(), parts in 1..20_usize,
    ) {
        let claims = ORDERS[order];
        let (expected, fits) = meaning::meaning_by(&tally, claims, &meant(&tally, &tables));
        prop_assume!(fits && tally.population == Population::First);
        let batches: Vec<_> = tables.iter().map(|rows| [table(rows)]).collect();
        let batches: Vec<_> = batches.iter().map(|rows| &rows[..]).take(tally.tables.len()).collect();
        let tables = room::claiming(claims, &batches);
        for (threads, parts) in [(1, 1), (2, parts)] {
            let answer = named(&tally, &run_with(&tally, &tables, threads, parts).unwrap());
            prop_assert_eq!(answer, expected.clone());
        }
    }

    /// Of a cleaned population; in the joined dataset the order decides, and it can.
    #[test]
    fn a_further_key_never_lowers_the_match(
        has in prop::collection::vec((any::<bool>(), any::<bool>()), 1..10),
        joined in prop::collection::vec((0..12_u8, 0..12_u8), 0..12),
        order in 0..ORDERS.len(),
        who in 0..10_usize,
        is_email in any::<bool>(),
    ) {
        let keys = |has: &[(bool, bool)]| -> Vec<Keys> {
            let own = |(number, (email, phone)): (u8, &(bool, bool))| {
                (number * u8::from(*email), number * u8::from(*phone))
            };
            (1..).zip(has).map(own).collect()
        };
        let mut with = has.clone();
        let at = who % with.len();
        if is_email { with[at].0 = true } else { with[at].1 = true }
        let [before, after] = [&has, &with].map(|has| found(ORDERS[order], &keys(has), &joined));
        prop_assert!(after.len() >= before.len());
        let number = u8::try_from(at + 1).unwrap();
        let others = |found: &BTreeMap<Known, Known>| -> BTreeMap<_, _> {
            found.iter().filter(|((_, key), _)| *key != number).map(|(who, by)| (*who, *by)).collect()
        };
        prop_assert_eq!(others(&before), others(&after), "and nobody else is moved");
    }

    /// Also where people of the population share keys, a claim is accepted by one at most, and who claims moves
    /// one; a person who shares keys frees each for one other.
    #[test]
    fn shared_keys_move_one_person_for_each_kind(
        population in prop::collection::vec((0..4_u8, 0..4_u8), 0..6),
        joined in prop::collection::vec((0..4_u8, 0..4_u8), 0..6),
        order in 0..ORDERS.len(),
        own in (0..4_u8, 0..4_u8),
    ) {
        let claims = ORDERS[order];
        let before = found(claims, &population, &joined);
        prop_assert_eq!(before.values().collect::<BTreeSet<_>>().len(), before.len());
        if let Some(claimant) = claim(claims, own) {
            let rest: Vec<_> =
                joined.iter().filter(|keys| claim(claims, **keys) != Some(claimant)).copied().collect();
            prop_assert!(moved(&before, &found(claims, &population, &rest)).len() <= 1);
        }
        let who = if own.0 == 0 { (PHONE, own.1) } else { (EMAIL, own.0) };
        let rest: Vec<_> = population.iter().filter(|keys| !is_known_by(**keys, who)).copied().collect();
        let others = moved(&before, &found(claims, &rest, &joined)).into_iter().filter(|moved| *moved != who);
        prop_assert!(others.count() <= claims.len());
    }
}

/// Rows with these tags; the tag 0 stands for no key.
fn tagged(tags: impl Iterator<Item = [u128; 2]>) -> RecordBatch {
    let tags: Vec<_> = tags.collect();
    let batch = table(&vec![row(1, 0, 1); tags.len()]);
    let mut columns = batch.columns().to_vec();
    for (at, column) in columns.iter_mut().take(2).enumerate() {
        let tags = tags.iter().map(|row| Some(row[at].to_be_bytes()));
        *column = Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(tags, 16).unwrap());
    }
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// One side has e-mail addresses too, and knows people by them.
#[test]
fn three_hundred_who_share_only_a_phone_are_found_where_claims_say_so() {
    let tag = |number: u128| number << 100;
    let own = [tagged((1..=300).map(|at| [tag(at + 1000), tag(at)]))];
    let theirs = [tagged((1..=300).map(|at| [0, tag(at)]))];
    let tally = groups(vec![Dimension::Matched], Vec::new(), 1);
    let counted = |claims: &[Identifier]| {
        let tables = room::claiming(claims, &[&own, &theirs]);
        run_with(&tally, &tables, 2, 5).unwrap().people
    };
    assert_eq!(counted(&[PHONE, EMAIL]), [0, 300, 0]);
    assert_eq!(counted(&[EMAIL, PHONE]), [0, 300, 0]);
    assert_eq!(counted(&[EMAIL]), [300, 0, 0]);
    // Without claims both are known by the first key of a row, and nobody meets.
    let plain = run_with(&tally, &ordered(&[&own, &theirs]), 2, 5).unwrap().people;
    assert_eq!(plain, [300, 0, 0]);
}

/// A person of the population may have several rows with several keys, of which the least of a kind counts; a key that
/// somebody is known by is nobody else's.
#[test]
fn of_several_keys_the_own_one_counts_and_else_the_least() {
    let found = |population: &[Keys], joined: &[Keys]| found(&[PHONE], population, joined).len();
    assert_eq!(found(&[(1, 1), (1, 2)], &[(0, 1), (0, 2)]), 1);
    assert_eq!(found(&[(1, 1), (1, 2)], &[(0, 1)]) + found(&[(1, 1), (1, 2)], &[(0, 2)]), 1);
    // A household: two people have one number, and it finds neither.
    assert_eq!(found(&[(1, 1), (2, 1)], &[(0, 1)]), 0);
    // One of them is known by it.
    assert_eq!(found(&[(1, 1), (0, 1)], &[(0, 1)]), 1);
}

#[test]
fn claims_ask_for_a_population_that_was_put_in_order_for_them() {
    let own = [table(&rows(&[(1, 1)]))];
    let tally = groups(vec![Dimension::Matched], Vec::new(), 1);
    let plain: Vec<Arc<Ordered>> = ordered(&[&own, &own]);
    let claiming = room::claiming(&[PHONE], &[&own, &own]);
    let found = |tables: [&Arc<Ordered>; 2]| {
        run_with(&tally, &tables.map(Clone::clone), 1, 1).map(|totals| totals.people)
    };
    let refused = Fault::NoOrder { dataset: "exposures".to_owned() };
    assert_eq!(found([&plain[0], &claiming[1]]), Err(refused));
    assert_eq!(found([&claiming[0], &claiming[1]]), Ok(vec![0, 1, 0]));
}
