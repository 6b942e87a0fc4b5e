//! What can be wrong with standing orders and their runs.

use crate::{limits, time::Time};
use serde::{Deserialize, Serialize};

/// Why nobody may accept an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrderFlaw {
    /// Its name is not one that may stand in a contract.
    #[error(
        "its name is not a name as in a contract: a-z first, then a-z, 0-9, '-' or '_', at most 32 characters"
    )]
    Name,
    /// It has no runs, or too many.
    #[error("found {found} runs, expected 1 to {}", limits::RUNS)]
    Runs {
        /// How many.
        found: u64,
    },
    /// Too many attempts, or none.
    #[error("found {found} attempts at each run, expected 1 to {}", limits::ATTEMPTS)]
    Attempts {
        /// How many.
        found: u8,
    },
    /// It names another purpose than its analysis has.
    #[error("it names another purpose than the contract gives to its analysis")]
    Purpose,
    /// A run does not follow the one before it, or waits for no time or too long.
    #[error(
        "run {number} does not come after the run before it, or may begin for no time or for more than a day"
    )]
    Window {
        /// The number of the run.
        number: u32,
    },
    /// A run ends after the contract.
    #[error(
        "run {number} may begin after the contract has ended at {expires}: an order ends with its contract"
    )]
    AfterContract {
        /// The number of the run.
        number: u32,
        /// When the contract ends.
        expires: Time,
    },
    /// The questions beside it are not those of its runs.
    #[error("the questions beside it are not those that its runs name")]
    Questions,
    /// A question costs more than the order says.
    #[error("the question of run {number} costs more than the order's price of a run")]
    OverPrice {
        /// The number of the run.
        number: u32,
    },
}

/// Why a run is not paid or not begun.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunFlaw {
    /// The order has no run of this number.
    #[error("the order has {runs} runs, missed ones included")]
    NoSuchRun {
        /// How many runs there are.
        runs: u32,
    },
    /// It is not its time yet.
    #[error("it is scheduled for {at}")]
    Early {
        /// The instant.
        at: Time,
    },
    /// Its time is over.
    #[error("it had to begin before {until}, and is missed")]
    Late {
        /// The end of its time.
        until: Time,
    },
    /// It asks something else than the order says.
    #[error("it asks another question than the order has for it")]
    OtherQuestion,
    /// It costs more than the order says.
    #[error("it costs more than the order's price of a run")]
    OverPrice,
    /// It was submitted as a job is.
    #[error(
        "it was submitted as a job: owners' services bring the runs of an order, each its own slices, to an \
         instance that they have verified"
    )]
    Submitted,
    /// The owner has not accepted the order.
    #[error("{owner} has not accepted the order (`glovebox order accept`)")]
    NotAccepted {
        /// The owner.
        owner: String,
    },
    /// A party cancelled the order.
    #[error("{by} cancelled the order")]
    Cancelled {
        /// The party.
        by: String,
    },
    /// The owner suspended the order.
    #[error("{owner} has suspended the order (`glovebox order resume` lets it go on)")]
    Suspended {
        /// The owner.
        owner: String,
    },
    /// As many instances as may have had its slices.
    #[error(
        "{most} instances have had slices for it, which is all that the order allows, and no closing shows \
         one of them unspent"
    )]
    Attempts {
        /// The order's attempts.
        most: u8,
    },
    /// The first slice of the run was for other versions of its datasets.
    #[error(
        "its first slice was for other versions of the data, and every attempt at a run is on the same ones"
    )]
    OtherVersions,
    /// The run names another version of a dataset than the owner's newest.
    #[error("it names another version of \"{dataset}\" than the newest that its owner has sealed")]
    NotNewest {
        /// Name of the dataset.
        dataset: String,
    },
    /// It was answered.
    #[error("it was answered in the instance {instance}")]
    Answered {
        /// The first digits of the instance.
        instance: String,
    },
}
