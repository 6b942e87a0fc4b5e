//! `glovebox privacy`: calculators for privacy loss, and noise to look at.

mod number;

use crate::{document, failure::Failure, say};
use number::{Decimal, real, whole};
use protocol::accounting::{Mechanism, gaussian, pld, rdp, zcdp};
use rehearsal::{Distribution, draws};
use serde_json::json;
use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
};

/// Calculate privacy loss and noise; nothing is spent and nobody is asked
#[derive(Debug, clap::Subcommand)]
pub(crate) enum PrivacyCommand {
    Epsilon(Epsilon),
    Noise(Noise),
    Compose(Compose),
    Sample(Sample),
}

/// The epsilon of a training run: DP-SGD with Poisson sampling and Gaussian noise
///
/// Neighbours differ by one person added or removed. Shuffled or fixed-size batches are not covered.
#[derive(Debug, clap::Args)]
pub(crate) struct Epsilon {
    /// Standard deviation of the noise over the clipping norm
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    noise_multiplier: f64,

    /// Probability with which a person is in a batch
    #[arg(long, value_name = "Q", allow_negative_numbers = true)]
    sample_rate: f64,

    /// Steps of training
    #[arg(long, value_name = "T", value_parser = whole, allow_negative_numbers = true)]
    steps: u64,

    /// Delta, far below one over the number of people
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    delta: f64,
}

/// The smallest Gaussian noise that gives an epsilon and delta
#[derive(Debug, clap::Args)]
pub(crate) struct Noise {
    /// Epsilon
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    epsilon: f64,

    /// Delta, far below one over the number of people
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    delta: f64,

    /// How far one person can move the figures, in L2
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    sensitivity: f64,
}

/// The epsilon of several releases together
///
/// Either of releases whose zCDP losses are given, or of equal releases with Laplace noise.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("loss").required(true).args(["rho", "laplace_epsilon"]))]
pub(crate) struct Compose {
    /// Rho of each release, with commas between
    #[arg(
        long,
        value_name = "R1,R2..",
        value_delimiter = ',',
        value_parser = real,
        allow_negative_numbers = true
    )]
    rho: Vec<f64>,

    /// Epsilon of one release with Laplace noise
    #[arg(long, value_name = "E", requires = "count", allow_negative_numbers = true)]
    laplace_epsilon: Option<f64>,

    /// How many such releases there are
    #[arg(
        long,
        value_name = "N",
        requires = "laplace_epsilon",
        conflicts_with = "rho",
        value_parser = whole,
        allow_negative_numbers = true
    )]
    count: Option<u64>,

    /// Delta, far below one over the number of people
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    delta: f64,
}

/// Draw noise as the enclave does: in whole numbers, without floating point
#[derive(Debug, clap::Args)]
pub(crate) struct Sample {
    /// Distribution
    #[arg(long, value_enum)]
    mechanism: Shape,

    /// Sigma of the Gaussian, t of the Laplace; a decimal number such as 1.5 or 1e-5
    ///
    /// Sigma squared and t are exact where a denominator of at most 2^30 suffices, else rounded up to a
    /// multiple of 2^-30.
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    scale: Decimal,

    /// How many draws
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    count: u64,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shape {
    DiscreteGaussian,
    DiscreteLaplace,
}

impl PrivacyCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Epsilon(epsilon) => epsilon.run(),
            Self::Noise(noise) => noise.run(),
            Self::Compose(compose) => compose.run(),
            Self::Sample(sample) => sample.run(),
        }
        .or_else(|failure| match failure {
            // A reader that closes the pipe has seen enough.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            failure => Err(failure),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Epsilon {
    fn run(&self) -> Result<(), Failure> {
        let Self { noise_multiplier, sample_rate, steps, delta, .. } = *self;
        let step = Mechanism::subsampled_gaussian(noise_multiplier, sample_rate)
            .map_err(Failure::unclear)?;
        let epsilon_rdp = rdp::epsilon(&[(step, steps)], delta).map_err(Failure::unclear)?;
        let run = [(step, steps)];
        let epsilon_pld_fine = pld::epsilon(&run, delta).map_err(Failure::unclear)?;
        let epsilon_pld = pld::epsilon_on_reference_grid(&run, delta).map_err(Failure::unclear)?;
        document::fields(&json!({
            "epsilon_pld": epsilon_pld, "epsilon_pld_fine": epsilon_pld_fine, "epsilon_rdp": epsilon_rdp,
        }))?;
        let (fine, comparable) = (rounded_up(epsilon_pld_fine), rounded_up(epsilon_pld));
        let coarser = if fine == comparable {
            String::new()
        } else {
            format!(" ({comparable} on the coarser grid of other accountants)")
        };
        say::result(format_args!(
            "epsilon {fine} at delta {delta:e} (PLD){coarser}: what all {steps} steps together can reveal about one person\n\
             epsilon {} at delta {delta:e} (RDP): what a ledger counts, which adds losses at Rényi orders\n\
             Neighbours differ by one person added or removed. Each person is in a batch with\n\
             probability {sample_rate}, independently of all others (Poisson sampling); shuffled and\n\
             fixed-size batches are not covered. Both figures are rounded up.",
            rounded_up(epsilon_rdp),
        ))
    }
}

impl Noise {
    fn run(&self) -> Result<(), Failure> {
        let Self { epsilon, delta, sensitivity, .. } = *self;
        let sigma = gaussian::sigma(epsilon, delta, sensitivity).map_err(Failure::unclear)?;
        document::fields(&json!({"sigma_analytic": sigma}))?;
        say::result(format_args!(
            "sigma {}: the least Gaussian noise that gives epsilon {epsilon} at delta {delta:e}\n\
             For one release, all figures of it together, that one person can move by at most\n\
             {sensitivity} in L2. Rounded up.",
            rounded_up(sigma),
        ))
    }
}

impl Compose {
    fn run(&self) -> Result<(), Failure> {
        match self.laplace_epsilon {
            Some(epsilon) => self.laplace(epsilon, self.count.unwrap_or(0)),
            None => self.concentrated(),
        }
    }

    fn concentrated(&self) -> Result<(), Failure> {
        if let Some(rho) = self.rho.iter().find(|rho| rho.is_nan() || **rho <= 0.0) {
            return Err(Failure::unclear(format!("found rho {rho:?}, expected a number above 0")));
        }
        let rho = added_up(&self.rho);
        let epsilon = zcdp::epsilon(rho, self.delta).map_err(Failure::unclear)?;
        document::fields(&json!({"epsilon": epsilon}))?;
        say::result(format_args!(
            "epsilon {} at delta {:e}: {} releases that together lose rho {} (zCDP)\n\
             By the tight conversion for any zCDP mechanism; if all noise is Gaussian, the exact\n\
             figure is a little lower. Rounded up.",
            rounded_up(epsilon),
            self.delta,
            self.rho.len(),
            shown(rho),
        ))
    }

    fn laplace(&self, epsilon: f64, count: u64) -> Result<(), Failure> {
        if epsilon.is_nan() || epsilon <= 0.0 {
            let found = format!("found epsilon {epsilon:?}, expected a number above 0");
            return Err(Failure::unclear(found));
        }
        let release = Mechanism::laplace(1.0 / epsilon).map_err(|_| {
            Failure::unclear(format!("found epsilon {epsilon:?}, expected between 1e-6 and 100"))
        })?;
        let epsilon_pld =
            pld::epsilon(&[(release, count)], self.delta).map_err(Failure::unclear)?;
        document::fields(&json!({"epsilon_pld": epsilon_pld}))?;
        say::result(format_args!(
            "epsilon {} at delta {:e} (PLD): {count} releases with Laplace noise of epsilon {epsilon} each\n\
             For real-valued noise; the discrete Laplace loses a little more where one person moves a\n\
             figure by few units. Rounded up.",
            rounded_up(epsilon_pld),
            self.delta,
        ))
    }
}

impl Sample {
    fn run(&self) -> Result<(), Failure> {
        let most = if document::is_wanted() { MOST_IN_JSON } else { MOST_DRAWS };
        if !(1..=most).contains(&self.count) {
            let found = self.count;
            return Err(Failure::unclear(format!("found count {found}, expected 1 to {most}")));
        }
        let distribution = match self.mechanism {
            Shape::DiscreteGaussian => Distribution::DiscreteGaussian,
            Shape::DiscreteLaplace => Distribution::DiscreteLaplace,
        };
        let Decimal { numerator, denominator } = self.scale;
        let draws = draws(distribution, numerator, denominator).map_err(Failure::unclear)?;
        let drawn = (0..self.count).zip(draws).map(|(_, draw)| draw);
        if document::is_wanted() {
            return document::fields(&json!({"draws": drawn.collect::<Vec<_>>()}));
        }
        let mut out = BufWriter::new(io::stdout().lock());
        for draw in drawn {
            writeln!(out, "{draw}")?;
        }
        out.flush()?;
        Ok(())
    }
}

/// The sum of the terms, rounded up: each addition rounds by half a last place at most.
fn added_up(terms: &[f64]) -> f64 {
    terms.iter().fold(0.0, |sum: f64, term| (sum + term) * (1.0 + f64::EPSILON))
}

/// A number with nine digits, for people.
fn shown(number: f64) -> String {
    format!("{number:.8e}")
        .parse()
        .map_or_else(|_| number.to_string(), |digits: f64| format!("{digits:?}"))
}

/// A number with six decimals, rounded up, for people.
fn rounded_up(number: f64) -> String {
    format!("{:.6}", (number * 1e6).ceil() / 1e6)
}

const MOST_DRAWS: u64 = 100_000_000;
/// A document is one line, and is held in memory.
const MOST_IN_JSON: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// 2⁻⁵³ added to 1 is 1 in floating point, twenty thousand times.
    #[test]
    fn a_sum_of_tiny_losses_is_not_lost_beside_a_large_one() {
        let tiny = f64::EPSILON / 2.0;
        let mut terms = vec![1.0];
        terms.extend([tiny; 20_000]);
        assert!(terms.iter().sum::<f64>() <= 1.0);
        let sum = added_up(&terms);
        assert!(sum >= 1.0 + 20_000.0 * tiny && sum <= 1.0 + 1e-11, "{sum}");
        assert_eq!(shown(added_up(&[0.1, 0.2])), "0.3");
        assert_eq!(shown(1.5e-9), "1.5e-9");
    }

    #[test]
    fn figures_for_people_are_never_too_small() {
        assert_eq!(rounded_up(0.123_456_01), "0.123457");
        assert_eq!(rounded_up(2.0), "2.000000");
    }
}
