//! Poisson sampling: each person is in a batch or not, on its own, by bits of the generator alone.

use protocol::learning::dense::CERTAIN;
use rand_core::Rng;

/// A chance, in units of 2⁻³²: above 0 and at most 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chance(u64);

impl Chance {
    /// A chance of `units` · 2⁻³².
    ///
    /// Nothing unless it is above 0 and at most 1.
    #[must_use]
    pub fn new(units: u64) -> Option<Self> {
        (1..=CERTAIN).contains(&units).then_some(Self(units))
    }
}

/// The places of those of `people` who are in a batch, ascending: each with the chance exactly, and independent of all others.
///
/// Sixty-four people are decided together: a uniform number of each is compared with the chance, bit by bit from the
/// highest, until all of them differ.
pub(super) fn batch<R: Rng + ?Sized>(rng: &mut R, chance: Chance, people: u32) -> Vec<u32> {
    let mut chosen = Vec::new();
    if chance.0 == CERTAIN {
        chosen.extend(0..people);
        return chosen;
    }
    for start in (0..people).step_by(64) {
        let of_word = people.saturating_sub(start).min(64);
        let all = u64::MAX >> (64 - of_word);
        let mut found = below(rng, chance.0, all);
        while found != 0 {
            chosen.push(start + found.trailing_zeros());
            found &= found - 1;
        }
    }
    chosen
}

/// For each bit of `all`, whether a uniform number of 32 bits of its own is below `chance`.
fn below<R: Rng + ?Sized>(rng: &mut R, chance: u64, all: u64) -> u64 {
    let (mut equal, mut below) = (all, 0);
    for bit in (0..32).rev() {
        if equal == 0 {
            break;
        }
        let drawn = rng.next_u64();
        if chance >> bit & 1 == 1 {
            below |= equal & !drawn;
            equal &= drawn;
        } else {
            equal &= !drawn;
        }
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    /// Chances that are looked at: usual ones, one of every bit, and a rare one.
    const CHANCES: [u64; 5] = [CERTAIN / 25, CERTAIN / 2, CERTAIN - 1, 1 << 20, 3_000_000_000];
    const PEOPLE: u32 = 1_000;
    const ROUNDS: u32 = 400;

    /// What is wrong with batches that are to have such a chance. All counts are of trials that share nobody and no batch, so
    /// that they are binomial; each is found wrong by chance with probability below 2·10⁻⁹.
    fn flaws(units: u64, mut draw: impl FnMut() -> Vec<u32>) -> Vec<&'static str> {
        let real = f64::from(u32::try_from(units).unwrap()) / 4_294_967_296.0;
        let rounds: Vec<Vec<bool>> = (0..ROUNDS)
            .map(|_| {
                let chosen = draw();
                assert!(chosen.is_sorted_by(|a, b| a < b));
                let is_in = |person| chosen.binary_search(&person).is_ok();
                assert!(chosen.last().is_none_or(|last| *last < PEOPLE));
                (0..PEOPLE).map(is_in).collect()
            })
            .collect();
        let count = |it: usize| u32::try_from(it).unwrap();
        let all =
            |of: &dyn Fn(&[bool]) -> usize| rounds.iter().map(|round| of(round)).sum::<usize>();
        // Pairs at a distance, each person in one of them at most.
        let apart = |distance: usize| {
            let firsts =
                (0..rounds[0].len() - distance).filter(|at| (at / distance).is_multiple_of(2));
            let firsts: Vec<_> = firsts.collect();
            let both =
                |it: &[bool]| firsts.iter().filter(|at| it[**at] && it[**at + distance]).count();
            (count(all(&both)), count(firsts.len()) * ROUNDS, real * real)
        };
        let successive = rounds.chunks_exact(2).map(|pair| {
            pair[0].iter().zip(&pair[1]).filter(|(one, other)| **one && **other).count()
        });
        let last = rounds.iter().filter(|round| round[round.len() - 1]).count();
        let drawn = all(&|round| round.iter().filter(|drawn| **drawn).count());
        let counts = [
            ("how many are drawn", (count(drawn), PEOPLE * ROUNDS, real)),
            ("how often the last is", (count(last), ROUNDS, real)),
            ("neighbours", apart(1)),
            ("people of one place in two words", apart(64)),
            ("people of one place in two pairs of words", apart(128)),
            (
                "a person in two successive batches",
                (count(successive.sum()), PEOPLE * ROUNDS / 2, real * real),
            ),
        ];
        let wrong =
            counts.iter().filter(|(_, (found, trials, chance))| is_rare(*found, *trials, *chance));
        wrong.map(|(what, _)| *what).collect()
    }

    /// Whether so few or so many of binomial trials have a probability below 10⁻⁹.
    fn is_rare(found: u32, trials: u32, chance: f64) -> bool {
        let (found, trials, odds) = (f64::from(found), f64::from(trials), chance / (1.0 - chance));
        // Probabilities as multiples of that of the mode, outward from it, down to what no longer adds anything.
        let mode = ((trials + 1.0) * chance).floor().min(trials);
        let (mut few, mut many, mut all) = (0.0, 0.0, 0.0);
        let mut add = |at: f64, weight: f64| {
            all += weight;
            few += if at <= found { weight } else { 0.0 };
            many += if at >= found { weight } else { 0.0 };
        };
        let (mut at, mut weight) = (mode, 1.0);
        while weight > 1e-30 {
            add(at, weight);
            weight *= (trials - at) / (at + 1.0) * odds;
            at += 1.0;
        }
        (at, weight) = (mode, mode / (trials - mode + 1.0) / odds);
        while weight > 1e-30 {
            at -= 1.0;
            add(at, weight);
            weight *= at / (trials - at + 1.0) / odds;
        }
        few < 1e-9 * all || many < 1e-9 * all
    }

    #[test]
    fn everybody_is_drawn_on_their_own_with_the_chance_itself() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        for units in CHANCES {
            let chance = Chance::new(units).unwrap();
            assert_eq!(flaws(units, || batch(&mut rng, chance, PEOPLE)), [""; 0], "{units}");
        }
    }

    #[test]
    fn batches_that_are_not_drawn_for_each_person_and_step_are_told_apart() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        for units in [CERTAIN / 25, CERTAIN / 2, 3_000_000_000] {
            let chance = Chance::new(units).unwrap();
            // One word's numbers serve two words of people.
            let twice = || {
                let half: Vec<u32> = batch(&mut rng, chance, PEOPLE.div_ceil(2));
                let places = |it: &u32| [0, 64].map(|more| it / 64 * 128 + it % 64 + more);
                let mut all: Vec<u32> = half.iter().flat_map(places).collect();
                all.sort_unstable();
                all.retain(|place| *place < PEOPLE);
                all
            };
            assert!(flaws(units, twice).contains(&"people of one place in two words"), "{units}");
            // Two steps have one batch.
            let mut last = None;
            let again = || {
                last.take().unwrap_or_else(|| last.insert(batch(&mut rng, chance, PEOPLE)).clone())
            };
            let found = flaws(units, again);
            assert!(found.contains(&"a person in two successive batches"), "{units}: {found:?}");
            // A twentieth too few.
            let fewer = Chance::new(units - units / 20).unwrap();
            let found = flaws(units, || batch(&mut rng, fewer, PEOPLE));
            assert!(found.contains(&"how many are drawn"), "{units}: {found:?}");
        }
    }

    /// Of 400 trials with chance 2⁻¹², 6 or more have probability 1.07·10⁻⁹ and 7 or more 1.5·10⁻¹¹, added up exactly.
    #[test]
    fn limits_are_those_of_the_binomial_distribution() {
        let rare = |found| is_rare(found, 400, 1.0 / 4_096.0);
        assert_eq!([0, 3, 6, 7].map(rare), [false, false, false, true]);
        // Of 30 coins all or none are heads with probability 9.3·10⁻¹⁰, of 29 with twice that.
        assert!(is_rare(30, 30, 0.5) && is_rare(0, 30, 0.5));
        assert!(!is_rare(29, 29, 0.5) && !is_rare(0, 29, 0.5));
    }

    #[test]
    fn a_chance_of_one_draws_everybody_and_of_nobody_nobody_is_drawn() {
        let mut rng = ChaCha20Rng::from_seed([4; 32]);
        let all = Chance::new(CERTAIN).unwrap();
        assert_eq!(batch(&mut rng, all, 130), (0..130).collect::<Vec<_>>());
        assert_eq!(batch(&mut rng, Chance::new(1 << 31).unwrap(), 0), Vec::<u32>::new());
    }

    #[test]
    fn refuses_what_is_no_chance() {
        assert_eq!([Chance::new(0), Chance::new(CERTAIN + 1)], [None, None]);
    }
}
