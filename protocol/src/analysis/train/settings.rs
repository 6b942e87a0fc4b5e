//! How a model is trained: by the public rule, or as a job says.

use super::raw::RawSettings;
use crate::{
    analysis::toml::{TemplateError, thousandths, value, whole},
    learning::{self, QUANTA, dense},
    tally::{Dense, Program},
};

/// What a training is to be like, in the units of its program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    steps: u32,
    clip: u32,
    rate: u64,
    momentum: u32,
    ridge: u32,
    averaged: u32,
    /// Chance and seed of a dense model.
    drawn: Option<[u64; 2]>,
}

impl Settings {
    /// Those of the rule: from public figures alone.
    pub(super) fn by_rule(program: &Program, rho: f64) -> Self {
        let rate = |rate: f64| Program::rate_of(rate).unwrap_or(1);
        let momentum = |share: f64| thousandths(share, 999).unwrap_or(0);
        if program.dense.is_none() {
            let rule = learning::rule(program.trained_on(), program.features.len(), rho);
            let learning::Settings { steps, clip, averaged, .. } = rule;
            let (rate, momentum) = (rate(rule.rate), momentum(rule.momentum));
            return Self { steps, clip, rate, momentum, ridge: 0, averaged, drawn: None };
        }
        let numbers = program.features.iter().filter(|feature| feature.of.ends().is_some()).count();
        let binned = program.features.len() - numbers;
        let rule = dense::rule(binned, numbers, program.trained_on(), rho);
        Self {
            steps: rule.steps,
            clip: quanta(rule.clip).unwrap_or(1),
            rate: rate(rule.rate),
            momentum: momentum(rule.momentum),
            ridge: 0,
            averaged: rule.averaged,
            drawn: Some([rule.sampled, rule.seed]),
        }
    }

    /// Those of a program.
    pub(super) fn of(program: &Program) -> Self {
        let Program { steps, clip, rate, momentum, ridge, averaged, .. } = *program;
        let drawn = program.dense.as_ref().map(|dense| [dense.sampled, dense.seed]);
        Self { steps, clip, rate, momentum, ridge, averaged, drawn }
    }

    /// Learning rate.
    pub(super) fn rate(&self) -> f64 {
        Program::rate_from(self.rate)
    }

    /// Share of the last velocity that is kept.
    pub(super) fn momentum(&self) -> f64 {
        f64::from(self.momentum) / 1000.0
    }

    /// Weight of the squared weights in the loss.
    pub(super) fn ridge(&self) -> f64 {
        f64::from(self.ridge) / 1e9
    }

    /// Gives a program these settings.
    pub(super) fn set(self, program: &mut Program) {
        let Self { steps, clip, rate, momentum, ridge, averaged, drawn } = self;
        (program.steps, program.clip, program.rate) = (steps, clip, rate);
        (program.momentum, program.ridge, program.averaged) = (momentum, ridge, averaged);
        if let (Some(dense), Some([sampled, seed])) = (&mut program.dense, drawn) {
            (dense.sampled, dense.seed) = (sampled, seed);
        }
    }

    /// The same but for what a job names.
    pub(super) fn named(mut self, raw: &RawSettings) -> Result<Self, TemplateError> {
        let RawSettings { batch, steps, clip, rate, momentum, averaged, ridge, seed } = raw;
        if let Some(steps) = *steps {
            if !(1..=learning::STEPS).contains(&steps) {
                let expected = format!("expected 1 to {}", learning::STEPS);
                return Err(value("train.settings.steps", steps, expected));
            }
            self.steps = steps;
            self.averaged =
                if self.drawn.is_some() { (steps * 3).div_ceil(10) } else { steps.div_ceil(2) };
        }
        self.draw(*batch, *seed)?;
        if let Some(clip) = *clip {
            let (most, expected) = if self.drawn.is_some() {
                (1000.0, "expected the norm that one gradient is clipped to, 0.01 to 1000")
            } else {
                (1.0, "expected a share of the cap, up to 1")
            };
            let least = if self.drawn.is_some() { 40 } else { 1 };
            let found = quanta(clip).filter(|quanta| clip <= most && *quanta >= least);
            self.clip = found.ok_or_else(|| value("train.settings.clip", clip, expected))?;
        }
        if let Some(rate) = *rate {
            let found = Program::rate_of(rate).filter(|_| rate <= 100.0);
            self.rate = found.ok_or_else(|| value("train.settings.rate", rate, RATE))?;
        }
        if let Some(momentum) = *momentum {
            self.momentum = share("train.settings.momentum", momentum, 999)?;
        }
        if let Some(averaged) = *averaged {
            if !(1..=self.steps).contains(&averaged) {
                let expected = format!("expected 1 to {}, of the last steps", self.steps);
                return Err(value("train.settings.averaged", averaged, expected));
            }
            self.averaged = averaged;
        }
        if let Some(ridge) = *ridge {
            let found = whole(ridge * 1e9, 1_000_000_000);
            self.ridge =
                found.ok_or_else(|| value("train.settings.ridge", ridge, "expected 0 to 1"))?;
        }
        Ok(self)
    }

    fn draw(&mut self, batch: Option<f64>, seed: Option<u64>) -> Result<(), TemplateError> {
        let Some([sampled, of]) = &mut self.drawn else {
            let found = match (batch, seed) {
                (Some(batch), _) => ("train.settings.batch", batch.to_string()),
                (None, Some(seed)) => ("train.settings.seed", seed.to_string()),
                (None, None) => return Ok(()),
            };
            let expected = "expected it left out: everybody is in every step of an additive model";
            return Err(value(found.0, found.1, expected));
        };
        if let Some(batch) = batch {
            let expected = "expected how likely a person is in a step, above 0 and up to 1";
            let found = Dense::sampled_of(batch);
            *sampled = found.ok_or_else(|| value("train.settings.batch", batch, expected))?;
        }
        *of = seed.unwrap_or(*of);
        Ok(())
    }
}

/// A share from 0 to `most` thousandths.
pub(super) fn share(field: &str, share: f64, most: u32) -> Result<u32, TemplateError> {
    thousandths(share, most).ok_or_else(|| {
        let most = f64::from(most) / 1000.0;
        value(field, share, format!("expected 0 to {most}, in whole thousandths"))
    })
}

/// In quanta, rounded down; `None` for less than one.
fn quanta(number: f64) -> Option<u32> {
    whole((number * f64::from(QUANTA)).floor(), u32::MAX).filter(|quanta| *quanta > 0)
}

const RATE: &str = "expected a rate above 0, up to 100";
