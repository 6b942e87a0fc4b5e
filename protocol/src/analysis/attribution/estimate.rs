//! From released figures to what was credited.

use super::{
    answer::{Asked, AttributionAnswer, Place},
    question::{Attribution, Credited},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope,
        table::{CountRange, Estimate, row_words},
    },
    contract::{ColumnRef, Role},
    released::{self, Figure, GroupFigures, View},
    tally::Credit,
};
use statistics::{shown::Passing, special::normal_upper_quantile};

/// The answer to a question about attribution, and its flags.
///
/// # Privacy
///
/// Costs nothing: a function of released figures, contract and job.
pub(super) fn answer(
    view: &View<'_>,
    asked: &Attribution,
    scope: &Scope<'_>,
) -> Option<(AttributionAnswer, Vec<String>)> {
    let listed = Listed::of(scope.terms)?;
    let tally = view.proven().tally();
    let credit = tally.credit()?;
    let confidence = asked.confidence.value();
    let reader = Reader { view, asked, alpha: 1.0 - confidence };
    let named = ColumnRef::new(listed.exposures, listed.channel);
    let domain = match scope.contract.column(&named).map(|column| &column.role) {
        Some(Role::Group(domain)) => domain.as_slice(),
        _ => &[],
    };
    let names = domain.iter().map(String::as_str).chain([NO_VALUE]);
    let shown = |(at, name)| reader.at(at).map(|cell| reader.place(&cell, name));
    let channels: Vec<_> = (0..).zip(names).filter_map(shown).collect();
    let unexposed = reader.at(credit.unexposed()).map(|cell| reader.place(&cell, ""));
    let without_outcome = reader.at(credit.nothing()).map(|cell| reader.people(cell.people));
    let places = usize::try_from(credit.values).unwrap_or(usize::MAX).saturating_add(1);
    let consent_from: Vec<_> = tally
        .datasets()
        .filter(|name| scope.contract.asks_consent(name))
        .map(str::to_owned)
        .collect();
    let no_consent = view.no_consent().filter(|_| !consent_from.is_empty());
    let flags = [
        ("all_withheld", channels.is_empty() && unexposed.is_none()),
        // The values, none, and no exposure.
        ("values_left_out", u64::from(tally.cells_per_person) + 1 < credit.places()),
    ];
    let flags = flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned());
    let answer = AttributionAnswer {
        counted: counted(asked, credit, &listed, scope),
        channel: listed.channel.to_owned(),
        model: asked.model,
        window_days: asked.window_days,
        confidence,
        outcomes: asked.outcomes.iter().map(outcome).collect(),
        withheld: u64::try_from(places.saturating_sub(channels.len())).unwrap_or(u64::MAX),
        channels,
        unexposed,
        without_outcome,
        places_per_person: tally.cells_per_person,
        shown_from: view.thresholds().groups,
        no_consent: no_consent.map(|people| reader.refusers(people)),
        consent_from,
    };
    Some((answer, flags.collect()))
}

/// Reads figures from places.
struct Reader<'a> {
    view: &'a View<'a>,
    asked: &'a Attribution,
    /// One minus the confidence.
    alpha: f64,
}

impl Reader<'_> {
    /// The figures of a place, if it is shown.
    fn at(&self, place: u32) -> Option<GroupFigures> {
        let is_it = |cell: &GroupFigures| cell.name.first() == Some(&released::Place::Index(place));
        self.view.cells().find(is_it)
    }

    fn place(&self, cell: &GroupFigures, name: &str) -> Place {
        let credited = self.asked.outcomes.iter().zip(&cell.sums);
        Place {
            name: name.to_owned(),
            people: self.people(cell.people),
            credited: credited.map(|(outcome, sum)| self.total(*sum, outcome)).collect(),
        }
    }

    fn people(&self, people: Figure) -> CountRange {
        self.count(people, self.view.thresholds().groups)
    }

    fn refusers(&self, people: Figure) -> CountRange {
        self.count(people, self.view.thresholds().no_consent)
    }

    fn count(&self, people: Figure, shown_from: i64) -> CountRange {
        let passing = Passing::one_draw(people.noise_variance, shown_from);
        let ci = passing.interval(people.value, self.alpha);
        CountRange { n: people.value, noise_sd: people.noise_variance.sqrt(), ci }
    }

    /// Noise is in whole units. If it is narrow, a normal interval holds too seldom unless its ends are whole. Nothing
    /// below 0 is credited.
    fn total(&self, figure: Figure, outcome: &Credited) -> Estimate {
        let (value, noise_sd) = (real(figure.value), figure.noise_variance.sqrt());
        let unit = outcome.released_scale(self.asked.model).units_per_one();
        let reach = (normal_upper_quantile(self.alpha / 2.0) * noise_sd).ceil();
        // One that lies wholly below 0 is moved up at its own width.
        let high = if value + reach < 0.0 { 2.0 * reach } else { value + reach };
        let ci = [(value - reach).max(0.0), high].map(|end| end / unit);
        Estimate { value: value / unit, noise_sd: noise_sd / unit, ci }
    }
}

fn outcome(outcome: &Credited) -> Asked {
    Asked {
        name: outcome.name.clone(),
        column: outcome.column.clone(),
        cap: real(outcome.clamp.most()) / outcome.scale.units_per_one(),
    }
}

/// Says who is counted, and with which rows.
fn counted(asked: &Attribution, credit: &Credit, listed: &Listed<'_>, scope: &Scope<'_>) -> String {
    let rows: Vec<_> = asked.rows.iter().map(|row| row_words(row, scope.contract)).collect();
    let rows =
        if rows.is_empty() { String::new() } else { format!(", where {}", rows.join(" and ")) };
    format!(
        "people of {} and their rows of {}, each credited to rows of {} whose {} is 0 to {} days before its {}{rows}",
        listed.exposures,
        listed.outcome,
        listed.exposures,
        credit.day,
        credit.window,
        credit.outcome
    )
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: i64) -> f64 {
    number as f64
}

const NO_VALUE: &str = "(none)";
