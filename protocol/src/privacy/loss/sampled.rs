//! The loss of steps whose people are drawn for each anew.

use super::{Loss, NATS, ORDERS, real, up};
use crate::accounting::{AccountingError, rdp};

impl Loss {
    /// The loss of `steps` of DP-SGD with Poisson sampling: in each, a person is drawn with probability `sample_rate`, on their own,
    /// and moves whole numbers by at most one `noise_multiplier`th of their discrete Gaussian noise's σ.
    ///
    /// With a `delta` above 0, in units of 10⁻¹⁵, the loss is no larger at any order than what it exceeds with that
    /// probability. Without one, sampling saves nothing at high orders, since what is rare there is what counts.
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
        delta: u64,
    ) -> Result<Self, AccountingError> {
        let of_order = |order: &u64| {
            let order = real(*order) / 100.0;
            let nats = rdp::sampled_whole_numbers(noise_multiplier, sample_rate, order)?;
            // Its margin is far wider than the rounding of these products.
            Ok(up(nats * real(steps) * NATS))
        };
        let at_order = ORDERS.iter().map(of_order).collect::<Result<Vec<_>, AccountingError>>()?;
        let loss = Self { at_order, delta: 0 };
        Ok(if delta == 0 { loss } else { loss.capped(delta) })
    }

    /// This loss but for outcomes of probability `delta`: at every order at most what it exceeds no more often.
    fn capped(self, delta: u64) -> Self {
        // Of a loss above the cap and of one below its negative, each at most half as likely, under either neighbour.
        let log = libm::log(2e15 / real(delta)) * (1.0 + 1e-12);
        let exceeded = self.at_order.iter().zip(ORDERS).map(|(loss, order)| {
            let nats = log * 100.0 / real(order - 100);
            loss.saturating_add(up(nats * NATS))
        });
        let cap = exceeded.min().unwrap_or(u64::MAX);
        // Leaving outcomes out makes all others likelier: by less than 10δ nats, and a unit of δ is a tenth of one of loss.
        let capped = |loss: &u64| (*loss).min(cap).saturating_add(delta);
        let at_order = self.at_order.iter().map(capped).collect();
        Self { at_order, delta: self.delta.saturating_add(delta) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Delta, Epsilon, Rho};

    /// The step that a training of a hundred thousand with batches of 4,000 has.
    fn training(sigma: f64, delta: u64) -> Loss {
        Loss::sampled(sigma, 0.04, 125, delta).unwrap()
    }

    #[test]
    fn without_sampling_steps_lose_what_zcdp_says() {
        let one = Loss::sampled(2.0, 1.0, 10, 0).unwrap();
        assert!(Loss::zcdp(Rho(1_250_000_000_000)).fits(&one));
        assert!(one.fits(&Loss::zcdp(Rho(1_250_000_001_000))));
    }

    #[test]
    fn sampling_loses_less_and_more_steps_lose_more() {
        let all = Loss::sampled(1.0, 1.0, 1, 0).unwrap();
        let some = Loss::sampled(6.0, 0.01, 1, 0).unwrap();
        assert!(some.fits(&all) && !some.is_zero());
        let many = Loss::sampled(6.0, 0.01, 1_000, 0).unwrap();
        assert!((999..=1_000).contains(&many.times(&some).unwrap()));
        Loss::sampled(0.0, 0.01, 1, 0).unwrap_err();
        Loss::sampled(1.0, f64::NAN, 1, 1).unwrap_err();
    }

    #[test]
    fn a_cap_takes_from_high_orders_alone_and_costs_its_delta() {
        let (plain, capped) = (training(2.0, 0), training(2.0, 1_000_000));
        assert_eq!((plain.delta(), capped.delta()), (0, 1_000_000));
        let pairs: Vec<_> = plain.at_order.iter().zip(&capped.at_order).collect();
        // Low orders pay for what is left out; the last lose as much as each other.
        assert!(pairs.iter().take(8).all(|(plain, capped)| **capped == **plain + 1_000_000));
        let (first, last) = (*pairs[15].1, *pairs[21].1);
        assert!(first == last && last < pairs[21].0 / 1_000);
        // The likelier what may go wrong, the lower the cap.
        assert!(training(2.0, 1_000_000_000).at_order[21] < last);
    }

    /// At the cap c, δ of the mechanism at ε = c must be at most the δ that is charged: that is the claim of a cap. The PLD of the
    /// same steps with noise on the real line says what it is.
    #[test]
    fn a_loss_above_the_cap_is_as_rare_as_its_delta_says() {
        use crate::accounting::{Mechanism, pld};
        for (sigma, rate, steps) in [(2.0, 0.04, 125), (1.1, 0.01, 500), (0.8, 0.004, 1_000)] {
            for delta in [1_000, 1_000_000, 1_000_000_000] {
                let loss = Loss::sampled(sigma, rate, steps, delta).unwrap();
                let cap = real(loss.at_order[21] - delta) / NATS;
                let step = Mechanism::subsampled_gaussian(sigma, rate).unwrap();
                let found = pld::delta(&[(step, steps)], cap).unwrap();
                let charged = real(delta) / 1e15;
                assert!(found <= charged / 2.0, "{sigma} {rate} {delta}: {found} at {cap}");
            }
        }
    }

    /// Under a budget of ε = 1, noise of 2.5 to 2.8 clips pays for 125 steps of batches of 4,000 among a hundred thousand. Without a cap
    /// no such noise does.
    #[test]
    fn sampling_pays_under_a_budget_that_is_obeyed_at_every_order() {
        let budget = Rho::from_epsilon(Epsilon::new(1.0).unwrap(), Delta::new(1e-6).unwrap());
        let budget = Loss::zcdp(budget).with_delta(1_000_000);
        assert!(training(2.8, 1_000_000).fits(&budget));
        assert!(!training(2.5, 1_000_000).fits(&budget));
        assert!(!training(2.8, 0).fits(&budget) && !training(8.0, 0).fits(&budget));
    }
}
