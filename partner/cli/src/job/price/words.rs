//! The price of a question in words.

use super::{NoiseGoal, Priced, ceiling, parts, steps, sums};
use crate::{outline::Outline, say};
use protocol::{
    analysis,
    loss::Delta,
    page::{
        Text, danger,
        number::{size, whole},
    },
    proof::{ErrorBar, ErrorBars},
};

impl Priced {
    /// The price in words, and how exact the answer will be.
    pub(crate) fn words(&self, wanted: &[NoiseGoal]) -> Outline {
        let mut page = Outline::default();
        let analysis::Price { epsilon, delta, .. } = self.question.price();
        let rho = self.proven.proof().cost.rho().value();
        let analysis = say::name(&self.analysis);
        let text = format!("\"{analysis}\": epsilon {epsilon} at delta {delta} (rho {rho:.6})");
        page.sentence(0, Text::fixed(text));
        self.write_charges(&mut page);
        if let Some(off) = self.people_off() {
            let text = format!(
                "One group or edge is released, and no figure: with 95 % probability it is at most {} people off the best one.",
                whole(ceiling(off))
            );
            page.gap();
            page.sentence(0, Text::fixed(text));
            return page;
        }
        if let Some(text) = steps::words(&self.proven, delta) {
            page.gap();
            page.sentence(0, Text::fixed(text));
        }
        if let Some(bars) = &self.bars {
            self.write_people(&mut page, &bars.people);
            self.write_sums(&mut page, bars);
        }
        write_wanted(&mut page, wanted, delta);
        page
    }

    /// Writes what each dataset is charged, and what deserves care.
    fn write_charges(&self, page: &mut Outline) {
        for (name, dataset, period, life) in self.charged() {
            let mut text = format!(
                "charges {} of {}: its whole budget holds {period} such jobs in a period, {life} for life",
                say::name(name),
                say::name(&dataset.owner),
            );
            let budget = dataset.budgets.get(&self.purpose);
            text += &steps::what_ends_first(budget, &self.proven.proof().cost, life);
            page.sentence(1, Text::fixed(text));
        }
        for (name, owner) in self.left_out() {
            let text = format!(
                "charges nothing to {} of {}, of which it reads nothing: neither who is in it nor who refused there",
                say::name(name),
                say::name(owner),
            );
            page.sentence(1, Text::fixed(text));
        }
        if self.proven.tally().measures.iter().any(|measure| measure.clamp.is_signed()) {
            let text = "Totals can be negative: of somebody who is known to be in the data it may cost up to 4 rho to \
                        learn which of two histories is theirs, instead of 2.";
            page.sentence(1, text.into());
        }
        for danger in danger::dangers(&self.contract, &self.analysis) {
            page.sentence(0, Text::fixed(danger));
        }
    }

    /// Writes the noise on head counts.
    fn write_people(&self, page: &mut Outline, people: &ErrorBar) {
        page.gap();
        page.sentence(0, "Noise in each arm or group (s.d., and \u{b1} at 95 %):".into());
        let within = size(people.half_width);
        let text = format!("head count: s.d. {}, within {within}", size(people.sd));
        page.sentence(1, Text::fixed(text));
        let least = whole(ceiling(people.half_width * 10.0));
        let text = format!("less than a tenth of the count from {least} people on");
        page.sentence(2, Text::fixed(text));
        if let Some(audience) = self.audience {
            let share = 100.0 * people.half_width / f64::from(audience);
            let people = whole(audience.into());
            page.sentence(2, Text::fixed(format!("of {people} people: within {} %", size(share))));
        }
        if let Some(text) = parts::words(&self.proven) {
            page.sentence(2, Text::fixed(text));
        } else if let Some(shown) = self.shown_from() {
            let noun = if self.proven.tally().compares_arms() { "an arm" } else { "a group" };
            let text = format!(
                "{noun} can be seen from about {} people on, noise included",
                whole(i64::try_from(shown).unwrap_or(i64::MAX))
            );
            page.sentence(2, Text::fixed(text));
        }
    }

    /// Writes the noise on totals and means.
    fn write_sums(&self, page: &mut Outline, bars: &ErrorBars) {
        let means = bars.means.iter().zip(&bars.differences);
        for ((measured, sums), (mean, difference)) in
            self.measures.iter().zip(&bars.sums).zip(means)
        {
            let (name, unit) = (say::name(&measured.name), measured.unit);
            let text = format!("total of \"{name}\": {}", sums::words(sums, unit));
            page.sentence(1, Text::fixed(text));
            let least = whole(sums::smallest_audience(sums, measured.clamp));
            let text =
                format!("less than a hundredth of the cap, on the mean, from {least} people on");
            page.sentence(2, Text::fixed(text));
            if let Some(audience) = self.audience {
                let people = whole(audience.into());
                let text = match mean {
                    Some(mean) => {
                        let most = size(mean.half_width * unit);
                        format!("mean of {people} people: within {most} at most")
                    }
                    None => format!("{people} people are too few for a mean at this noise"),
                };
                page.sentence(2, Text::fixed(text));
                if let Some(difference) = difference {
                    let within = size(difference.half_width * unit);
                    let text = format!(
                        "change between arms, the smaller one of {people} people: noise within {within}"
                    );
                    page.sentence(2, Text::fixed(text));
                }
            }
        }
    }
}

/// Writes what it costs to make noise as small as was asked.
fn write_wanted(page: &mut Outline, wanted: &[NoiseGoal], delta: Delta) {
    if !wanted.is_empty() {
        page.gap();
    }
    for reached in wanted {
        let figure = &reached.figure;
        let takes = match reached.epsilon {
            Some(epsilon) => format!("epsilon {epsilon} at delta {delta}"),
            None => "more than epsilon 100, which no job may ask for".to_owned(),
        };
        let (sd, rho) = (size(reached.sd), reached.rho.value());
        page.sentence(
            0,
            Text::fixed(format!("s.d. {sd} on the {figure} takes {takes} (rho {rho:.6})")),
        );
    }
}
