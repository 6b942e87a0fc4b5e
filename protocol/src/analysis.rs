//! Kinds of questions. A kind is one folder here and one line in `analyses!`; nobody else knows which
//! there are.
//!
//! An analysis is pure: from what it is asked follows a tally, and from what left of the tally follows its
//! answer. So analyst, owners, enclave and strangers derive the same. No trust lies in this folder: what a
//! tally may read is compared with the contract by [`policy`](crate::policy), whatever the kind says, and
//! what leaves of it is decided by its [`proof`](crate::proof) alone.

pub mod choice;
#[cfg(test)]
#[expect(unreachable_pub, reason = "public in the kind that is copied from it")]
mod example;
mod filters;
pub mod lift;
pub mod outcomes;
pub mod overlap;
pub mod reach;
pub(crate) mod rules;
#[cfg(any(test, feature = "samples"))]
mod samples;
pub mod table;
pub mod toml;
pub mod uses;

use crate::{
    answers::answered::Answered,
    contract::{Contract, Terms},
    loss::{Delta, Epsilon},
    page::Page,
    proof::{By, Proven, Split},
    refusal::Refusal,
    released::Released,
    tally::Tally,
    units::{Millionths, Scale},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uses::Section;

/// One kind of question: the type is what an analyst signs.
///
/// # Privacy
///
/// Nothing here sees a row. The tally is proven, paid and released elsewhere.
pub(crate) trait Analysis: Sized {
    /// Its name: `[lift]` in a job's TOML, `"lift"` in a signed job and in a result.
    const KIND: &'static str;
    /// What a contract that permits it lists.
    const SECTION: &'static Section;
    /// Flags that its answers may raise, as wholes or in a part. No other is raised, and its page has words for each.
    const FLAGS: &'static [&'static str];
    /// What an analyst writes, before anything is believed of it.
    type Toml: DeserializeOwned;
    /// What its receivers read.
    type Answer: Serialize + DeserializeOwned;

    /// The question that `toml` asks.
    ///
    /// # Errors
    ///
    /// [`TemplateError`](toml::TemplateError) naming the field.
    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, toml::TemplateError>;

    /// What it is to cost, and how that is divided.
    fn price(&self) -> Price;

    /// Refuses a question that has more of something than may be, which takes no time to see.
    ///
    /// # Errors
    ///
    /// [`Refusal::OverLimit`].
    fn check_lengths(&self) -> Result<(), Refusal>;

    /// What is to be counted.
    ///
    /// # Errors
    ///
    /// [`Refusal`] naming what does not hold together, or what the contract does not permit.
    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal>;

    /// What is to leave of the tally.
    fn leaves(&self) -> Leaves {
        Leaves::Figures
    }

    /// What people call each measure of the tally, and how many decimals it has.
    fn measures(&self) -> Vec<(String, Scale)>;

    /// The same question with its intervals at another confidence, in millionths; none if it has none. The
    /// tally is the same, and so are the figures.
    fn at_confidence(&self, confidence: Millionths) -> Option<Self>;

    /// The answer, and flags of what can mislead in it; none if `released` is not what this question
    /// leaves.
    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(Self::Answer, Vec<String>)>;

    /// What people read about an answer of this kind: title, doubts, answer, sections, and what was counted as
    /// the subtitle. The rest is the same for every kind, and [`JobResult::page`](crate::result::JobResult::page) adds it.
    fn page(result: &Answered<Self::Answer>) -> Page;
}

/// The contract's analysis that a question is asked under.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever asks names all of it")]
pub struct Scope<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// Name of the analysis.
    pub name: &'a str,
    /// What it permits.
    pub terms: &'a Terms,
}

impl<'a> Scope<'a> {
    /// The analysis called `name`; none if the contract has no such one.
    #[must_use]
    pub fn of(contract: &'a Contract, name: &'a str) -> Option<Self> {
        Some(Self { contract, name, terms: contract.analyses.get(name)? })
    }
}

/// What an analyst would spend on a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "every kind names all of it")]
pub struct Price {
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// δ for selecting cells whose values are private, in units of 10⁻¹⁵; 0 without such cells.
    pub selection_delta: u64,
    /// How the loss is divided.
    pub split: Split,
    /// Smallest head count that is shown; the contract's floor where it is larger.
    pub min_cell: u32,
}

/// What is to leave of a tally.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever releases must see a new door")]
pub enum Leaves {
    /// Its figures, each with noise.
    Figures,
    /// One of its places, and no figure.
    Place(By),
}

/// The names of a kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Kind {
    /// What a job, a signed question and a result call it.
    pub kind: &'static str,
    /// What a contract that permits it lists.
    pub section: &'static Section,
    /// Flags that its answers may raise.
    pub flags: &'static [&'static str],
}

/// What a contract lists for the analyses that it calls `kind`.
#[must_use]
pub fn section(kind: &str) -> Option<&'static Section> {
    sections().find(|section| section.kind == kind)
}

/// The kind of analysis that a contract permits `kind` under, if that is another one.
#[must_use]
pub fn asked_under(kind: &str) -> Option<&'static str> {
    let mut kinds = KINDS.iter().filter(|known| known.kind == kind && known.section.kind != kind);
    kinds.next().map(|known| known.section.kind)
}

/// Every kind of analysis that a contract may permit.
pub fn sections() -> impl Iterator<Item = &'static Section> {
    let kinds = KINDS.iter().filter(|kind| kind.kind == kind.section.kind);
    kinds.map(|kind| kind.section)
}

/// Writes the closed lists of kinds, and each dispatch.
macro_rules! analyses {
    ($($(#[$doc:meta])* $kind:ident($question:ty => $answer:ty)),+ $(,)?) => {
        /// What is asked.
        #[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
        #[serde(deny_unknown_fields, rename_all = "snake_case")]
        #[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
        pub enum Question { $($(#[$doc])* $kind($question)),+ }

        /// What is answered, by kind of question.
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[serde(deny_unknown_fields, rename_all = "snake_case")]
        #[expect(clippy::exhaustive_enums, reason = "whoever reads must see a new kind")]
        pub enum Answer { $($(#[$doc])* $kind($answer)),+ }

        /// Every kind of question.
        pub const KINDS: &[Kind] = &[$(Kind {
            kind: <$question as Analysis>::KIND,
            section: <$question as Analysis>::SECTION,
            flags: <$question as Analysis>::FLAGS,
        }),+];

        $(impl From<$answer> for Answer {
            fn from(answer: $answer) -> Self {
                Self::$kind(answer)
            }
        }

        impl TryFrom<Answer> for $answer {
            /// The answer, of another kind.
            type Error = Answer;

            fn try_from(answer: Answer) -> Result<Self, Answer> {
                if let Answer::$kind(answer) = answer { Ok(answer) } else { Err(answer) }
            }
        })+

        impl Answer {
            /// The name of its kind.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$question as Analysis>::KIND),+ }
            }

            /// What its kind says of `result`, whose answer this is.
            pub(crate) fn page(&self, result: &Answered<Self>) -> Page {
                match self {
                    $(Self::$kind(answer) => {
                        <$question as Analysis>::page(&result.clone().map(|_| answer.clone()))
                    })+
                }
            }
        }

        impl Question {
            /// The name of its kind.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$question as Analysis>::KIND),+ }
            }

            /// What a contract that permits it lists.
            #[must_use]
            pub fn section(&self) -> &'static Section {
                match self { $(Self::$kind(_) => <$question as Analysis>::SECTION),+ }
            }

            /// What it is to cost, and how that is divided.
            #[must_use]
            pub fn price(&self) -> Price {
                match self { $(Self::$kind(asked) => asked.price()),+ }
            }

            /// What is to leave of its tally.
            #[must_use]
            pub fn leaves(&self) -> Leaves {
                match self { $(Self::$kind(asked) => asked.leaves()),+ }
            }

            /// What people call each measure of its tally, and how many decimals it has.
            #[must_use]
            pub fn measures(&self) -> Vec<(String, Scale)> {
                match self { $(Self::$kind(asked) => asked.measures()),+ }
            }

            /// The same question with its intervals at another confidence, in millionths; none if it has
            /// none. The tally is the same, and so are the figures.
            #[must_use]
            pub fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
                match self { $(Self::$kind(asked) => asked.at_confidence(confidence).map(Self::$kind)),+ }
            }

            pub(crate) fn check_lengths(&self) -> Result<(), Refusal> {
                match self { $(Self::$kind(asked) => asked.check_lengths()),+ }
            }

            pub(crate) fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
                match self { $(Self::$kind(asked) => asked.tally(scope)),+ }
            }

            pub(crate) fn estimate(
                &self,
                released: &Released,
                proven: &Proven,
                scope: &Scope<'_>,
            ) -> Option<(Answer, Vec<String>)> {
                match self {
                    $(Self::$kind(asked) => {
                        let (answer, flags) = asked.estimate(released, proven, scope)?;
                        Some((Answer::$kind(answer), flags))
                    })+
                }
            }

            /// The question that the table called `kind` of a job's TOML asks; none if there is no such kind.
            fn from_toml(
                kind: &str,
                text: &str,
                contract: &Contract,
            ) -> Option<Result<(String, Self), toml::TemplateError>> {
                $(if kind == <$question as Analysis>::KIND {
                    let asked = toml::ask::<$question>(text, contract);
                    return Some(asked.map(|(name, asked)| (name, Self::$kind(asked))));
                })+
                None
            }
        }
    };
}

analyses! {
    /// Randomised lift.
    Lift(lift::Lift => lift::LiftAnswer),
    /// Counts and sums by group.
    Table(table::TableQuestion => table::TableAnswer),
    /// One place of such a table: the fullest group, or the edge of a quantile.
    Choice(choice::ChoiceQuestion => choice::ChoiceAnswer),
    /// What people did after their own start.
    Outcomes(outcomes::Outcomes => outcomes::OutcomesAnswer),
    /// Reach and frequency, over one or several datasets.
    Reach(reach::Reach => reach::ReachAnswer),
    /// How far the people of several datasets are the same.
    Overlap(overlap::Overlap => overlap::OverlapAnswer),
}
