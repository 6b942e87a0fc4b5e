//! `glovebox job price`: what a question costs and how exact its answer will be, without a room.

mod steps;

use crate::{
    failure::Failure,
    files::{self, Paper},
    profile, say,
};
use ::page::terminal::wrap;
use protocol::{
    analysis::{self, Leaves},
    contract::{Contract, Dataset, Period},
    job::{Question, question_from_toml},
    loss::{Delta, Epsilon, Rho},
    page::{
        danger,
        number::{size, whole},
    },
    policy,
    proof::{ErrorBar, ErrorBars, Proven, Split, Wanted},
};
use std::{
    fmt::{self, Write},
    path::PathBuf,
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

    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Price {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let path = profile::contract(&self.dir, self.contract.as_deref())?;
        let contract = Paper::read_or_fill(&path)?.contract;
        let template = files::read_text(&self.job)?;
        let (analysis, question) = question_from_toml(&template, &contract).map_err(Failure::no)?;
        let proven = policy::price(&contract, &analysis, &question)
            .map_err(|refusal| Failure::no(refusal.to_string()))?;
        let purpose = contract.analyses.get(&analysis).map(|terms| terms.purpose.clone());
        let priced = Priced {
            bars: proven.error_bars(self.audience),
            audience: self.audience,
            measures: measures(&question, &proven),
            purpose: purpose.unwrap_or_default(),
            analysis,
            question,
            contract,
            proven,
        };
        let wanted = self.wanted.iter().map(|text| priced.epsilon_for(text));
        let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
        if self.json {
            say::json(&priced.as_json(&wanted))?;
        } else {
            let page = priced.page(&wanted).map_err(Failure::unclear)?;
            say::result(page.trim())?;
        }
        priced.unpayable().map_or(Ok(ExitCode::SUCCESS), |why| Err(Failure::no(why)))
    }
}

struct Priced {
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
struct NoiseGoal {
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

    /// Says why no budget of the contract ever pays for the job, if that is so.
    fn unpayable(&self) -> Option<String> {
        let (name, dataset, period, _) =
            self.charged().find(|(.., times, life)| 0 == *times.min(life))?;
        let budget = dataset.budgets.get(&self.purpose)?;
        let analysis::Price { epsilon, delta, selection_delta, .. } = self.question.price();
        let of = format!("of {} of {}", say::name(name), say::name(&dataset.owner));
        if selection_delta > budget.selection_delta {
            return Some(format!(
                "cannot be paid: beside epsilon it costs a delta of {}, for groups that the data name or for a cap on drawn \
                 steps, and the budget {of} has a selection_delta of {}",
                in_full(selection_delta),
                in_full(budget.selection_delta)
            ));
        }
        let (span, has) = match (period, budget.period) {
            (1.., _) => ("the whole life", budget.lifetime_epsilon),
            (0, Period::Day) => ("a day", budget.epsilon),
            (0, Period::Week) => ("a week", budget.epsilon),
            (0, Period::Month) => ("a month", budget.epsilon),
            (0, _) => ("the whole contract", budget.epsilon),
        };
        let at = if delta == budget.delta {
            String::new()
        } else {
            format!(" (asked at delta {delta}, the budget's delta is {})", budget.delta)
        };
        Some(format!("cannot be paid: epsilon {epsilon}, and {span} {of} has {has}{at}"))
    }

    /// Whether a joined dataset is read for its people's consent alone.
    fn names_nothing_of(&self, dataset: &str) -> bool {
        let tally = self.proven.tally();
        tally.joined().is_some_and(|joined| joined.dataset == dataset) && !tally.uses_joined()
    }

    /// For a table of groups with private values: the noisy head count from which a group is shown.
    fn shown_from(&self) -> Option<u64> {
        let is_table = self.split().is_some() && !self.proven.tally().compares_arms();
        is_table.then(|| self.proven.shown_from())
    }

    /// For a private choice: by how many people it may be off.
    fn people_off(&self) -> Option<f64> {
        self.proven.proof().choice().map(|choice| choice.people_off(self.proven.tally()))
    }

    fn page(&self, wanted: &[NoiseGoal]) -> Result<String, fmt::Error> {
        let mut page = String::new();
        let analysis::Price { epsilon, delta, .. } = self.question.price();
        let rho = self.proven.proof().cost.rho().value();
        let analysis = say::name(&self.analysis);
        let text = format!("\"{analysis}\": epsilon {epsilon} at delta {delta} (rho {rho:.6})");
        wrap(&mut page, "", &text)?;
        self.write_charges(&mut page)?;
        if let Some(off) = self.people_off() {
            let text = format!(
                "One group or edge is released, and no figure: with 95 % probability it is at most {} people off the best one.",
                whole(ceiling(off))
            );
            writeln!(page)?;
            wrap(&mut page, "", &text)?;
            return Ok(page);
        }
        if let Some(text) = steps::words(&self.proven, delta) {
            writeln!(page)?;
            wrap(&mut page, "", &text)?;
        }
        if let Some(bars) = &self.bars {
            self.write_people(&mut page, &bars.people)?;
            self.write_sums(&mut page, bars)?;
        }
        write_wanted(&mut page, wanted, delta)?;
        Ok(page)
    }

    /// Writes what each dataset is charged, and what deserves care.
    fn write_charges(&self, page: &mut String) -> fmt::Result {
        for (name, dataset, period, life) in self.charged() {
            let text = format!(
                "charges {} of {}: its whole budget holds {period} such jobs in a period, {life} for life",
                say::name(name),
                say::name(&dataset.owner),
            );
            wrap(page, "  ", &text)?;
            if self.names_nothing_of(name) {
                let text = "The question names no column of it. The analysis joins it, so that its people's \
                            consent counts; an analysis without it would not charge it.";
                wrap(page, "    ", text)?;
            }
        }
        if self.proven.tally().measures.iter().any(|measure| measure.clamp.is_signed()) {
            let text = "Totals can be negative: of somebody who is known to be in the data it may cost up to 4 rho to \
                        learn which of two histories is theirs, instead of 2.";
            wrap(page, "  ", text)?;
        }
        for danger in danger::dangers(&self.contract, &self.analysis) {
            wrap(page, "", &danger)?;
        }
        Ok(())
    }

    /// Writes the noise on head counts.
    fn write_people(&self, page: &mut String, people: &ErrorBar) -> fmt::Result {
        writeln!(page, "\nNoise in each arm or group (s.d., and \u{b1} at 95 %):")?;
        let within = size(people.half_width);
        writeln!(page, "  head count: s.d. {}, within {within}", size(people.sd))?;
        let least = whole(ceiling(people.half_width * 10.0));
        let text = format!("less than a tenth of the count from {least} people on");
        wrap(page, "    ", &text)?;
        if let Some(audience) = self.audience {
            let share = 100.0 * people.half_width / f64::from(audience);
            let people = whole(audience.into());
            wrap(page, "    ", &format!("of {people} people: within {} %", size(share)))?;
        }
        if let Some(shown) = self.shown_from() {
            let text = format!(
                "a group can be seen from about {} people on, noise included",
                whole(i64::try_from(shown).unwrap_or(i64::MAX))
            );
            wrap(page, "    ", &text)?;
        }
        Ok(())
    }

    /// Writes the noise on totals and means.
    fn write_sums(&self, page: &mut String, bars: &ErrorBars) -> fmt::Result {
        for ((measured, sum), mean) in self.measures.iter().zip(&bars.sums).zip(&bars.means) {
            let (name, unit) = (say::name(&measured.name), measured.unit);
            let (sd, within) = (size(sum.sd * unit), size(sum.half_width * unit));
            wrap(page, "  ", &format!("total of \"{name}\": s.d. {sd}, within {within}"))?;
            let least = whole(ceiling(sum.half_width * 100.0 / measured.clamp));
            let text =
                format!("less than a hundredth of the cap, on the mean, from {least} people on");
            wrap(page, "    ", &text)?;
            if let Some(audience) = self.audience {
                let people = whole(audience.into());
                let text = match mean {
                    Some(mean) => {
                        let most = size(mean.half_width * unit);
                        format!("mean of {people} people: within {most} at most")
                    }
                    None => format!("{people} people are too few for a mean at this noise"),
                };
                wrap(page, "    ", &text)?;
            }
        }
        Ok(())
    }

    fn as_json(&self, wanted: &[NoiseGoal]) -> serde_json::Value {
        let analysis::Price { epsilon, delta, .. } = self.question.price();
        let people = self.bars.as_ref().map(|bars| bars.people);
        let bars = self.bars.iter().flat_map(|bars| bars.sums.iter().zip(&bars.means));
        let figures = self.measures.iter().zip(bars).map(|(measured, (sum, mean))| {
            let unit = measured.unit;
            serde_json::json!({
                "name": measured.name, "sum_sd": sum.sd * unit, "sum_half_width": sum.half_width * unit,
                "mean_half_width": mean.map(|mean| mean.half_width * unit),
                "smallest_audience": ceiling(sum.half_width * 100.0 / measured.clamp),
            })
        });
        let charged = self.charged().map(|(name, dataset, period, life)| {
            serde_json::json!({
                "dataset": name, "owner": dataset.owner, "jobs_per_period": period, "jobs_for_life": life,
                "names_a_column": !self.names_nothing_of(name),
            })
        });
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
            "wanted": wanted.collect::<Vec<_>>(),
        })
    }
}

/// A δ in units of 10⁻¹⁵.
fn in_full(delta: u64) -> String {
    Delta::try_from(delta).map_or_else(|_| "0".to_owned(), |delta| delta.to_string())
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "shown to people")]
fn ceiling(number: f64) -> i64 {
    number.ceil() as i64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: u64) -> f64 {
    number as f64
}

/// Writes what it costs to make noise as small as was asked.
fn write_wanted(page: &mut String, wanted: &[NoiseGoal], delta: Delta) -> fmt::Result {
    if !wanted.is_empty() {
        writeln!(page)?;
    }
    for reached in wanted {
        let figure = &reached.figure;
        let takes = match reached.epsilon {
            Some(epsilon) => format!("epsilon {epsilon} at delta {delta}"),
            None => "more than epsilon 100, which no job may ask for".to_owned(),
        };
        let (sd, rho) = (size(reached.sd), reached.rho.value());
        wrap(page, "", &format!("s.d. {sd} on the {figure} takes {takes} (rho {rho:.6})"))?;
    }
    Ok(())
}

/// How `--sd` names a mean: this, then the name of the outcome or measure.
const MEAN: &str = "mean ";
/// How `--sd` names the head count.
const PEOPLE: &str = "people";
