//! Reads by what the differences in means of a lift are adjusted.

use super::{Covariate, Listed, RawCovariates, RawLift};
use crate::{
    analysis::{
        filters,
        toml::{TemplateError, clamp, value},
    },
    contract::Contract,
};

impl RawLift {
    /// The covariate, if one is asked for: the estimator is then called so.
    pub(super) fn covariate(
        &self,
        analysis: &Listed<'_>,
        contract: &Contract,
    ) -> Result<Option<Covariate>, TemplateError> {
        let estimator = self.estimator.as_deref();
        match (&self.covariates, estimator) {
            (Some(covariates), Some(CUPED)) => covariates.only(analysis, contract).map(Some),
            (Some(_), other) => {
                let expected = "expected \"cuped\", since the job has [lift.covariates]";
                Err(value("lift.estimator", other.unwrap_or("not given"), expected))
            }
            (None, Some(CUPED)) => Err(TemplateError::Missing("lift.covariates")),
            (None, _) => Ok(None),
        }
    }
}

impl RawCovariates {
    /// The only covariate, with its ends.
    fn only(&self, analysis: &Listed<'_>, contract: &Contract) -> Result<Covariate, TemplateError> {
        let [column] = self.columns.as_slice() else {
            let expected = "expected one column: effects are adjusted by one covariate";
            return Err(value("lift.covariates.columns", self.columns.len(), expected));
        };
        let field = "lift.covariates.columns";
        let (dataset, listed) = (analysis.assignment, analysis.covariates);
        let scale = filters::scale_of(field, column, dataset, listed, contract)?;
        let field = format!("lift.covariates.clip.{column}");
        let Some([least, most]) = self.clip.get(column).copied().filter(|_| self.clip.len() == 1)
        else {
            let expected = format!("expected the ends of \"{column}\" and of no other column");
            return Err(value("lift.covariates.clip", self.clip.len(), expected));
        };
        let clamp = clamp(&|_| field.clone(), most, Some(least), scale)?;
        Ok(Covariate { column: column.clone(), clamp, scale })
    }
}

/// The name of the estimator.
pub(super) const CUPED: &str = "cuped";
