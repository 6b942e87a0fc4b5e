//! `glovebox job price`: what a question costs and how exact its answer will be, without a room.

mod parts;
mod payable;
mod steps;
mod sums;
mod words;

use crate::{
    document,
    failure::Failure,
    files::{self, Paper},
    profile, say,
};
use protocol::{
    analysis::{self, Leaves},
    contract::{Contract, Dataset, Terms},
    job::{Question, question_from_toml},
    loss::{Epsilon, Rho},
    page::{Text, danger, number::whole},
    policy,
    proof::{ErrorBars, Proven, Split, Wanted},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Price a question before there is a room: its cost, its noise, and from which audience on it is useful
///
/// Reads the job's TOML and the contract, nothing else. Nothing is spent and nobody is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Price {
    /// The job's TOML
    job: PathBuf,

    /// The contract, signed or not [default: that of the usual room in the party's folder]
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,

    /// The party's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Also say which epsilon makes the noise on a figure this small: its name and a standard deviation.
    /// NAME of an outcome or measure is its total, "mean NAME" its mean over --audience people, "people" the
    /// head count
    #[arg(long = "sd", value_name = "FIGURE=VALUE")]
    wanted: Vec<String>,

    /// Also say how exact a mean is in an arm or group of this many people
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    audience: Option<u32>,
}

impl Price {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let path = profile::contract(&self.dir, self.contract.as_deref())?;
        let contract = Paper::read_or_fill(&path)?.contract;
        let template = files::read_text(&self.job)?;
        let priced = Priced::of(contract, &template, self.audience, Some(&self.job))?;
        let wanted = self.wanted.iter().map(|text| priced.epsilon_for(text));
        let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
        document::fields(&priced.as_json(&wanted))?;
        let page = priced.words(&wanted).printed().map_err(Failure::unclear)?;
        say::result(page.trim())?;
        priced.unpayable().map_or(Ok(ExitCode::SUCCESS), |why| Err(Failure::no(why)))
    }
}

/// A question with its price and its errors.
pub(crate) struct Priced {
    contract: Contract,
    analysis: String,
    purpose: String,
    question: Question,
    measures: Vec<Measured>,
    proven: Proven,
    /// The errors of the figures. `None` for a private choice, which releases no figures.
    bars: Option<ErrorBars>,
    audience: Option<u32>,
}

/// A quantity that is added up.
struct Measured {
    name: String,
    /// Largest value of one person, in units of the figure.
    clamp: f64,
    /// One unit of the figure, in units of the column.
    unit: f64,
}

/// What it costs to make the noise on a figure as small as was asked.
pub(crate) struct NoiseGoal {
    /// Name of the figure, as the user gave it.
    name: String,
    /// The figure, in words.
    figure: String,
    sd: f64,
    rho: Rho,
    epsilon: Option<Epsilon>,
}

fn measures(question: &Question, proven: &Proven) -> Vec<Measured> {
    let named = question.measures().into_iter().zip(&proven.tally().measures);
    let measured = named.map(|((name, scale), measure)| Measured {
        name,
        clamp: real(measure.clamp.reach()),
        unit: 1.0 / scale.units_per_one(),
    });
    measured.collect()
}

impl Priced {
    /// Prices the job of `template`. The errors of means are those of `audience` people. A refusal names the `file` that it was read from.
    pub(crate) fn of(
        contract: Contract,
        template: &str,
        audience: Option<u32>,
        file: Option<&Path>,
    ) -> Result<Self, Failure> {
        let (analysis, question) = question_from_toml(template, &contract).map_err(|why| {
            file.map_or_else(|| Failure::no(why.clone()), |file| files::named(file, &why))
        })?;
        let proven = policy::price(&contract, &analysis, &question).map_err(Failure::no)?;
        let purpose = contract.analyses.get(&analysis).map(|terms| terms.purpose.clone());
        Ok(Self {
            bars: proven.error_bars(audience),
            audience,
            measures: measures(&question, &proven),
            purpose: purpose.unwrap_or_default(),
            analysis,
            question,
            contract,
            proven,
        })
    }

    /// The datasets that are charged, and what for.
    pub(crate) fn charges(&self) -> (Vec<&str>, &str) {
        (self.proven.tally().datasets().collect(), &self.purpose)
    }

    /// What each of them is charged.
    pub(crate) fn cost(&self) -> &protocol::loss::Loss {
        &self.proven.proof().cost
    }

    /// The epsilon that it asks for.
    pub(crate) fn epsilon(&self) -> Epsilon {
        self.question.price().epsilon
    }

    /// How far off each figure is at 95 %, by its name: of arms the less exact one.
    pub(crate) fn within(&self) -> Vec<(Text, f64)> {
        let off = self.people_off().map(|off| ("People off the best place".into(), off));
        let people = self.bars.iter().map(|bars| ("Head count".into(), bars.people.half_width));
        let sums = self.bars.iter().flat_map(|bars| self.measures.iter().zip(&bars.sums));
        let sums = sums.map(|(measured, sums)| {
            let name = Text::fixed("Total of ").quote(&measured.name);
            (name, sums::less_exact(sums).half_width * measured.unit)
        });
        off.into_iter().chain(people).chain(sums).collect()
    }

    /// How the price is divided between figures. `None` for a private choice, which releases no
    /// figures.
    fn split(&self) -> Option<(Split, u64)> {
        let analysis::Price { split, selection_delta, .. } = self.question.price();
        (self.question.leaves() == Leaves::Figures).then_some((split, selection_delta))
    }

    /// Reads `NAME=SD`, in units of the column, and finds the epsilon.
    fn epsilon_for(&self, text: &str) -> Result<NoiseGoal, Failure> {
        let names = || {
            let measures = self.measures.iter().map(|measure| measure.name.as_str());
            measures.chain([PEOPLE]).collect::<Vec<_>>().join(", ")
        };
        let unclear = || {
            Failure::unclear(format!(
                "--sd {text}: expected FIGURE=VALUE, the figure being one of {}, the value above 0",
                say::name(names())
            ))
        };
        let (name, value) = text.rsplit_once('=').ok_or_else(unclear)?;
        let sd: f64 = value.trim().parse().map_err(|_| unclear())?;
        if !(sd > 0.0 && sd.is_finite()) {
            return Err(unclear());
        }
        let find = |name: &str| self.measures.iter().enumerate().find(|(_, it)| it.name == name);
        let (wanted, unit, figure) = match (find(name), name.strip_prefix(MEAN)) {
            (Some((at, it)), _) => {
                (Wanted::Sum(at), it.unit, format!("total of \"{}\"", say::name(name)))
            }
            (None, Some(of)) => {
                let (at, it) = find(of.trim()).ok_or_else(unclear)?;
                let audience = self.audience.ok_or_else(|| {
                    Failure::unclear(format!(
                        "--sd {text}: a mean needs --audience N, the people that it is over"
                    ))
                })?;
                let people = whole(audience.into());
                let figure = format!("mean of \"{}\" over {people} people", say::name(of.trim()));
                (Wanted::Mean(at, audience), it.unit, figure)
            }
            (None, None) if name == PEOPLE => (Wanted::People, 1.0, "head count".to_owned()),
            _ => return Err(unclear()),
        };
        let (split, selection) = self.split().ok_or_else(|| {
            Failure::unclear(format!("--sd {text}: a choice shows no figure, so none has noise"))
        })?;
        let rho = self.proven.tally().rho_for_error(split, selection, wanted, sd / unit);
        let rho = rho.map_err(|why| {
            let hint = match wanted {
                Wanted::Sum(_) => format!(
                    " (this is the {figure}; for its mean, ask --sd \"{MEAN}{name}={}\" with --audience N)",
                    value.trim()
                ),
                _ => String::new(),
            };
            Failure::no(format!("--sd {text}: {why}{hint}"))
        })?;
        let epsilon = rho.asked_as(self.question.price().delta);
        Ok(NoiseGoal { name: name.to_owned(), figure, sd, rho, epsilon })
    }

    /// Datasets that are charged, and how many such jobs their budgets hold: in a period, and for life.
    fn charged(&self) -> impl Iterator<Item = (&str, &Dataset, u64, u64)> {
        let cost = &self.proven.proof().cost;
        self.proven.tally().datasets().filter_map(move |name| {
            let dataset = self.contract.datasets.get(name)?;
            let budget = dataset.budgets.get(&self.purpose);
            let times = |loss: Option<protocol::loss::Loss>| {
                loss.and_then(|loss| loss.times(cost)).unwrap_or(0)
            };
            let period = times(budget.map(protocol::contract::Budget::per_period));
            let life = times(budget.map(protocol::contract::Budget::lifetime));
            Some((name, dataset, period, life))
        })
    }

    /// Datasets of the analysis that this question does not read, and their owners.
    fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        let read: Vec<_> = self.proven.tally().datasets().collect();
        let listed = self.contract.analyses.get(&self.analysis).into_iter();
        listed.flat_map(Terms::datasets).filter_map(move |name| {
            let dataset = self.contract.datasets.get(name).filter(|_| !read.contains(&name))?;
            Some((name, dataset.owner.as_str()))
        })
    }

    /// The noisy head count from which an arm or a group is shown; `None` if figures of none are.
    fn shown_from(&self) -> Option<u64> {
        let of_arms = u64::from(self.proven.proof().threshold);
        let has_arms = self.proven.tally().compares_arms();
        let least = || if has_arms { of_arms } else { self.proven.shown_from() };
        self.split().is_some().then(least)
    }

    /// For a private choice: by how many people it may be off.
    fn people_off(&self) -> Option<f64> {
        self.proven.proof().choice().map(|choice| choice.people_off(self.proven.tally()))
    }

    fn as_json(&self, wanted: &[NoiseGoal]) -> serde_json::Value {
        let analysis::Price { epsilon, delta, .. } = self.question.price();
        let people = self.bars.as_ref().map(|bars| bars.people);
        let bars = self
            .bars
            .iter()
            .flat_map(|bars| bars.sums.iter().zip(&bars.means).zip(&bars.differences));
        let has_arms = self.proven.tally().compares_arms();
        let figures = self.measures.iter().zip(bars).map(|(measured, ((sums, mean), difference))| {
            let unit = measured.unit;
            let sum = sums::less_exact(sums);
            serde_json::json!({
                "name": measured.name, "sum_sd": sum.sd * unit, "sum_half_width": sum.half_width * unit,
                "sum_sd_of_arms": has_arms.then(|| sums.map(|sum| sum.sd * unit)),
                "mean_half_width": mean.map(|mean| mean.half_width * unit),
                "difference_half_width": difference.map(|difference| difference.half_width * unit),
                "smallest_audience": sums::smallest_audience(sums, measured.clamp),
            })
        });
        let charged = self.charged().map(|(name, dataset, period, life)| {
            serde_json::json!({
                "dataset": name, "owner": dataset.owner, "jobs_per_period": period, "jobs_for_life": life,
            })
        });
        let left_out = self.left_out();
        let left_out =
            left_out.map(|(name, owner)| serde_json::json!({ "dataset": name, "owner": owner }));
        let wanted = wanted.iter().map(|reached| {
            serde_json::json!({
                "figure": reached.name, "sd": reached.sd, "rho": reached.rho.value(),
                "epsilon": reached.epsilon.map(Epsilon::value),
            })
        });
        serde_json::json!({
            "analysis": self.analysis, "purpose": self.purpose, "people_off": self.people_off(),
            "epsilon": epsilon.value(), "delta": delta.value(),
            "rho": self.proven.proof().cost.rho().value(),
            "people_sd": people.map(|people| people.sd),
            "people_half_width": people.map(|people| people.half_width),
            "careful": danger::dangers(&self.contract, &self.analysis),
            "smallest_audience": people.map(|people| ceiling(people.half_width * 10.0)),
            "audience": self.audience, "shown_from": self.shown_from(),
            "figures": figures.collect::<Vec<_>>(), "charged": charged.collect::<Vec<_>>(),
            "not_read": left_out.collect::<Vec<_>>(), "wanted": wanted.collect::<Vec<_>>(),
        })
    }
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "shown to people")]
fn ceiling(number: f64) -> i64 {
    number.ceil() as i64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: u64) -> f64 {
    number as f64
}

/// How `--sd` names a mean: this, then the name of the outcome or measure.
const MEAN: &str = "mean ";
/// How `--sd` names the head count.
const PEOPLE: &str = "people";
