//! Kinds of questions. A kind is one folder here and one line in `analyses!`; no other code knows
//! which kinds there are.
//!
//! An analysis is pure: a tally follows from the question, and an answer follows from what is
//! released of the tally. So analyst, owners, enclave and strangers derive the same. No trust lies
//! in this folder: [`policy`](crate::policy) compares what a tally reads with the contract,
//! whatever the kind says, and the [`proof`](crate::proof) alone decides what is released.

pub mod attribution;
pub mod choice;
#[cfg(test)]
#[expect(unreachable_pub, reason = "public in the kind that is copied from it")]
mod example;
mod filters;
pub mod geo;
pub mod lift;
pub mod margin;
pub mod outcomes;
pub mod overlap;
pub mod reach;
pub(crate) mod rules;
#[cfg(any(test, feature = "samples"))]
mod samples;
pub mod shape;
pub mod table;
pub mod toml;
pub mod train;
pub mod uses;

use crate::{
    answers::{answered::Answered, citation::Citation},
    contract::{Contract, Terms},
    loss::{Delta, Epsilon},
    page::Page,
    proof::{By, Proven, Split},
    refusal::Refusal,
    released::Released,
    tally::Tally,
    units::{Millionths, Scale},
};
use margin::Margin;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uses::Section;

/// One kind of question: the type is what an analyst signs.
///
/// # Privacy
///
/// Nothing here sees a row. The tally is proven, paid and released elsewhere.
pub(crate) trait Analysis: Sized {
    /// Name of the kind: `[lift]` in a job's TOML, `"lift"` in a signed job and in a result.
    const KIND: &'static str;
    /// What a contract lists to permit this kind.
    const SECTION: &'static Section;
    /// Flags that an answer may raise, as a whole or in a part. No other flag is raised, and the
    /// page has words for each.
    const FLAGS: &'static [&'static str];
    /// What an analyst writes, before it is checked.
    type Toml: DeserializeOwned;
    /// The answer that receivers read.
    type Answer: Serialize + DeserializeOwned;

    /// The question that `toml` asks.
    ///
    /// # Errors
    ///
    /// [`TemplateError`](toml::TemplateError) naming the field.
    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, toml::TemplateError>;

    /// The price of the question, and how it is divided between figures.
    fn price(&self) -> Price;

    /// Refuses a question that has too many of something. This takes no time, so it comes first.
    ///
    /// # Errors
    ///
    /// [`Refusal::OverLimit`].
    fn check_lengths(&self) -> Result<(), Refusal>;

    /// The tally: what the engine is to count.
    ///
    /// # Errors
    ///
    /// [`Refusal`] naming what does not hold together, or what the contract does not permit.
    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal>;

    /// What is to be released of the tally.
    fn leaves(&self) -> Leaves {
        Leaves::Figures
    }

    /// What people call each measure of the tally, and how many decimals it has.
    fn measures(&self) -> Vec<(String, Scale)>;

    /// The same question with its intervals at another confidence, in millionths; `None` if it has
    /// no intervals. The tally and the figures stay the same.
    fn at_confidence(&self, confidence: Millionths) -> Option<Self>;

    /// The same question with an outcome tested against this margin; `None` if it has no such outcome, or tests none against margins.
    /// The tally and the figures stay the same.
    fn with_margin(&self, _outcome: &str, _margin: Margin) -> Option<Self> {
        None
    }

    /// The answer, and flags for what can mislead in it; `None` if `released` does not fit the
    /// question.
    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(Self::Answer, Vec<String>)>;

    /// The noisy head count from which a cell of the answer is shown; `None` where that is the floor of
    /// contract and job.
    fn shown_from(_answer: &Self::Answer) -> Option<i64> {
        None
    }

    /// The page about an answer of this kind: title, doubts, answer, sections, and as the subtitle
    /// what was counted. [`JobResult::page`](crate::result::JobResult::page) adds the rest, which
    /// is the same for every kind.
    fn page(result: &Answered<Self::Answer>) -> Page;

    /// Every figure of the answer with its error, for programs. Nothing that has an error is left out.
    fn citations(answer: &Self::Answer) -> Vec<Citation>;
}

/// The analysis of a contract that a question is asked under.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever asks names all of it")]
pub struct Scope<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// Name of the analysis.
    pub name: &'a str,
    /// What the analysis permits.
    pub terms: &'a Terms,
}

impl<'a> Scope<'a> {
    /// The analysis called `name`; `None` if the contract does not have it.
    #[must_use]
    pub fn of(contract: &'a Contract, name: &'a str) -> Option<Self> {
        Some(Self { contract, name, terms: contract.analyses.get(name)? })
    }
}

/// What an analyst would pay for a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "every kind names all of it")]
pub struct Price {
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// δ for selecting cells whose values are private, or for a cap on what drawn steps lose, in units of 10⁻¹⁵; 0 without either.
    pub selection_delta: u64,
    /// How the loss is divided.
    pub split: Split,
    /// Smallest head count that is shown. The contract's floor holds if it is larger.
    pub min_cell: u32,
}

/// What is to be released of a tally.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever releases must see a new door")]
pub enum Leaves {
    /// Its figures, each with noise.
    Figures,
    /// One chosen place, and no figure.
    Place(By),
    /// The steps of its training.
    Steps,
}

/// The names and flags of a kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Kind {
    /// Name of the kind in jobs, signed questions and results.
    pub kind: &'static str,
    /// What a contract lists to permit this kind.
    pub section: &'static Section,
    /// Flags that its answers may raise.
    pub flags: &'static [&'static str],
}

/// The section of a contract's analysis whose `kind` this is.
#[must_use]
pub fn section(kind: &str) -> Option<&'static Section> {
    sections().find(|section| section.kind == kind)
}

/// The kind of analysis that a contract must permit so that `kind` may be asked, if it is another
/// kind.
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

/// Writes the closed lists of kinds, and every dispatch on a kind.
macro_rules! analyses {
    ($($(#[$doc:meta])* $kind:ident($module:ident::$question:ident => $answer:ty)),+ $(,)?) => {
        /// A question, by kind.
        #[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
        #[serde(deny_unknown_fields, rename_all = "snake_case")]
        #[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
        pub enum Question { $($(#[$doc])* $kind($module::$question)),+ }

        /// An answer, by kind of question.
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[serde(deny_unknown_fields, rename_all = "snake_case")]
        #[expect(clippy::exhaustive_enums, reason = "whoever reads must see a new kind")]
        pub enum Answer { $($(#[$doc])* $kind($answer)),+ }

        /// Every kind of question.
        pub const KINDS: &[Kind] = &[$(Kind {
            kind: <$module::$question as Analysis>::KIND,
            section: <$module::$question as Analysis>::SECTION,
            flags: <$module::$question as Analysis>::FLAGS,
        }),+];

        /// What may stand in a job of this kind, as its own type has it; `None` if there is no such kind.
        #[must_use]
        pub fn shape(kind: &str) -> Option<shape::Shape> {
            $(if kind == <$module::$question as Analysis>::KIND {
                return Some(shape::of::<<$module::$question as Analysis>::Toml>());
            })+
            None
        }

        /// The page of this kind for people who ask (`KIND/README.md`); `None` if there is no such kind.
        #[must_use]
        pub fn manual(kind: &str) -> Option<&'static str> {
            $(if kind == <$module::$question as Analysis>::KIND {
                return Some(include_str!(concat!("analysis/", stringify!($module), "/README.md")));
            })+
            None
        }

        $(impl From<$answer> for Answer {
            fn from(answer: $answer) -> Self {
                Self::$kind(answer)
            }
        }

        impl TryFrom<Answer> for $answer {
            /// The answer, if it is of another kind.
            type Error = Answer;

            fn try_from(answer: Answer) -> Result<Self, Answer> {
                if let Answer::$kind(answer) = answer { Ok(answer) } else { Err(answer) }
            }
        })+

        impl Answer {
            /// Name of the answer's kind.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$module::$question as Analysis>::KIND),+ }
            }

            /// What a contract lists to permit the answer's kind.
            pub(crate) fn section(&self) -> &'static Section {
                match self { $(Self::$kind(_) => <$module::$question as Analysis>::SECTION),+ }
            }

            /// The noisy head count from which a cell is shown; `None` where that is the floor of
            /// contract and job.
            pub(crate) fn shown_from(&self) -> Option<i64> {
                match self { $(Self::$kind(answer) => <$module::$question as Analysis>::shown_from(answer)),+ }
            }

            /// Every figure of the answer with its error, for programs.
            #[must_use]
            pub fn citations(&self) -> Vec<Citation> {
                match self { $(Self::$kind(answer) => <$module::$question as Analysis>::citations(answer)),+ }
            }

            /// The page that its kind writes about `result`, which has this answer.
            pub(crate) fn page(&self, result: &Answered<Self>) -> Page {
                match self {
                    $(Self::$kind(answer) => {
                        <$module::$question as Analysis>::page(&result.clone().map(|_| answer.clone()))
                    })+
                }
            }
        }

        impl Question {
            /// Name of the question's kind.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$module::$question as Analysis>::KIND),+ }
            }

            /// What a contract lists to permit the question's kind.
            #[must_use]
            pub fn section(&self) -> &'static Section {
                match self { $(Self::$kind(_) => <$module::$question as Analysis>::SECTION),+ }
            }

            /// The price of the question, and how it is divided between figures.
            #[must_use]
            pub fn price(&self) -> Price {
                match self { $(Self::$kind(asked) => asked.price()),+ }
            }

            /// What is to be released of the question's tally.
            #[must_use]
            pub fn leaves(&self) -> Leaves {
                match self { $(Self::$kind(asked) => asked.leaves()),+ }
            }

            /// What people call each measure of the question's tally, and how many decimals it has.
            #[must_use]
            pub fn measures(&self) -> Vec<(String, Scale)> {
                match self { $(Self::$kind(asked) => asked.measures()),+ }
            }

            /// The same question with its intervals at another confidence, in millionths; `None` if
            /// it has no intervals. The tally and the figures stay the same.
            #[must_use]
            pub fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
                match self { $(Self::$kind(asked) => asked.at_confidence(confidence).map(Self::$kind)),+ }
            }

            /// The same question with an outcome tested against this margin; `None` if it has no such outcome, or tests none against
            /// margins. The tally and the figures stay the same.
            #[must_use]
            pub fn with_margin(&self, outcome: &str, margin: Margin) -> Option<Self> {
                match self { $(Self::$kind(asked) => asked.with_margin(outcome, margin).map(Self::$kind)),+ }
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

            /// The question that the table called `kind` of a job's TOML asks; `None` if there is
            /// no such kind.
            fn from_toml(
                kind: &str,
                text: &str,
                contract: &Contract,
            ) -> Option<Result<(String, Self), toml::TemplateError>> {
                $(if kind == <$module::$question as Analysis>::KIND {
                    let asked = toml::ask::<$module::$question>(text, contract);
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
    /// A model of people.
    Train(train::Train => train::TrainAnswer),
    /// To which exposures what people did is credited.
    Attribution(attribution::Attribution => attribution::AttributionAnswer),
    /// What a campaign in some places changed there.
    Geo(geo::Geo => geo::GeoAnswer),
}
