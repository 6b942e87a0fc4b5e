//! Reads a key policy as IAM writes it, and nothing that could be read in two ways.

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use std::{collections::BTreeSet, fmt};

/// A key policy.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) statements: Vec<Statement>,
}

/// One statement of a policy. Its `Resource` is left out: in the policy of a key it is that key.
#[derive(Debug)]
pub(crate) struct Statement {
    /// Its `Sid`, or its number in words.
    pub(crate) name: String,
    /// Whether it allows; the other ones deny.
    pub(crate) allows: bool,
    pub(crate) whom: Whom,
    pub(crate) actions: Actions,
    /// All of them must be met.
    pub(crate) conditions: Vec<Condition>,
}

/// Whom a statement is about.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Whom {
    /// Anybody, in any account.
    Everybody,
    /// Anybody but a few (`NotPrincipal`).
    EverybodyBut,
    /// These, by ARN, account number or the name of a service.
    These(Vec<String>),
}

/// What a statement is about: patterns with `*` and `?`.
#[derive(Debug)]
pub(crate) enum Actions {
    These(Vec<String>),
    /// Everything that there is or will be, but for these (`NotAction`).
    AllBut(Vec<String>),
}

/// A condition: the operator holds the request's key to any of the values.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) operator: String,
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
}

impl Policy {
    /// Reads a policy, or what `aws kms get-key-policy` prints, which has it as a text.
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyError> {
        let json: Json = serde_json::from_str(text)?;
        let outer = json.object("the policy")?;
        if let Some(Json::Text(inner)) = outer.get("Policy") {
            return Self::read(serde_json::from_str(inner)?);
        }
        Self::read(Json::Object(outer.0))
    }

    fn read(json: Json) -> Result<Self, PolicyError> {
        let policy =
            json.object("the policy")?.only("the policy", &["Version", "Id", "Statement"])?;
        let statements = match policy.get("Statement") {
            Some(Json::List(statements)) => statements.iter().collect(),
            Some(one) => vec![one],
            None => {
                return Err(PolicyError::Lacks {
                    place: "the policy".into(),
                    element: "Statement",
                });
            }
        };
        let read = |(index, json): (usize, &Json)| Statement::read(index, json);
        Ok(Self {
            statements: statements.into_iter().enumerate().map(read).collect::<Result<_, _>>()?,
        })
    }
}

impl Statement {
    fn read(index: usize, json: &Json) -> Result<Self, PolicyError> {
        let number = format!("number {}", index.saturating_add(1));
        let fields = json.clone().object(&number)?.only(&number, &ELEMENTS)?;
        let name = match fields.get("Sid") {
            Some(Json::Text(sid)) if !sid.is_empty() => sid.clone(),
            _ => number,
        };
        let lacks = |element| PolicyError::Lacks { place: name.clone(), element };
        let allows = match fields.get("Effect") {
            Some(Json::Text(effect)) if effect == "Allow" => true,
            Some(Json::Text(effect)) if effect == "Deny" => false,
            _ => return Err(lacks("Effect (\"Allow\" or \"Deny\")")),
        };
        let whom = match (fields.get("Principal"), fields.get("NotPrincipal")) {
            (Some(whom), None) => principals(&name, whom)?,
            (None, Some(_)) => Whom::EverybodyBut,
            _ => return Err(lacks("Principal (or NotPrincipal, and one of them)")),
        };
        let actions = match (fields.get("Action"), fields.get("NotAction")) {
            (Some(these), None) => Actions::These(these.texts(&name, "Action")?),
            (None, Some(but)) => Actions::AllBut(but.texts(&name, "NotAction")?),
            _ => return Err(lacks("Action (or NotAction, and one of them)")),
        };
        let conditions = fields.get("Condition").map(|found| conditions(&name, found));
        let conditions = conditions.transpose()?.unwrap_or_default();
        Ok(Self { name, allows, whom, actions, conditions })
    }
}

fn principals(name: &str, whom: &Json) -> Result<Whom, PolicyError> {
    if matches!(whom, Json::Text(text) if text == "*") {
        return Ok(Whom::Everybody);
    }
    let mut all = Vec::new();
    for (_, these) in whom.clone().object(name)?.0 {
        all.extend(these.texts(name, "Principal")?);
    }
    Ok(if all.iter().any(|one| one == "*") { Whom::Everybody } else { Whom::These(all) })
}

fn conditions(name: &str, found: &Json) -> Result<Vec<Condition>, PolicyError> {
    let mut all = Vec::new();
    for (operator, keys) in found.clone().object(name)?.0 {
        for (key, values) in keys.object(name)?.0 {
            let values = values.texts(name, "Condition")?;
            all.push(Condition { operator: operator.clone(), key, values });
        }
    }
    Ok(all)
}

/// JSON in which no name of an object stands twice: whoever reads the first and whoever reads the last would read two
/// policies.
#[derive(Clone, Debug)]
enum Json {
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// The members of an object.
struct Members(Vec<(String, Json)>);

impl Members {
    fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// Refuses members that a policy does not have: one might be meant to restrict it.
    fn only(self, place: &str, known: &[&str]) -> Result<Self, PolicyError> {
        let other = self.0.iter().find(|(name, _)| !known.contains(&name.as_str()));
        match other {
            Some((name, _)) => {
                Err(PolicyError::Unknown { place: place.to_owned(), element: name.clone() })
            }
            None => Ok(self),
        }
    }
}

impl Json {
    fn object(self, place: &str) -> Result<Members, PolicyError> {
        match self {
            Self::Object(members) => Ok(Members(members)),
            _ => Err(PolicyError::NoObject { place: place.to_owned() }),
        }
    }

    /// A text or a list of texts, at least one.
    fn texts(&self, place: &str, element: &'static str) -> Result<Vec<String>, PolicyError> {
        let one = |json: &Self| match json {
            Self::Text(text) => Some(text.clone()),
            _ => None,
        };
        let all = match self {
            Self::List(list) => list.iter().map(one).collect::<Option<Vec<_>>>(),
            other => one(other).map(|text| vec![text]),
        };
        let all = all.filter(|all| !all.is_empty());
        all.ok_or_else(|| PolicyError::Lacks { place: place.to_owned(), element })
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, a list, a text, a number, true or false")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let (mut members, mut names) = (Vec::new(), BTreeSet::new());
        while let Some((name, value)) = entries.next_entry::<String, Json>()? {
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(de::Error::custom(format!("\"{name}\" stands there twice")));
            }
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

/// Why a file is no key policy.
///
/// Remedy: give the policy as `aws kms get-key-policy --key-id KEY --policy-name default` prints it; `glovebox kms example` prints one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    /// It is not JSON, or a name stands twice in an object.
    #[error("this is no JSON that can be read in one way: {0}")]
    Json(#[from] serde_json::Error),
    /// Something is not an object.
    #[error("statement {place}: found something else where an object of names and values belongs")]
    NoObject {
        /// The statement.
        place: String,
    },
    /// A part is missing, or is not a text or a list of texts.
    #[error("statement {place}: expected {element}, a text or a list of texts")]
    Lacks {
        /// The statement.
        place: String,
        /// The part.
        element: &'static str,
    },
    /// A part that policies do not have, which might be meant to restrict it.
    #[error(
        "statement {place}: a key policy has no element called \"{element}\" (capitals matter)"
    )]
    Unknown {
        /// The statement.
        place: String,
        /// The part.
        element: String,
    },
}

const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];
