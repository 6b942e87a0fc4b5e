//! The registers of a build, out of whatever JSON people have them in: this project's build manifest,
//! what `nitro-cli build-enclave` prints, or its registers alone. One reader for every program that
//! is told which build to expect.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{InvalidPcr, Pcr};

/// Reads the registers of one build: `{"pcrs": {"0": HEX, ..}}` beside anything else, `{"Measurements":
/// {"PCR0": HEX, ..}}` beside anything else, or `{"PCR0": HEX, ..}` and nothing else.
///
/// # Errors
///
/// [`RegistersError`] for anything that could be understood in two ways: a register that occurs
/// twice, a name that is no register's, registers in two places. An array, too: what `nitro-cli
/// describe-enclaves` prints says what runs, and not what is expected.
pub fn parse(json: &[u8]) -> Result<BTreeMap<u8, Pcr>, RegistersError> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    let json: Json = serde_json::from_slice(json)?;
    let fields = match json {
        Json::Object(fields) => fields,
        Json::Array(found) => return Err(RegistersError::Array { found }),
        Json::Text(_) | Json::Other => return Err(RegistersError::Shape),
    };
    let mut places = fields.iter().filter(|(name, _)| PLACES.contains(&name.as_str()));
    let table = match (places.next(), places.next()) {
        (None, _) if fields.iter().any(|(name, _)| index(name).is_some()) => &fields,
        (None, _) => return Err(RegistersError::Shape),
        (Some((_, Json::Object(table))), None) => table,
        (Some((_, Json::Array(found))), None) => {
            return Err(RegistersError::Array { found: *found });
        }
        (Some(_), None) => return Err(RegistersError::Shape),
        (Some(_), Some(_)) => return Err(RegistersError::TwoPlaces),
    };
    let mut registers = BTreeMap::new();
    for (name, value) in table {
        let Json::Text(text) = value else {
            return Err(RegistersError::NoValue { name: name.clone() });
        };
        if name == ALGORITHM {
            if !text.to_ascii_lowercase().starts_with("sha384") {
                return Err(RegistersError::Algorithm { found: text.clone() });
            }
            continue;
        }
        let index = index(name).ok_or_else(|| RegistersError::Name { name: name.clone() })?;
        let pcr = text.parse().map_err(|flaw| RegistersError::Value { index, flaw })?;
        if registers.insert(index, pcr).is_some() {
            return Err(RegistersError::Twice { index });
        }
    }
    if registers.is_empty() { Err(RegistersError::Shape) } else { Ok(registers) }
}

/// The number of a register, in the two ways to write it: `0` to `31`, or `PCR0` to `PCR31`.
#[must_use]
pub fn index(name: &str) -> Option<u8> {
    let digits = name.strip_prefix("PCR").unwrap_or(name);
    digits.parse().ok().filter(|index: &u8| *index < 32 && index.to_string() == digits)
}

/// Why the registers cannot be read.
///
/// Remedy: give what `nitro-cli build-enclave` or `eif-build` printed of the build.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistersError {
    /// The file is not JSON.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The file is a list, and it is not said which of its things is meant.
    #[error(
        "an array of {found}, expected an object: `nitro-cli describe-enclaves` says what runs, not what \
         is expected; take what `nitro-cli build-enclave` printed, {SHAPES}"
    )]
    Array {
        /// How many things are in it.
        found: usize,
    },
    /// The file has no registers where they are looked for.
    #[error("there are no registers in it, expected {SHAPES}")]
    Shape,
    /// The file has registers in more than one of these places.
    #[error("its registers are in several places, expected one of {SHAPES}")]
    TwoPlaces,
    /// A field does not name a register.
    #[error("no register is {name:?}, expected {SHAPES}")]
    Name {
        /// The field.
        name: String,
    },
    /// A register has no text.
    #[error("{name:?} has no value in hexadecimal, expected {SHAPES}")]
    NoValue {
        /// The field.
        name: String,
    },
    /// A register's value is not valid.
    #[error("register {index}: {flaw}")]
    Value {
        /// Number of the register.
        index: u8,
        /// What is wrong with it.
        flaw: InvalidPcr,
    },
    /// A register occurs twice.
    #[error("register {index} occurs twice")]
    Twice {
        /// Number of the register.
        index: u8,
    },
    /// The digests are of another kind.
    #[error("its registers are made with {found:?}, expected Sha384")]
    Algorithm {
        /// The name of their algorithm.
        found: String,
    },
}

/// JSON with every field of an object, also one that occurs twice: a map would keep the last and say
/// nothing.
enum Json {
    Object(Vec<(String, Self)>),
    Array(usize),
    Text(String),
    Other,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut found = 0;
        while list.next_element::<IgnoredAny>()?.is_some() {
            found += 1;
        }
        Ok(Json::Array(found))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const PLACES: [&str; 2] = ["pcrs", "Measurements"];
const ALGORITHM: &str = "HashAlgorithm";
const SHAPES: &str =
    "{\"pcrs\": {\"0\": HEX, ..}}, {\"Measurements\": {\"PCR0\": HEX, ..}} or {\"PCR0\": HEX, ..}";

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(byte: &str) -> String {
        byte.repeat(48)
    }

    fn words(json: &str) -> String {
        parse(json.as_bytes()).map(|found| format!("{found:?}")).unwrap_or_else(|it| it.to_string())
    }

    #[test]
    fn reads_one_build_in_every_shape_that_people_have_it_in() {
        let (a, b) = (hex("aa"), hex("bb"));
        let expected = BTreeMap::from([(0, a.parse().unwrap()), (8, b.parse().unwrap())]);
        for json in [
            format!(r#"{{"version": "1", "pcrs": {{"0": "{a}", "8": "{b}"}}, "inputs": [1]}}"#),
            format!(
                r#"{{"Measurements": {{"HashAlgorithm": "Sha384 {{ ... }}", "PCR0": "{a}", "PCR8": "{b}"}}}}"#
            ),
            format!(r#"{{"PCR0": "{a}", "PCR8": "{b}"}}"#),
            format!(
                "\u{feff}{{\"PCR8\": \"{b}\", \"HashAlgorithm\": \"SHA384\", \"PCR0\": \"{a}\"}}"
            ),
        ] {
            assert_eq!(parse(json.as_bytes()).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn an_array_is_refused_as_an_array() {
        let a = hex("aa");
        let one = format!(r#"[{{"EnclaveName": "app", "Measurements": {{"PCR0": "{a}"}}}}]"#);
        for (json, found) in [("[]", 0), (one.as_str(), 1), ("[1, {}, \"a\"]", 3)] {
            assert!(words(json).starts_with(&format!("an array of {found}, expected")), "{json}");
        }
        assert!(words(r#"{"pcrs": ["aa"]}"#).starts_with("an array of 1"), "inside, too");
    }

    #[test]
    fn what_could_mean_two_builds_or_none_is_refused() {
        let a = hex("aa");
        for (json, why) in [
            (format!(r#"{{"pcrs": {{"0": "{a}", "PCR0": "{a}"}}}}"#), "register 0 occurs twice"),
            (format!(r#"{{"pcrs": {{"0": "{a}", "0": "{a}"}}}}"#), "register 0 occurs twice"),
            (format!(r#"{{"pcrs": {{"0": "{a}"}}, "pcrs": {{"0": "{a}"}}}}"#), "several places"),
            (format!(r#"{{"pcrs": {{"0": "{a}"}}, "Measurements": {{}}}}"#), "several places"),
            (format!(r#"{{"PCR0": "{a}", "note": "{a}"}}"#), "no register is \"note\""),
            (format!(r#"{{"pcrs": {{"00": "{a}"}}}}"#), "no register is \"00\""),
            (format!(r#"{{"pcrs": {{"+0": "{a}"}}}}"#), "no register is \"+0\""),
            (format!(r#"{{"pcrs": {{"32": "{a}"}}}}"#), "no register is \"32\""),
            (format!(r#"{{"pcrs": {{"pcr0": "{a}"}}}}"#), "no register is \"pcr0\""),
            (r#"{"pcrs": {"0": 7}}"#.to_owned(), "\"0\" has no value"),
            (r#"{"pcrs": {"0": "aa"}}"#.to_owned(), "register 0: a PCR is 96"),
            (r#"{"pcrs": {}}"#.to_owned(), "no registers"),
            (r#"{"pcrs": null}"#.to_owned(), "no registers"),
            ("{}".to_owned(), "no registers"),
            ("7".to_owned(), "no registers"),
            ("{".to_owned(), "not JSON"),
            (String::new(), "not JSON"),
            (
                format!(r#"{{"Measurements": {{"HashAlgorithm": "Sha256", "PCR0": "{a}"}}}}"#),
                "made with \"Sha256\"",
            ),
        ] {
            assert!(words(&json).contains(why), "{json}: {}", words(&json));
        }
    }
}
