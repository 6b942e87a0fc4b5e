//! The shape of an `[[analysis]]`, whose keys depend on its kind.

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::fmt;
use toml::Spanned;

/// The keys that every kind has, and all other keys as they stand.
pub(in crate::contract::parse) struct RawAnalysis {
    pub(in crate::contract::parse) name: Spanned<String>,
    pub(in crate::contract::parse) kind: Spanned<String>,
    pub(in crate::contract::parse) purpose: Spanned<String>,
    pub(in crate::contract::parse) analysts: Spanned<Vec<Spanned<String>>>,
    pub(in crate::contract::parse) receivers: Spanned<Vec<Spanned<String>>>,
    pub(in crate::contract::parse) min_cells: Vec<RawFloor>,
    pub(in crate::contract::parse) sensitive: Vec<Spanned<String>>,
    pub(in crate::contract::parse) others: Vec<(String, Spanned<RawValue>)>,
}

/// A floor of questions that read all of these columns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::contract::parse) struct RawFloor {
    pub(in crate::contract::parse) columns: Spanned<Vec<Spanned<String>>>,
    pub(in crate::contract::parse) min_cell: Spanned<i64>,
}

/// The value of a key that only some kinds have.
pub(in crate::contract::parse) enum RawValue {
    Text(String),
    List(Vec<Spanned<String>>),
    Whole(i64),
    /// A value that no kind has, in words.
    Other(&'static str),
}

impl RawValue {
    /// The kind of value, for an error that expected another one.
    pub(in crate::contract::parse) fn noun(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Whole(_) => "a whole number",
            Self::Other(noun) => noun,
        }
    }
}

impl<'de> Deserialize<'de> for RawAnalysis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = RawAnalysis;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with an analysis")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawAnalysis, A::Error> {
        let (mut name, mut kind, mut purpose) = (None, None, None);
        let (mut analysts, mut receivers) = (None, None);
        let (mut min_cells, mut sensitive) = (None, None);
        let mut others = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => name = Some(map.next_value()?),
                "kind" => kind = Some(map.next_value()?),
                "purpose" => purpose = Some(map.next_value()?),
                "analysts" => analysts = Some(map.next_value()?),
                "receivers" => receivers = Some(map.next_value()?),
                "min_cells" => min_cells = Some(map.next_value()?),
                "sensitive" => sensitive = Some(map.next_value()?),
                _ => others.push((key, map.next_value()?)),
            }
        }
        Ok(RawAnalysis {
            name: name.ok_or_else(|| A::Error::missing_field("name"))?,
            kind: kind.ok_or_else(|| A::Error::missing_field("kind"))?,
            purpose: purpose.ok_or_else(|| A::Error::missing_field("purpose"))?,
            analysts: analysts.ok_or_else(|| A::Error::missing_field("analysts"))?,
            receivers: receivers.ok_or_else(|| A::Error::missing_field("receivers"))?,
            min_cells: min_cells.unwrap_or_default(),
            sensitive: sensitive.unwrap_or_default(),
            others,
        })
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Value)
    }
}

struct Value;

impl<'de> Visitor<'de> for Value {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a list of strings or a whole number")
    }

    fn visit_str<E>(self, text: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }

    fn visit_i64<E>(self, number: i64) -> Result<RawValue, E> {
        Ok(RawValue::Whole(number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<RawValue, E> {
        Ok(RawValue::Other("a number with decimals"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<RawValue, E> {
        Ok(RawValue::Other("a truth value"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(RawValue::Other("a table"))
    }
}
