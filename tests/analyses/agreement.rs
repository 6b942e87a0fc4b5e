//! Two releases of one question on the same rows, of every kind: whether they agree within the noise of both.

use super::{counted::Counted, forged::Forger, sample::Sample};
use privacy::sampler::Exact;
use protocol::{
    proof::{Leaves, Sums},
    released::{Agreement, Amount, Cells, Figures, Released, Which},
};
use rehearsal::Silent;
use serde_json::Value;
use std::{fs, process::Command};
use tests::running::program;

/// As much as no noise ever is.
const FAR: i64 = 1 << 55;

fn drawn(counted: &Counted, seed: u8) -> Released {
    let mut noise = Exact::from_seed([seed; 32]);
    counted.release(counted.proven(), &counted.in_order(), &mut noise).released().clone()
}

fn compared(counted: &Counted, one: &Released, other: &Released) -> Agreement {
    let rows = counted.in_order().iter().flatten().map(|rows| rows.num_rows()).sum::<usize>();
    Agreement::of(counted.proven(), [one, other], u64::try_from(rows).unwrap()).unwrap()
}

/// The sample of this kind, if the suite runs on it.
fn named(kind: &str) -> Option<Sample> {
    Sample::all().into_iter().find(|sample| sample.name() == kind)
}

/// Whether anything of what leaves of a kind can be compared at all.
fn has_figures(counted: &Counted) -> bool {
    match &counted.proven().proof().leaves {
        Leaves::Figures(_) => true,
        Leaves::Place(_) => false,
        Leaves::Steps(steps) => matches!(steps.sums, Sums::Everybody { .. }),
    }
}

/// False alarms: at most one comparison of a thousand, and here are some dozens.
#[test]
fn two_honest_releases_agree_and_differ_by_the_noise_that_is_said() {
    let (mut squares, mut count) = (0.0, 0_u32);
    for sample in Sample::all() {
        let (counted, name) = (Counted::new(&sample), sample.name());
        for seed in (10..18).step_by(2) {
            let [one, other] = [seed, seed + 1].map(|seed| drawn(&counted, seed));
            let found = compared(&counted, &one, &other);
            assert!(!found.is_apart() && !found.is_a_copy, "{name}: {found:#?}");
            assert_eq!(found.compared.is_empty(), !has_figures(&counted), "{name}");
            // What is shown of people has passed a threshold; all else is whatever it is.
            let free = found.compared.iter().filter(|of| of.which.amount != Amount::People);
            for of in free {
                let difference = f64::from(u32::try_from(of.difference().min(1 << 31)).unwrap());
                if of.difference() < 1 << 31 {
                    squares += (difference / of.noise_sd).powi(2);
                    count += 1;
                }
            }
        }
    }
    // Of that many normal numbers the mean square is this near to 1 in all but one run of a million.
    let near = 5.0 * (2.0 / f64::from(count)).sqrt();
    let mean = squares / f64::from(count);
    assert!(count > 200 && (mean - 1.0).abs() < near, "{mean} of {count}");
}

#[test]
fn every_figure_that_is_tampered_with_beyond_the_noise_is_named_and_no_other() {
    for sample in Sample::all() {
        let (counted, name) = (Counted::new(&sample), sample.name());
        let [one, other] = [10, 11].map(|seed| drawn(&counted, seed));
        let honest = compared(&counted, &one, &other);
        let Released::Figures(figures) = &other else { continue };
        let mut named = Vec::new();
        for (what, forged) in forged(figures) {
            let found = compared(&counted, &one, &Released::Figures(forged));
            let apart = found.compared.iter().filter(|of| of.is_apart());
            let apart: Vec<&Which> = apart.map(|of| &of.which).collect();
            let known = |which: &Which| honest.compared.iter().any(|of| of.which == *which);
            match apart.as_slice() {
                [which] if known(which) => named.push((*which).clone()),
                [] => {}
                _ => panic!("{name}, {what}: {apart:?}"),
            }
        }
        named.sort();
        named.dedup();
        let all: Vec<_> = honest.compared.iter().map(|of| of.which.clone()).collect();
        assert_eq!(named, all, "{name}");
    }
}

/// The figures, each once with one number that is far off.
fn forged(figures: &Figures) -> Vec<(String, Figures)> {
    let mut all = Vec::new();
    let mut change = |what: String, change: &dyn Fn(&mut Figures)| {
        let mut forged = figures.clone();
        change(&mut forged);
        all.push((what, forged));
    };
    for at in 0..figures.cells.len() {
        let totals = &figures.cells[at].totals;
        change(format!("people {at}"), &|figures| figures.cells[at].totals.people += FAR);
        for sum in 0..totals.sums.len() {
            change(format!("sum {at} {sum}"), &|figures| figures.cells[at].totals.sums[sum] += FAR);
        }
        for sum in 0..totals.products.len() {
            change(format!("product {at} {sum}"), &|figures| {
                figures.cells[at].totals.products[sum] += FAR
            });
        }
    }
    for sum in 0..figures.other.as_ref().map_or(0, |other| other.sums.len()) {
        change(format!("other {sum}"), &|figures| figures.other.as_mut().unwrap().sums[sum] += FAR);
    }
    for sum in 0..figures.other.as_ref().map_or(0, |other| other.products.len()) {
        change(format!("other {sum}"), &|figures| {
            figures.other.as_mut().unwrap().products[sum] += FAR
        });
    }
    for at in 0..figures.contrasts.len() {
        for sum in 0..figures.contrasts[at].sums.len() {
            change(format!("contrast {sum}"), &|figures| {
                figures.contrasts[at].sums[sum].contrast += FAR
            });
            change(format!("pooled {sum}"), &|figures| {
                figures.contrasts[at].sums[sum].pooled += FAR
            });
        }
        for sum in 0..figures.contrasts[at].products.len() {
            change(format!("contrast {sum}"), &|figures| {
                figures.contrasts[at].products[sum].contrast += FAR
            });
            change(format!("pooled {sum}"), &|figures| {
                figures.contrasts[at].products[sum].pooled += FAR
            });
        }
    }
    for at in 0..figures.spread.len() {
        change(format!("spread {at}"), &|figures| figures.spread[at] += FAR);
    }
    change("withheld".to_owned(), &|figures| figures.withheld += FAR);
    change("refused".to_owned(), &|figures| {
        figures.no_consent = figures.no_consent.map(|people| people + FAR)
    });
    all
}

#[test]
fn a_figure_is_apart_from_the_first_whole_number_that_noise_does_not_explain() {
    let Some(sample) = named("lift") else { return };
    let counted = Counted::new(&sample);
    let [one, other] = [10, 11].map(|seed| drawn(&counted, seed));
    let Released::Figures(figures) = &one else { panic!("{one:?}") };
    let moved = |by: i64| {
        let Released::Figures(mut moved) = other.clone() else { panic!("{other:?}") };
        moved.cells[0].totals.people = figures.cells[0].totals.people + by;
        let which =
            Which { of: Cells::Cell(figures.cells[0].name.clone()), amount: Amount::People };
        let found = compared(&counted, &one, &Released::Figures(moved));
        found.compared.into_iter().find(|of| of.which == which).unwrap()
    };
    let allowed = moved(0).allowed;
    assert!(allowed > 4.0 * moved(0).noise_sd && allowed < 8.0 * moved(0).noise_sd, "{allowed}");
    let most: i64 = format!("{:.0}", allowed.floor()).parse().unwrap();
    for sign in [1, -1] {
        assert!(!moved(sign * most).is_apart() && moved(sign * (most + 1)).is_apart());
    }
}

/// The demo's honest first release against one from which a large cell was taken out: it says that the cell is small, and it cannot be.
#[test]
fn a_large_cell_that_is_hidden_is_named_and_a_small_one_is_not() {
    let Some(sample) = named("table") else { return };
    let counted = Counted::new(&sample);
    let [one, other] = [10, 11].map(|seed| drawn(&counted, seed));
    let Released::Figures(figures) = &other else { panic!("{other:?}") };
    let biggest = figures.cells.iter().max_by_key(|cell| cell.totals.people).unwrap().name.clone();
    let mut hidden = figures.clone();
    hidden.cells.retain(|cell| cell.name != biggest);
    let found = compared(&counted, &one, &Released::Figures(hidden));
    let which = Which { of: Cells::Cell(biggest), amount: Amount::People };
    let alone = found.only_in_one.iter().find(|of| of.which == which).unwrap();
    let people = alone.values[0].unwrap();
    let [least, allowed] = alone.gap.unwrap();
    assert_eq!(alone.is_apart(), least > allowed, "{people}");
    assert!(found.is_apart() == alone.is_apart() && alone.values[1].is_none());
}

#[test]
fn a_copy_is_no_second_draw_and_a_rehearsal_is_none_at_all() {
    for sample in Sample::all() {
        let counted = Counted::new(&sample);
        let one = drawn(&counted, 10);
        let is_chosen = matches!(one, Released::Place(_));
        assert_eq!(compared(&counted, &one, &one).is_a_copy, !is_chosen, "{}", sample.name());
        let silent = counted.release(counted.proven(), &counted.in_order(), &mut Silent::default());
        let both = [&one, silent.released()];
        assert_eq!(Agreement::of(counted.proven(), both, 1), None, "{}", sample.name());
    }
}

/// As whoever doubts an answer does it, with receipts that hold: a room that attests a figure which is off is found out by another
/// draw, and its figure is named.
#[test]
fn a_room_that_releases_another_figure_is_told_by_the_program_from_an_honest_one() {
    for sample in Sample::all() {
        let (name, folder) = (sample.name(), tempfile::tempdir().unwrap());
        if !matches!(Counted::new(&sample).proven().proof().leaves, Leaves::Figures(_)) {
            continue;
        }
        let attester = Forger::attester(&sample);
        let at = |file: &str| folder.path().join(file);
        Forger::drawn(&attester, &sample, 20, |_| {}).write(&at("one"));
        Forger::drawn(&attester, &sample, 21, |_| {}).write(&at("other"));
        let off = |released: &mut Released| {
            let Released::Figures(figures) = released else { panic!("{released:?}") };
            figures.cells[0].totals.people += 5_000;
        };
        Forger::drawn(&attester, &sample, 22, off).write(&at("off"));
        fs::write(at("contract.toml"), sample.paper_text()).unwrap();
        fs::write(at("root.der"), attester.module.root()).unwrap();
        let compare = |other: &str| {
            let line =
                ["dispute", "compare", "one", other, "--json", "--contract", "contract.toml"];
            let mut command = Command::new(program("glovebox"));
            let command = command.args(line).args(["--danger-root", "root.der"]);
            let said = command.current_dir(folder.path()).output().unwrap();
            let document: Value = serde_json::from_slice(&said.stdout).unwrap();
            assert_eq!(document["error"], Value::Null, "{name}");
            (said.status.code(), document["result"].clone())
        };
        let (code, said) = compare("other");
        assert_eq!((code, &said["verdict"]), (Some(0), &"agree".into()), "{name}: {said:#}");
        let (code, said) = compare("off");
        assert_eq!((code, &said["verdict"]), (Some(1), &"apart".into()), "{name}: {said:#}");
        let apart = said["figures"].as_array().unwrap().iter().filter(|of| of["apart"] == true);
        let apart: Vec<_> = apart.map(|of| of["figure"].as_str().unwrap()).collect();
        assert!(matches!(apart[..], [figure] if figure.starts_with("people")), "{name}: {apart:?}");
    }
}
