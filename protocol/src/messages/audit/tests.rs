use super::*;
use crate::merkle::root_of_leaves;

#[test]
fn an_entry_is_read_back_and_only_from_its_own_bytes() {
    let entry = entry(3);
    let bytes = entry.to_bytes();
    assert_eq!(Entry::from_bytes(&bytes), Ok(entry));
    Entry::from_bytes(&bytes[1..]).unwrap_err();
    let other = canonical::to_vec(&("another tag", self::entry(3)));
    Entry::from_bytes(&other).unwrap_err();
}

#[test]
fn a_log_was_at_each_of_its_heads_whoever_reads_its_entries() {
    for others in [vec![], vec![1, 4], (0..9).collect()] {
        let log = Log::new(entries(9, &others)).unwrap();
        let heads: Vec<_> = (0..=9).rev().map(head).collect();
        assert_eq!(log.check(&heads), Ok(()));
        assert_eq!(log.texts().count(), 9 - others.len());
    }
}

#[test]
fn an_entry_that_was_dropped_is_named() {
    let mut entries = entries(9, &[]);
    entries.remove(4);
    assert_eq!(Log::new(entries).err(), Some(LogFlaw::Place { number: 4, found: 5 }));
    let short = Log::new(self::entries(7, &[])).unwrap();
    assert_eq!(
        short.check(&[head(9), head(5)]),
        Err(LogFlaw::Short { first: 7, found: 7, expected: 9 })
    );
}

#[test]
fn entries_in_another_order_are_named() {
    let mut swapped = entries(9, &[]);
    swapped.swap(2, 6);
    assert_eq!(Log::new(swapped).err(), Some(LogFlaw::Place { number: 2, found: 6 }));
    // Whoever has leaves only sees between which heads they differ.
    let mut swapped = entries(9, &[2, 6]);
    swapped.swap(2, 6);
    let flaw = Log::new(swapped).unwrap().check(&[head(2), head(5), head(9)]);
    assert!(matches!(flaw, Err(LogFlaw::Root { from: 2, to: 4, .. })), "{flaw:?}");
}

#[test]
fn an_entry_that_was_changed_lies_between_two_heads() {
    for at in 0..9 {
        let mut changed = entries(9, &[]);
        let other = Entry { time: Time(1), ..entry(at) };
        changed[usize::try_from(at).unwrap()] = Listed::Text(other.to_bytes());
        let log = Log::new(changed).unwrap();
        let heads: Vec<_> = (0..=9).map(head).collect();
        let flaw = log.check(&heads);
        assert!(
            matches!(flaw, Err(LogFlaw::Root { from, to, .. }) if from == at && to == at),
            "{at}: {flaw:?}"
        );
    }
}

#[test]
fn a_head_of_another_log_is_refused() {
    let log = Log::new(entries(9, &[])).unwrap();
    let fork = Head { size: 4, root: head(5).root };
    let flaw = log.check(&[head(2), fork, head(9)]);
    assert!(matches!(flaw, Err(LogFlaw::Root { from: 2, to: 3, .. })), "{flaw:?}");
    let empty = Head { size: 0, root: head(1).root };
    assert!(matches!(log.check(&[empty]), Err(LogFlaw::Root { from: 0, to: 0, .. })));
}

fn entry(number: u64) -> Entry {
    let event = Event::Dropped { dataset: "exposures".to_owned() };
    Entry { number, salt: [7; 16], time: Time(1_000 + number), event }
}

fn entries(count: u64, others: &[u64]) -> Vec<Listed> {
    let listed = (0..count).map(|number| {
        let bytes = entry(number).to_bytes();
        if others.contains(&number) {
            Listed::Others(leaf_hash(&bytes))
        } else {
            Listed::Text(bytes)
        }
    });
    listed.collect()
}

fn head(size: u64) -> Head {
    let leaves: Vec<_> = entries(size, &[]).iter().map(Listed::leaf).collect();
    Head { size, root: root_of_leaves(&leaves) }
}

#[test]
fn a_log_begins_with_its_instance_ends_with_its_closing_and_is_covered_by_a_head() {
    let [instance, contract] = ["instance", "contract"].map(|name| Digest::of(name, b""));
    let of = |events: &[Event]| {
        let entries = (0..).zip(events).map(|(number, event)| {
            Listed::Text(
                Entry { number, salt: [0; 16], time: Time(1), event: event.clone() }.to_bytes(),
            )
        });
        Log::new(entries.collect()).unwrap()
    };
    let opened = Event::Opened { instance, contract };
    let dropped = Event::Dropped { dataset: "sales".to_owned() };
    let newest = |log: &Log| Some(Head { size: log.size(), root: root_of_leaves(&[]) });
    let whole = of(&[opened.clone(), dropped.clone(), Event::Closed {}]);
    assert_eq!(whole.check_life(instance, contract, newest(&whole)), Ok(()));
    for (events, flaw) in [
        (vec![], LogFlaw::Beginning { instance, contract }),
        (vec![dropped.clone(), opened.clone()], LogFlaw::Beginning { instance, contract }),
        (vec![opened.clone(), opened.clone()], LogFlaw::Life { number: 1 }),
        (vec![opened.clone(), Event::Closed {}, dropped], LogFlaw::Life { number: 1 }),
    ] {
        let log = of(&events);
        assert_eq!(log.check_life(instance, contract, newest(&log)), Err(flaw));
    }
    let other = whole.check_life(contract, contract, newest(&whole));
    assert!(matches!(other, Err(LogFlaw::Beginning { .. })), "{other:?}");
    let other = whole.check_life(instance, instance, newest(&whole));
    assert!(matches!(other, Err(LogFlaw::Beginning { .. })), "{other:?}");
    let before = Head { size: 2, root: root_of_leaves(&[]) };
    for (newest, expected) in [(Some(before), 2), (None, 0)] {
        assert_eq!(
            whole.check_life(instance, contract, newest),
            Err(LogFlaw::Uncovered { first: expected, found: 3, expected })
        );
    }
    // What is for others at the first place is the beginning of nothing.
    let hidden = Log::new(vec![Listed::Others(whole.entries()[0].leaf())]).unwrap();
    let flaw = hidden.check_life(instance, contract, newest(&hidden));
    assert!(matches!(flaw, Err(LogFlaw::Beginning { .. })), "{flaw:?}");
}
