//! Calculators for privacy loss, and the noise itself to look at.

use crate::{failure::Failure, say};
use protocol::accounting::{Mechanism, gaussian, pld, rdp, zcdp};
use rehearsal::{Distribution, draws};
use serde::Serialize;
use std::{
    io::{BufWriter, Write},
    process::ExitCode,
    str::FromStr,
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
    #[arg(long, value_name = "T")]
    steps: u64,

    /// Delta, far below one over the number of people
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    delta: f64,

    /// Print JSON
    #[arg(long)]
    json: bool,
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

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The epsilon of several releases together
///
/// Either of releases whose zCDP losses are given, or of equal releases with Laplace noise.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("loss").required(true).args(["rho", "laplace_epsilon"]))]
pub(crate) struct Compose {
    /// Rho of each release, with commas between
    #[arg(long, value_name = "R1,R2..", value_delimiter = ',', allow_negative_numbers = true)]
    rho: Vec<f64>,

    /// Epsilon of one release with Laplace noise
    #[arg(long, value_name = "E", requires = "count", allow_negative_numbers = true)]
    laplace_epsilon: Option<f64>,

    /// How many such releases there are
    #[arg(long, value_name = "N", requires = "laplace_epsilon", conflicts_with = "rho")]
    count: Option<u64>,

    /// Delta, far below one over the number of people
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    delta: f64,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Draw noise as the enclave does: in whole numbers, without floating point
#[derive(Debug, clap::Args)]
pub(crate) struct Sample {
    /// Distribution
    #[arg(long, value_enum)]
    mechanism: Shape,

    /// Sigma of the Gaussian, t of the Laplace; a decimal number, taken exactly
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    scale: Decimal,

    /// How many draws
    #[arg(long, value_name = "N")]
    count: u64,

    /// Print JSON
    #[arg(long)]
    json: bool,
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
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Epsilon {
    fn run(&self) -> Result<(), Failure> {
        let Self { noise_multiplier, sample_rate, steps, delta, .. } = *self;
        let step = Mechanism::subsampled_gaussian(noise_multiplier, sample_rate)
            .map_err(Failure::unclear)?;
        let epsilon_rdp = rdp::epsilon(&[(step, steps)], delta).map_err(Failure::unclear)?;
        let epsilon_pld = pld::epsilon(&[(step, steps)], delta).map_err(Failure::unclear)?;
        if self.json {
            #[derive(Serialize)]
            struct Answer {
                epsilon_pld: f64,
                epsilon_rdp: f64,
            }
            return say::json(&Answer { epsilon_pld, epsilon_rdp });
        }
        say::result(format_args!(
            "epsilon {} at delta {delta:e} (PLD): what all {steps} steps together can reveal about one person\n\
             epsilon {} at delta {delta:e} (RDP): what a ledger counts, which adds losses at Rényi orders\n\
             Neighbours differ by one person added or removed. Each person is in a batch with\n\
             probability {sample_rate}, independently of all others (Poisson sampling); shuffled and\n\
             fixed-size batches are not covered. Both figures are rounded up.",
            rounded_up(epsilon_pld),
            rounded_up(epsilon_rdp),
        ))
    }
}

impl Noise {
    fn run(&self) -> Result<(), Failure> {
        let Self { epsilon, delta, sensitivity, .. } = *self;
        let sigma = gaussian::sigma(epsilon, delta, sensitivity).map_err(Failure::unclear)?;
        if self.json {
            #[derive(Serialize)]
            struct Answer {
                sigma_analytic: f64,
            }
            return say::json(&Answer { sigma_analytic: sigma });
        }
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
            return Err(Failure::unclear(format!("found rho {rho}, expected a number above 0")));
        }
        // Added exactly enough: each sum rounds by less than the conversion's margin.
        let rho: f64 = self.rho.iter().sum();
        let epsilon = zcdp::epsilon(rho, self.delta).map_err(Failure::unclear)?;
        if self.json {
            #[derive(Serialize)]
            struct Answer {
                epsilon: f64,
            }
            return say::json(&Answer { epsilon });
        }
        say::result(format_args!(
            "epsilon {} at delta {:e}: {} releases that together lose rho {rho} (zCDP)\n\
             By the tight conversion for any zCDP mechanism; if all noise is Gaussian, the exact\n\
             figure is a little lower. Rounded up.",
            rounded_up(epsilon),
            self.delta,
            self.rho.len(),
        ))
    }

    fn laplace(&self, epsilon: f64, count: u64) -> Result<(), Failure> {
        if epsilon.is_nan() || epsilon <= 0.0 {
            let found = format!("found epsilon {epsilon}, expected a number above 0");
            return Err(Failure::unclear(found));
        }
        let release = Mechanism::laplace(1.0 / epsilon).map_err(|_| {
            Failure::unclear(format!("found epsilon {epsilon}, expected between 1e-6 and 100"))
        })?;
        let epsilon_pld =
            pld::epsilon(&[(release, count)], self.delta).map_err(Failure::unclear)?;
        if self.json {
            #[derive(Serialize)]
            struct Answer {
                epsilon_pld: f64,
            }
            return say::json(&Answer { epsilon_pld });
        }
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
        if !(1..=MOST_DRAWS).contains(&self.count) {
            let found = self.count;
            return Err(Failure::unclear(format!(
                "found count {found}, expected 1 to {MOST_DRAWS}"
            )));
        }
        let distribution = match self.mechanism {
            Shape::DiscreteGaussian => Distribution::DiscreteGaussian,
            Shape::DiscreteLaplace => Distribution::DiscreteLaplace,
        };
        let Decimal { numerator, denominator } = self.scale;
        let draws = draws(distribution, numerator, denominator).map_err(Failure::unclear)?;
        let mut out = BufWriter::new(std::io::stdout().lock());
        let (open, between, close) =
            if self.json { ("{\"draws\":[", ",", "]}") } else { ("", "\n", "") };
        write!(out, "{open}")?;
        let mut before = "";
        for draw in (0..self.count).zip(draws).map(|(_, draw)| draw) {
            write!(out, "{before}{draw}")?;
            before = between;
        }
        writeln!(out, "{close}")?;
        out.flush()?;
        Ok(())
    }
}

/// A positive decimal number as a fraction in lowest terms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Decimal {
    numerator: u64,
    denominator: u64,
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{decimals}");
        if whole.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidDecimal);
        }
        let numerator: u128 = digits.parse().map_err(|_| InvalidDecimal)?;
        let places = u32::try_from(decimals.len()).map_err(|_| InvalidDecimal)?;
        let denominator = 10_u128.checked_pow(places).ok_or(InvalidDecimal)?;
        let common = common_divisor(numerator, denominator);
        let part = |of: u128| u64::try_from(of / common).map_err(|_| InvalidDecimal);
        let decimal = Self { numerator: part(numerator)?, denominator: part(denominator)? };
        if decimal.numerator > 0 { Ok(decimal) } else { Err(InvalidDecimal) }
    }
}

/// Text that is no such number.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a decimal number above 0 such as 1.5, with at most 19 digits and no exponent")]
struct InvalidDecimal;

/// Of two numbers of which the second is not zero.
fn common_divisor(mut a: u128, mut b: u128) -> u128 {
    while a > 0 {
        (a, b) = (b % a, a);
    }
    b
}

/// For people: six decimals, never less than it is.
fn rounded_up(number: f64) -> String {
    format!("{:.6}", (number * 1e6).ceil() / 1e6)
}

const MOST_DRAWS: u64 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_taken_exactly() {
        let fraction = |numerator, denominator| Ok(Decimal { numerator, denominator });
        assert_eq!("1.5".parse(), fraction(3, 2));
        assert_eq!("1000".parse(), fraction(1_000, 1));
        assert_eq!("0.1".parse(), fraction(1, 10));
        let root = "0.31622776601683794".parse();
        assert_eq!(root, fraction(15_811_388_300_841_897, 50_000_000_000_000_000));
    }

    #[test]
    fn refuses_what_is_no_decimal() {
        for text in ["", ".5", "0", "0.0", "-1", "1e3", "nan", "inf", "1.2.3", "1 ", "１"] {
            assert_eq!(text.parse::<Decimal>(), Err(InvalidDecimal), "{text}");
        }
        assert!("0.12345678901234567891".parse::<Decimal>().is_err());
    }

    #[test]
    fn figures_for_people_are_never_too_small() {
        assert_eq!(rounded_up(0.123_456_01), "0.123457");
        assert_eq!(rounded_up(2.0), "2.000000");
    }
}
