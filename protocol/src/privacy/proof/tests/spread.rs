//! Head counts of people by in how many cells they would be.

use super::*;

/// A tally of one dataset by segment, of which people are counted by how many segments they are in.
fn spread(ids: u32, cells: u32) -> Tally {
    let mut tally = tally(100, false, ids, cells, false);
    tally.tables.truncate(1);
    tally.measures[0].side = Side::POPULATION;
    tally.spread = Tally::spread_beyond(cells);
    tally
}

#[test]
fn the_edges_are_what_counts_and_doublings_of_it() {
    assert_eq!(Tally::spread_beyond(1), [1, 2, 4, 8, 16]);
    assert_eq!(Tally::spread_beyond(3), [3, 6, 12, 24, 48]);
    let tally = spread(1, 3);
    assert_eq!(tally.spread_bins(), 6);
    let bins = [0, 3, 4, 6, 7, 48, 49, usize::MAX].map(|cells| tally.spread_bin(cells));
    assert_eq!(bins, [0, 0, 1, 1, 2, 4, 5, 5]);
}

/// One id is in one bin, however many cells there are: all ids of a person in one is the worst. A tenth of the loss of head counts pays.
#[test]
fn a_person_moves_the_spread_by_their_ids_and_nothing_costs_more() {
    for (ids, cells) in [(1, 1), (1, 16), (3, 4)] {
        let tally = spread(ids, cells);
        let proof = tally.prove(&request(1_000_000_000_000)).unwrap();
        let vectors = proof.vectors().unwrap();
        let figure = vectors.spread.unwrap();
        assert_eq!((figure.cells, figure.linf), (1, u64::from(ids)));
        assert_eq!(figure.rho.0, (figure.rho.0 + vectors.people.rho.0) / 10);
        let cost = true_cost(&figure, f64::from(ids));
        assert!(cost <= figure.rho.value() && cost > figure.rho.value() * 0.99, "{cost}");
        let all: u64 = vectors.all().map(|figure| figure.rho.0).sum();
        assert!(all <= proof.cost.rho().0);
        check(tally, proof, 50).unwrap();
    }
}

#[test]
fn refuses_a_spread_without_its_noise_or_of_cells_that_are_not_the_rows_own() {
    let tally = spread(2, 3);
    let honest = tally.prove(&request(1_000_000_000_000)).unwrap();
    let changed = |change: fn(&mut Vectors)| {
        let mut proof = honest.clone();
        change(proof.vectors_mut());
        check(tally.clone(), proof, 50).map(drop)
    };
    assert_eq!(changed(|_| ()), Ok(()));
    assert_eq!(changed(|vectors| vectors.spread = None), Err(Flaw::Figures));
    let less = changed(|vectors| vectors.spread.as_mut().unwrap().linf = 1);
    assert!(matches!(less, Err(Flaw::Sensitivity { .. })), "{less:?}");
    let quieter = changed(|vectors| vectors.spread.as_mut().unwrap().sigma.0 /= 2);
    assert_eq!(quieter, Err(Flaw::Noise));
    let unasked = Tally { spread: Vec::new(), ..tally.clone() };
    let of_another = unasked.prove(&request(1_000_000_000_000)).unwrap();
    let mut added = of_another.clone();
    added.vectors_mut().spread = honest.vectors().unwrap().spread;
    assert_eq!(check(unasked, added, 50).map(drop), Err(Flaw::Figures));
    let shaped = |change: fn(&mut Tally)| {
        let mut tally = tally.clone();
        change(&mut tally);
        let proof = tally.prove(&request(1_000_000_000_000)).unwrap();
        check(tally, proof, 50).map(drop)
    };
    let refused = Err(Flaw::Shape("spread"));
    assert_eq!(shaped(|tally| tally.spread = vec![0, 3]), refused);
    assert_eq!(shaped(|tally| tally.spread = vec![3, 3]), refused);
    assert_eq!(shaped(|tally| tally.spread = (1..=6).collect()), refused);
    let named = |tally: &mut Tally| {
        tally.dimensions =
            vec![Dimension::Label { side: Side::POPULATION, column: "store".to_owned() }];
    };
    assert_eq!(shaped(named), refused);
    let joined = |tally: &mut Tally| {
        tally.tables.push(Table { dataset: "sales".to_owned(), rows: Vec::new() });
    };
    assert_eq!(shaped(joined), refused);
}
