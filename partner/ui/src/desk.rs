//! What the page shows and asks for, by whoever holds the party's folder.

use protocol::{
    contract::Contract,
    page::{Page, Section, Text},
};

/// The folder of a party, as far as its page may reach. Its functions may block.
pub trait Desk: Send + Sync + 'static {
    /// Whose desk it is: shown above every screen.
    fn standing(&self) -> Standing;

    /// The contract of the room.
    fn contract(&self) -> &Contract;

    /// The contracts in the folder that this party has not signed yet.
    ///
    /// # Errors
    ///
    /// Why they cannot be read.
    fn drafts(&self) -> Result<Vec<Link>, Text>;

    /// One of them in sentences, with what it changes in the contract that was signed last; and its digest.
    ///
    /// # Errors
    ///
    /// Why it cannot be shown.
    fn draft(&self, name: &str) -> Result<(Page, String), Text>;

    /// What a job costs, how exact its answer will be, and what would be refused.
    ///
    /// # Errors
    ///
    /// Why the contract does not permit the question: a sentence, and then the rule, whose it is, what is left and what would pass, as
    /// far as there is something to say.
    fn price(&self, job: &str) -> Result<Priced, Vec<Text>>;

    /// Who pays for a question of this analysis, and what is left.
    ///
    /// # Errors
    ///
    /// Why it cannot be said.
    fn payers(&self, analysis: &str) -> Result<Section, Text>;

    /// Keeps what is wished for the terminal to ask about, and gives it a number.
    ///
    /// # Errors
    ///
    /// Why the terminal is not asked.
    fn prepare(&self, wish: Wish) -> Result<u64, Text>;

    /// What became of a wish.
    fn prepared(&self, number: u64) -> Option<Prepared>;

    /// What stands on a screen.
    ///
    /// # Errors
    ///
    /// Why it cannot be shown, and what to do about it.
    fn screen(&self, screen: Screen) -> Result<Page, Text>;

    /// One result, as it is called in a link of [`Screen::Results`].
    ///
    /// # Errors
    ///
    /// Why it cannot be shown: above all that its receipt does not hold.
    fn result(&self, name: &str) -> Result<Page, Text>;

    /// The results that are there, the newest first.
    ///
    /// # Errors
    ///
    /// Why they cannot be read.
    fn results(&self) -> Result<Vec<Link>, Text>;
}

/// Whose desk it is.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by every `Desk`")]
pub struct Standing {
    /// The party.
    pub party: String,
    /// What the folder calls the room.
    pub room: String,
    /// Why nothing here is proven, in the words that come first on every screen; `None` where the root is AWS's.
    pub simulated: Option<&'static str>,
}

/// What a job would cost.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by every `Desk`")]
pub struct Priced {
    /// In words.
    pub page: Page,
    /// Whether nothing is known that would refuse it.
    pub may_be_asked: bool,
    /// Other epsilons at which it can be priced.
    pub steps: Vec<String>,
}

/// Something that is done only after a yes in the terminal.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever does it must see a new one")]
pub enum Wish {
    /// To sign a job and submit it.
    Ask {
        /// Its TOML.
        job: String,
        /// Who may read the answer; whoever asks, if it is empty.
        receivers: Vec<String>,
    },
    /// To sign a contract.
    Sign {
        /// As [`Desk::drafts`] calls it.
        draft: String,
        /// The digest of the text that was shown: no other is signed.
        digest: String,
    },
}

/// A wish, and what became of it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by every `Desk`")]
pub struct Prepared {
    /// What was wished for.
    pub about: Text,
    /// What has happened so far.
    pub said: Vec<Text>,
    /// How far it is.
    pub state: State,
}

/// How far a wish is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever shows it must see a new one")]
pub enum State {
    /// The terminal asks about it.
    Waiting,
    /// The terminal was told yes.
    Working,
    /// It was done; where it leads on, or nowhere.
    Done(String),
    /// It was not done.
    Ended,
}

impl State {
    /// Whether it may still become another one.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Waiting | Self::Working)
    }

    /// In a few words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Waiting => "Waiting for your yes in the terminal",
            Self::Working => "Being done",
            Self::Done(_) => "Done",
            Self::Ended => "Not done",
        }
    }
}

/// A line of a list that leads on.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by every `Desk`")]
pub struct Link {
    /// What stands in the address, after the screen's.
    pub name: String,
    /// What people read.
    pub words: Text,
    /// What is the matter with it, if it cannot be believed.
    pub stop: Option<Text>,
}

/// A screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever fills screens must see a new one")]
pub enum Screen {
    /// Who is believed and why, until when versions are granted, what the host holds.
    Room,
    /// What is left, and what it was spent on.
    Budget,
    /// Forms of what may be asked.
    Ask,
    /// Answers, each after its receipt was checked.
    Results,
    /// The contract in sentences.
    Contract,
    /// The party's own datasets: what was sealed, how good it was, what moved.
    Data,
    /// What the party's service did.
    Journal,
}

impl Screen {
    /// Every screen, in the order of the menu.
    pub const ALL: [Self; 7] = [
        Self::Budget,
        Self::Ask,
        Self::Results,
        Self::Room,
        Self::Contract,
        Self::Data,
        Self::Journal,
    ];

    /// What the menu calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Room => "Room",
            Self::Budget => "Budget",
            Self::Ask => "Ask",
            Self::Results => "Results",
            Self::Contract => "Contract",
            Self::Data => "Data",
            Self::Journal => "Journal",
        }
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Budget => {
                "How much may still be asked of this party's data, and what the rest went to."
            }
            Self::Ask => {
                "Fill in a question and see what it costs. Nothing is signed and nobody is asked before you say yes in the terminal."
            }
            Self::Results => {
                "The answers that this party received, each shown only if its receipt holds."
            }
            Self::Room => "Whether the enclave may be believed now, and what it holds.",
            Self::Contract => {
                "What all parties agreed on, and contracts that wait for this party's signature."
            }
            Self::Data => "What this party sealed of its own data, and how good its rows were.",
            Self::Journal => "What this party's service did while nobody was looking.",
        }
    }

    /// Its address.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Room => "/room",
            Self::Budget => "/budget",
            Self::Ask => "/ask",
            Self::Results => "/results",
            Self::Contract => "/contract",
            Self::Data => "/data",
            Self::Journal => "/journal",
        }
    }
}
