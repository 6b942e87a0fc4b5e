//! Poisson sampling: each person is in a batch or not, on its own, by bits of the generator alone.

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

/// A chance of 1.
const CERTAIN: u64 = 1 << 32;

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    /// Each bound fails by chance with probability below 10⁻⁹: six deviations and a half.
    #[test]
    fn everybody_is_drawn_on_their_own_with_the_chance_itself() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        for units in [CERTAIN / 25, CERTAIN / 2, CERTAIN - 1, 1 << 20, 3_000_000_000] {
            let (chance, people, rounds) = (Chance::new(units).unwrap(), 1_000, 400);
            let real = f64::from(u32::try_from(units).unwrap()) / 4_294_967_296.0;
            let (mut drawn, mut pairs, mut of_last) = (0_u32, 0_u32, 0_u32);
            for _ in 0..rounds {
                let chosen = batch(&mut rng, chance, people);
                assert!(chosen.is_sorted_by(|a, b| a < b));
                assert!(chosen.last().is_none_or(|last| *last < people));
                drawn += u32::try_from(chosen.len()).unwrap();
                let neighbours = chosen.windows(2).filter(|it| it[0] + 1 == it[1]);
                pairs += u32::try_from(neighbours.count()).unwrap();
                of_last += u32::from(chosen.last() == Some(&999));
            }
            let near = |found: u32, trials: u32, chance: f64, wider: f64| {
                let mean = f64::from(trials) * chance;
                let spread = (wider * mean * (1.0 - chance)).sqrt();
                let off = (f64::from(found) - mean).abs();
                assert!(off <= 6.5 * spread + 1.0, "{units}: {found} of {mean}");
            };
            near(drawn, people * rounds, real, 1.0);
            near(of_last, rounds, real, 1.0);
            // Pairs share people, so that their number varies by up to three times as much.
            near(pairs, (people - 1) * rounds, real * real, 3.0);
        }
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
