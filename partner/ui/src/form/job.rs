//! The job's TOML that a form makes. Whether it is a question that the contract permits, is decided where every job's is.

use super::{
    DECISION, EACH, Filled,
    maker::{COLUMN, NAME, inner},
};
use protocol::analysis::{
    self,
    shape::{Field, Shape},
};
use std::fmt;
use toml::{Table, Value};

/// A field does not hold what its type asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unfit {
    /// Name of the field.
    pub(crate) field: String,
    pub(crate) found: String,
    pub(crate) expected: &'static str,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, found, expected } = self;
        write!(f, "{field} is \"{found}\"; expected {expected}")
    }
}

impl Filled {
    /// The job that asks what was filled in. What was left empty is left out.
    pub(crate) fn job(&self, analysis: &str, kind: &str) -> Result<String, Unfit> {
        let Some(Shape::Table(fields)) = analysis::shape(kind) else {
            let (field, found) = ("kind".to_owned(), kind.to_owned());
            return Err(Unfit { field, found, expected: "a kind of question" });
        };
        let mut job = Table::new();
        job.insert("analysis".to_owned(), Value::String(analysis.to_owned()));
        let decision = self.value(DECISION);
        if !decision.is_empty() {
            job.insert("decision".to_owned(), Value::String(decision.to_owned()));
        }
        let asked = self.table(kind, &fields)?.unwrap_or_default();
        let mut whole = Table::new();
        whole.insert("job".to_owned(), Value::Table(job));
        whole.insert(kind.to_owned(), Value::Table(asked));
        // Every key is a text and every value was made here, so there is nothing that TOML cannot say.
        Ok(toml::to_string(&whole).unwrap_or_default())
    }

    /// A table; none if all of it was left empty.
    fn table(&self, path: &str, fields: &[Field]) -> Result<Option<Table>, Unfit> {
        let mut table = Table::new();
        for Field { name, shape } in fields {
            let below = format!("{path}.{name}");
            let value = match inner(shape) {
                Some((inner, false)) => self.table(&below, inner)?.map(Value::Table),
                Some((inner, true)) => {
                    let tables = (0..self.count(&below))
                        .map(|number| self.table(&format!("{below}.{number}"), inner));
                    let tables = tables.collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
                    let tables: Vec<_> = tables.map(Value::Table).collect();
                    (!tables.is_empty()).then_some(Value::Array(tables))
                }
                None => self.plain(&below, shape)?,
            };
            if let Some(value) = value {
                table.insert((*name).to_owned(), value);
            }
        }
        // What has no name of its own is called as its column is.
        let may_be_named = fields.iter().any(|field| field.name == NAME);
        if let (true, false, Some(column)) =
            (may_be_named, table.contains_key(NAME), table.get(COLUMN).cloned())
        {
            table.insert(NAME.to_owned(), column);
        }
        Ok((!table.is_empty()).then_some(table))
    }

    /// What was filled in for one field; none if it was left empty.
    fn plain(&self, name: &str, shape: &Shape) -> Result<Option<Value>, Unfit> {
        let given = self.values(name).iter().flat_map(|text| text.lines()).map(str::trim);
        let given: Vec<&str> = given.filter(|line| !line.is_empty()).collect();
        if let Shape::Named(of) = shape
            && self.each(name).next().is_some()
        {
            let numbers = self.each(name).map(|(key, value)| {
                Ok((key.to_owned(), single(&format!("{name}{EACH}{key}"), value, of)?))
            });
            return Ok(Some(Value::Table(numbers.collect::<Result<_, _>>()?)));
        }
        let Some(first) = given.first() else { return Ok(None) };
        let value = match shape {
            Shape::List(of) if **of == Shape::Text => {
                Value::Array(given.iter().map(|line| Value::String((*line).to_owned())).collect())
            }
            Shape::List(of) | Shape::Exactly(_, of) => {
                let parts = given.iter().flat_map(|line| line.split([',', ' ', ';']));
                let parts = parts.filter(|part| !part.is_empty());
                let parts = parts.map(|part| single(name, part, of)).collect::<Result<_, _>>()?;
                Value::Array(parts)
            }
            Shape::Named(of) => {
                let mut named = Table::new();
                for line in given {
                    let (key, value) = line.rsplit_once('=').ok_or_else(|| Unfit {
                        field: name.to_owned(),
                        found: line.to_owned(),
                        expected: "NAME = NUMBER in each line",
                    })?;
                    named.insert(key.trim().to_owned(), single(name, value.trim(), of)?);
                }
                Value::Table(named)
            }
            shape => single(name, first, shape)?,
        };
        Ok(Some(value))
    }
}

fn single(name: &str, text: &str, shape: &Shape) -> Result<Value, Unfit> {
    let unfit = |expected| Unfit { field: name.to_owned(), found: text.to_owned(), expected };
    match shape {
        Shape::Whole => text.parse().map(Value::Integer).map_err(|_| unfit("a whole number")),
        Shape::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(unfit("a number, such as 0.5")),
        },
        Shape::Flag => match text {
            "yes" => Ok(Value::Boolean(true)),
            "no" => Ok(Value::Boolean(false)),
            _ => Err(unfit("yes or no")),
        },
        _ => Ok(Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(pairs: &[(&str, &str)]) -> Filled {
        let body = pairs.iter().map(|(name, value)| {
            let mut pair = form_urlencoded::Serializer::new(String::new());
            pair.append_pair(name, value);
            pair.finish()
        });
        Filled::parse(body.collect::<Vec<_>>().join("&").as_bytes())
    }

    #[test]
    fn what_is_filled_in_becomes_the_job_and_what_is_empty_is_left_out() {
        let filled = filled(&[
            ("lift.assignment.test", "mens"),
            ("lift.assignment.test", "wo\"mens\n"),
            ("lift.assignment.control", "none"),
            ("lift.assignment.expected_share", "mens = 0.5\r\nnone=0.5"),
            ("lift.outcome#", "2"),
            ("lift.outcome.0.name", "visit"),
            ("lift.outcome.0.type", "binary"),
            ("lift.outcome.0.cap_per_user", " "),
            ("lift.window.start", ""),
            ("lift.privacy.epsilon", "1"),
            ("lift.privacy.delta", "1e-6"),
        ]);
        let job: Table = filled.job("mail", "lift").unwrap().parse().unwrap();
        let expected: Table = "[job]\nanalysis = \"mail\"\n[lift.assignment]\ntest = [\"mens\", 'wo\"mens']\n\
            control = [\"none\"]\nexpected_share = { mens = 0.5, none = 0.5 }\n\
            [[lift.outcome]]\nname = \"visit\"\ntype = \"binary\"\n[lift.privacy]\nepsilon = 1.0\ndelta = 1e-6\n"
            .parse()
            .unwrap();
        assert_eq!(job, expected);
    }

    #[test]
    fn a_field_that_does_not_fit_is_named() {
        let unfit = filled(&[("lift.privacy.epsilon", "a lot")]).job("mail", "lift").unwrap_err();
        let words = "lift.privacy.epsilon is \"a lot\"; expected a number, such as 0.5";
        assert_eq!(unfit.to_string(), words);
        for number in ["NaN", "inf", "1,5"] {
            filled(&[("lift.privacy.epsilon", number)]).job("mail", "lift").unwrap_err();
        }
    }
}
