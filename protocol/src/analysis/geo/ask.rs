//! Reads a question about a geo experiment from a job's TOML.

use super::{
    question::{Cell, Geo, Method, Pair},
    raw::{RawAmount, RawCell, RawCost, RawDays, RawGeo, RawPair, RawPrivacy},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, filters,
        lift::Cost,
        outcomes::{Amount, Days, date},
        rules::column_role,
        toml::{TemplateError, check_names, clamp, day, millionths, split, stranger, value},
    },
    contract::{Contract, Role},
    limits,
    loss::{Delta, Epsilon},
    proof::Split,
    text,
    units::Scale,
};

/// The question.
pub(super) fn question(raw: &RawGeo, scope: &Scope<'_>) -> Result<Geo, TemplateError> {
    let listed = &Listed::of(scope.terms).ok_or(TemplateError::OneKind)?;
    let contract = scope.contract;
    let privacy = raw.privacy.as_ref().ok_or(TemplateError::Missing("geo.privacy"))?;
    let RawPrivacy { epsilon, delta, split: parts, min_cell } = privacy;
    let outcome = raw.outcome.as_ref().ok_or(TemplateError::Missing("[geo.outcome]"))?;
    let filter = |row| filters::filter("geo", row, listed.filters, contract);
    let cells = cells(&raw.cells, listed, contract)?;
    let asked = Geo {
        period_days: raw.period_days.unwrap_or(1),
        before: days("geo.before", raw.before.as_ref())?,
        test: days("geo.test", raw.test.as_ref())?,
        cooldown_days: raw.cooldown_days.unwrap_or(0),
        left_out: raw
            .left_out
            .iter()
            .map(|text| day("geo.left_out", text))
            .collect::<Result<_, _>>()?,
        others: others(raw.others.as_deref(), &cells, listed, contract)?,
        method: raw.method.unwrap_or(Method::SyntheticControl),
        rows: raw.rows.iter().map(filter).collect::<Result<_, _>>()?,
        outcome: outcome.read(listed, contract)?,
        cells_per_person: cells_per_person(raw.cells_per_person, listed)?,
        confidence: millionths("geo.confidence", raw.confidence.unwrap_or(0.9))?,
        epsilon: Epsilon::new(*epsilon)
            .map_err(|e| value("geo.privacy.epsilon", epsilon, e.to_string()))?,
        delta: Delta::new(*delta).map_err(|e| value("geo.privacy.delta", delta, e.to_string()))?,
        split: split("geo.privacy.split", parts.as_ref(), SPLIT)?,
        min_cell: min_cell.unwrap_or(0).max(contract.min_cell),
        cells,
    };
    check_days(&asked)?;
    check_pairs(&asked)?;
    Ok(asked)
}

fn days(field: &'static str, raw: Option<&RawDays>) -> Result<Days, TemplateError> {
    let raw = raw.ok_or(TemplateError::Missing(field))?;
    let first = day(&format!("{field}.first"), &raw.first)?;
    let last = day(&format!("{field}.last"), &raw.last)?;
    if first <= last {
        return Ok(Days { first, last });
    }
    Err(value(&format!("{field}.last"), &raw.last, "expected no day before the first"))
}

/// Checks that days are whole periods, that there are enough of them, and that the test comes after what is before it.
fn check_days(asked: &Geo) -> Result<(), TemplateError> {
    let Geo { period_days, before, test, cooldown_days, .. } = asked;
    if !(1..=Geo::LONGEST_PERIOD).contains(period_days) {
        let expected = format!(
            "expected 1 for days, 7 for weeks, or another number up to {}",
            Geo::LONGEST_PERIOD
        );
        return Err(value("geo.period_days", period_days, expected));
    }
    if test.first <= before.last {
        let expected = "expected a day after geo.before.last";
        return Err(value("geo.test.first", date(test.first), expected));
    }
    for (field, days) in [
        ("geo.before", i64::from(before.last) - i64::from(before.first) + 1),
        ("geo.test", i64::from(test.last) - i64::from(test.first) + 1),
        ("geo.cooldown_days", i64::from(*cooldown_days)),
    ] {
        if days % i64::from(*period_days) != 0 {
            let expected = format!("expected whole periods of {period_days} days");
            return Err(value(field, format!("{days} days"), expected));
        }
    }
    if asked.edges().len() > limits::VALUES {
        let found = format!("{} periods", asked.edges().len() - 1);
        let expected = format!("expected fewer than {}: take weeks, or fewer days", limits::VALUES);
        return Err(value("geo.period_days", found, expected));
    }
    let (periods, before) = asked.periods();
    if before < Geo::FEWEST_BEFORE {
        let expected =
            format!("expected {} or more, better four times those of the test", Geo::FEWEST_BEFORE);
        return Err(value("geo.before", format!("{before} periods that count"), expected));
    }
    if periods.len() == before {
        return Err(value("geo.test", "no period that counts", "expected one or more"));
    }
    Ok(())
}

fn cells(
    raw: &[RawCell],
    listed: &Listed<'_>,
    contract: &Contract,
) -> Result<Vec<Cell>, TemplateError> {
    if raw.is_empty() {
        return Err(TemplateError::Missing("[geo.cell]"));
    }
    if raw.len() > limits::GEO_CELLS {
        let expected = format!("expected at most {}", limits::GEO_CELLS);
        return Err(value("geo.cell", format!("{} cells", raw.len()), expected));
    }
    check_names("geo.cell.name", raw.iter().map(|cell| &cell.name))?;
    let mut seen: Vec<&String> = Vec::new();
    for cell in raw {
        let field = format!("geo.cell \"{}\": treated", cell.name);
        if cell.treated.is_empty() {
            return Err(value(&field, "empty", "expected at least one place"));
        }
        for place in &cell.treated {
            check_place(&field, place, listed, contract)?;
            if seen.contains(&place) {
                return Err(value(
                    &field,
                    text::quoted(place),
                    "expected each place once, in one cell",
                ));
            }
            seen.push(place);
        }
    }
    raw.iter().map(RawCell::read).collect()
}

impl RawCell {
    fn read(&self) -> Result<Cell, TemplateError> {
        let field = |key: &str| format!("geo.cell \"{}\": {key}", self.name);
        let pair = |pair: &RawPair| {
            let cost = amount(&field("pairs.cost"), pair.cost)?;
            Ok(Pair { treated: pair.treated.clone(), other: pair.other.clone(), cost })
        };
        Ok(Cell {
            name: self.name.clone(),
            treated: self.treated.clone(),
            cost: self.cost.as_ref().map(|cost| cost.read(&field("cost"))).transpose()?,
            pairs: self.pairs.iter().map(pair).collect::<Result<_, _>>()?,
        })
    }
}

impl RawCost {
    fn read(&self, field: &str) -> Result<Cost, TemplateError> {
        let millionths = u64::try_from(amount(field, self.total)?)
            .map_err(|_| value(field, self.total, "expected an amount of 0 or more"))?;
        let currency = &self.currency;
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let expected = "expected three capitals such as USD";
            return Err(value(&format!("{field}.currency"), text::quoted(currency), expected));
        }
        Ok(Cost { millionths, currency: currency.clone() })
    }
}

/// An amount of money in millionths.
fn amount(field: &str, amount: f64) -> Result<i64, TemplateError> {
    let units = Scale::new(6).and_then(|millionths| millionths.units_of(amount));
    let expected =
        "expected an amount with at most six decimals, no further from 0 than 9000000000";
    units.ok_or_else(|| value(field, amount, expected))
}

/// The places to compare with: those named, or all that have no campaign.
fn others(
    named: Option<&[String]>,
    cells: &[Cell],
    listed: &Listed<'_>,
    contract: &Contract,
) -> Result<Vec<String>, TemplateError> {
    let is_treated = |place: &String| cells.iter().any(|cell| cell.treated.contains(place));
    let Some(named) = named else {
        let all = domain(listed, contract).unwrap_or_default();
        let others: Vec<_> = all.iter().filter(|place| !is_treated(place)).cloned().collect();
        if others.is_empty() {
            let expected = "expected a place without a campaign to compare with";
            return Err(value("geo.cell", "every place of the contract's list", expected));
        }
        return Ok(others);
    };
    for (at, place) in named.iter().enumerate() {
        check_place("geo.others", place, listed, contract)?;
        if is_treated(place) || named.iter().take(at).any(|other| other == place) {
            let expected = "expected each place once, and none that is treated";
            return Err(value("geo.others", text::quoted(place), expected));
        }
    }
    if named.is_empty() {
        return Err(value(
            "geo.others",
            "empty",
            "expected at least one place, or none of this key",
        ));
    }
    Ok(named.to_vec())
}

/// Checks that pairs are of a treated place and another, each once.
fn check_pairs(asked: &Geo) -> Result<(), TemplateError> {
    for cell in &asked.cells {
        let field = format!("geo.cell \"{}\": pairs", cell.name);
        for (at, pair) in cell.pairs.iter().enumerate() {
            let before = cell.pairs.iter().take(at);
            let is_new =
                |before: &Pair| before.treated != pair.treated && before.other != pair.other;
            let is_known =
                cell.treated.contains(&pair.treated) && asked.others.contains(&pair.other);
            if !is_known || !before.clone().all(is_new) {
                let found =
                    format!("{} and {}", text::quoted(&pair.treated), text::quoted(&pair.other));
                let expected =
                    "expected a treated place of the cell and one of the others, each in one pair";
                return Err(value(&field, found, expected));
            }
        }
        if asked.method == Method::TrimmedMatch && cell.pairs.len() < Geo::FEWEST_PAIRS {
            let found = format!("{} pairs", cell.pairs.len());
            let expected =
                format!("trimmed match needs {} or more, each with its cost", Geo::FEWEST_PAIRS);
            return Err(value(&field, found, expected));
        }
    }
    Ok(())
}

fn check_place(
    field: &str,
    place: &String,
    listed: &Listed<'_>,
    contract: &Contract,
) -> Result<(), TemplateError> {
    let domain = domain(listed, contract).unwrap_or_default();
    let column = format!("{}.{}", listed.outcome, listed.geo);
    if domain.contains(place) { Ok(()) } else { Err(stranger(field, place, &column, domain)) }
}

fn domain<'c>(listed: &Listed<'_>, contract: &'c Contract) -> Option<&'c [String]> {
    match column_role(contract, listed.outcome, listed.geo)? {
        Role::Group(domain) => Some(domain),
        _ => None,
    }
}

impl RawAmount {
    fn read(&self, listed: &Listed<'_>, contract: &Contract) -> Result<Amount, TemplateError> {
        let Self { name, column, cap_per_user, floor_per_user } = self;
        check_names("geo.outcome.name", std::iter::once(name))?;
        let field = |key: &str| format!("geo.outcome: {key}");
        let (dataset, measures) = (listed.outcome, listed.measures);
        let scale = filters::scale_of(&field("column"), column, dataset, measures, contract)?;
        let clamp = clamp(&field, *cap_per_user, *floor_per_user, scale)?;
        Ok(Amount { name: name.clone(), column: column.clone(), clamp, scale })
    }
}

fn cells_per_person(asked: Option<u32>, listed: &Listed<'_>) -> Result<u32, TemplateError> {
    let (asked, most) = (asked.unwrap_or(1), listed.cells_per_person);
    if (1..=most).contains(&asked) {
        return Ok(asked);
    }
    let expected = format!("the contract allows 1 to {most}");
    Err(value("geo.cells_per_person", asked, expected))
}

/// Head counts only decide what is shown; there are no squares.
const SPLIT: Split = Split { n: 200, sum: 800, products: 0 };
