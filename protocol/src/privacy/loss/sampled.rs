//! The loss of steps whose people are drawn for each anew.

use super::{Delta, Loss, NATS, ORDERS, real, up};
use crate::accounting::{AccountingError, rdp};

impl Loss {
    /// The loss of `steps` of DP-SGD with Poisson sampling: in each, a person is drawn with probability `sample_rate`, on their own,
    /// and moves whole numbers by at most one `noise_multiplier`th of their discrete Gaussian noise's σ.
    ///
    /// With a `delta` the loss is capped, at every order, at a value that the privacy loss exceeds with probability at most
    /// `delta`, which it then costs. Without one, sampling saves nothing at high orders, since what is rare there is what counts.
    ///
    /// # Privacy
    ///
    /// Of all steps together, each of which may depend on what the earlier ones released. Shuffled or fixed-size batches are
    /// not covered.
    ///
    /// # Errors
    ///
    /// [`AccountingError`] for a multiplier or rate out of range.
    ///
    /// # Source
    ///
    /// [`rdp::sampled_whole_numbers`]; PROOFS.md, "A cap on the loss of many steps".
    pub fn sampled(
        noise_multiplier: f64,
        sample_rate: f64,
        steps: u64,
        delta: Option<Delta>,
    ) -> Result<Self, AccountingError> {
        let of_order = |order: &u64| {
            let order = real(*order) / 100.0;
            let nats = rdp::sampled_whole_numbers(noise_multiplier, sample_rate, order)?;
            // Its margin is far wider than the rounding of these products.
            Ok(up(nats * real(steps) * NATS))
        };
        let at_order = ORDERS.iter().map(of_order).collect::<Result<Vec<_>, AccountingError>>()?;
        let loss = Self { at_order, delta: 0 };
        Ok(match delta {
            None => loss,
            Some(delta) => loss.capped(delta),
        })
    }

    /// This loss but for outcomes of probability `delta`.
    fn capped(self, delta: Delta) -> Self {
        let (cap, delta) = (self.cap(delta), u64::from(delta));
        // Leaving outcomes out makes all others likelier: by less than 10δ nats, and a unit of δ is a tenth of one of loss.
        let capped = |loss: &u64| (*loss).min(cap).saturating_add(delta);
        let at_order = self.at_order.iter().map(capped).collect();
        Self { at_order, delta: self.delta.saturating_add(delta) }
    }

    /// What the privacy loss exceeds with probability `delta`/2 at most, and as rarely falls below the negative of, under either
    /// of two neighbours. A [`Delta`] is at most 10⁻³, and what is said of it above holds up to 0.04.
    fn cap(&self, delta: Delta) -> u64 {
        let log = libm::log(2e15 / real(u64::from(delta))) * (1.0 + 1e-12);
        let exceeded = self.at_order.iter().zip(ORDERS).map(|(loss, order)| {
            let nats = log * 100.0 / real(order - 100);
            loss.saturating_add(up(nats * NATS))
        });
        exceeded.min().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Epsilon, Rho};

    /// The step that a training of a hundred thousand with batches of 4,000 has.
    fn training(sigma: f64, delta: Option<Delta>) -> Loss {
        Loss::sampled(sigma, 0.04, 125, delta).unwrap()
    }

    fn units(delta: u64) -> Option<Delta> {
        Some(Delta::try_from(delta).unwrap())
    }

    #[test]
    fn without_sampling_steps_lose_what_zcdp_says() {
        let one = Loss::sampled(2.0, 1.0, 10, None).unwrap();
        assert!(Loss::zcdp(Rho(1_250_000_000_000)).fits(&one));
        assert!(one.fits(&Loss::zcdp(Rho(1_250_000_001_000))));
    }

    #[test]
    fn sampling_loses_less_and_more_steps_lose_more() {
        let all = Loss::sampled(1.0, 1.0, 1, None).unwrap();
        let some = Loss::sampled(6.0, 0.01, 1, None).unwrap();
        assert!(some.fits(&all) && !some.is_zero());
        let many = Loss::sampled(6.0, 0.01, 1_000, None).unwrap();
        assert!((999..=1_000).contains(&many.times(&some).unwrap()));
        Loss::sampled(0.0, 0.01, 1, None).unwrap_err();
        Loss::sampled(1.0, f64::NAN, 1, units(1)).unwrap_err();
    }

    #[test]
    fn a_cap_takes_from_high_orders_alone_and_costs_its_delta() {
        let (plain, capped) = (training(2.0, None), training(2.0, units(1_000_000)));
        assert_eq!((plain.delta(), capped.delta()), (0, 1_000_000));
        let pairs: Vec<_> = plain.at_order.iter().zip(&capped.at_order).collect();
        // Low orders pay for what is left out; the last lose as much as each other.
        assert!(pairs.iter().take(8).all(|(plain, capped)| **capped == **plain + 1_000_000));
        let (first, last) = (*pairs[15].1, *pairs[21].1);
        assert!(first == last && last < pairs[21].0 / 1_000);
        // The likelier what may go wrong, the lower the cap.
        assert!(training(2.0, units(1_000_000_000)).at_order[21] < last);
    }

    /// Steps of which caps are looked at.
    const STEPS: [(f64, f64, u64); 3] = [(2.0, 0.04, 125), (1.1, 0.01, 500), (0.8, 0.004, 1_000)];

    /// The cap is the least of D(α) + ln(2/δ)/(α-1), D the loss without it, and its order.
    fn cap(plain: &Loss, over_delta: f64, delta: f64) -> (f64, f64) {
        let at_order = plain.at_order.iter().zip(ORDERS).map(|(loss, order)| {
            let more = real(order) / 100.0 - 1.0;
            (real(*loss) / NATS + (over_delta / delta).ln() / more, more + 1.0)
        });
        at_order.min_by(|one, other| one.0.total_cmp(&other.0)).unwrap()
    }

    #[test]
    fn a_cap_is_what_the_plain_orders_say_to_the_last_bits() {
        for (sigma, rate, steps) in STEPS {
            for delta in [1, 1_000, 1_000_000, 1_000_000_000, u64::from(Delta::MAX)] {
                let plain = Loss::sampled(sigma, rate, steps, None).unwrap();
                let loss = Loss::sampled(sigma, rate, steps, units(delta)).unwrap();
                let found = real(loss.at_order[21] - delta) / NATS;
                let (wanted, _) = cap(&plain, 2.0, real(delta) / 1e15);
                let off = found / wanted - 1.0;
                assert!((-1e-14..1e-9).contains(&off), "{sigma} {delta}: {found} {wanted}");
                // Nor is any order but those above it moved.
                for (plain, capped) in plain.at_order.iter().zip(&loss.at_order) {
                    let most = loss.at_order[21];
                    assert_eq!(*capped, plain.saturating_add(delta).min(most));
                }
            }
        }
    }

    /// No more than a cap's δ/2 of outcomes lose more than the cap: that is what it claims, of both neighbours. The PLD's δ(ε) is
    /// E[1 - exp(ε - L)]⁺, the larger of both directions, so P[L > c] is at most δ(c - h)/(1 - exp(-h)) for any h, whichever
    /// neighbour L is of.
    #[test]
    fn the_privacy_loss_exceeds_a_cap_as_rarely_as_its_delta_says() {
        use crate::accounting::{Mechanism, pld};
        for (sigma, rate, steps) in STEPS {
            let plain = Loss::sampled(sigma, rate, steps, None).unwrap();
            let step = Mechanism::subsampled_gaussian(sigma, rate).unwrap();
            let curve = |epsilon: f64| pld::delta(&[(step, steps)], epsilon).unwrap();
            for delta in [1_000, 1_000_000, 1_000_000_000] {
                let charged = real(delta) / 1e15;
                // About where the bound is least, as the tail falls like exp(-(α-1)·L).
                let exceeded = |cap: f64, order: f64| {
                    let below = 1.0 / (order - 1.0);
                    curve(cap - below) / -(-below).exp_m1()
                };
                let loss = Loss::sampled(sigma, rate, steps, units(delta)).unwrap();
                let (_, order) = cap(&plain, 2.0, charged);
                let found = exceeded(real(loss.at_order[21] - delta) / NATS, order);
                assert!(found <= charged / 2.0, "{sigma} {rate} {delta}: {found}");
            }
            // A cap that allows for half of the logarithm is found exceeded: P[L > c] is at least δ(c).
            let (broken, _) = cap(&plain, 2.0, 1e-9_f64.sqrt());
            let found = curve(broken);
            assert!(found > 1e-9 / 2.0, "{sigma} {rate}: {found} at {broken}");
        }
    }

    /// Under a budget of ε = 1 at δ = 10⁻⁶, and 10⁻⁹ more for a cap, noise of 2.75 clips pays for 125 steps of batches of 4,000
    /// among a hundred thousand. Without a cap no such noise does.
    #[test]
    fn sampling_pays_under_a_budget_that_is_obeyed_at_every_order() {
        let budget = Rho::from_epsilon(Epsilon::new(1.0).unwrap(), Delta::new(1e-6).unwrap());
        let (budget, cap) = (Loss::zcdp(budget).with_delta(1_000_000), units(1_000_000));
        assert!(training(2.75, cap).fits(&budget));
        assert!(!training(2.74, cap).fits(&budget));
        assert!(!training(2.75, None).fits(&budget) && !training(8.0, None).fits(&budget));
        // What PROOFS.md says of order 1,024.
        let nats = training(2.0, None).at_order[21] / 100_000_000_000_000;
        assert_eq!(nats, 15_597);
    }
}
