//! Why a grant is not made.

use crate::{
    keys::IdentityError, opt_outs::OptOutsError, room::RoomError, salts::SaltError,
    withdrawals::WithdrawalError,
};
use protocol::{
    delegation::KeyError, hpke::OpenError, manifest::ManifestError, refusal::Refusal, time::Time,
};

/// Why a grant is not made, or not accepted.
///
/// Remedy: name the dataset, its files and the folder of its owner's keys as the text says; nothing was granted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The contract has no such dataset.
    #[error("the contract has no dataset \"{dataset}\": it has {}", known.join(", "))]
    NoDataset {
        /// The name that was given.
        dataset: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The dataset belongs to another party.
    #[error(
        "\"{dataset}\" belongs to {owner}, and these are the keys of {party}: only its owner decides about it; name the folder \
         of the owner's keys with --dir"
    )]
    NotOurs {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
        /// The party that would grant it.
        party: String,
    },
    /// The contract uses no column of the dataset, so there is no key to release.
    #[error("no analysis of the contract uses \"{dataset}\": there is nothing to grant")]
    Unused {
        /// Name of the dataset.
        dataset: String,
    },
    /// The manifest's signature does not hold.
    #[error("the manifest is not {owner}'s: {cause}")]
    ManifestSignature {
        /// The party that should have signed.
        owner: String,
        /// What is wrong with the signature or its key.
        cause: KeyError,
    },
    /// A withdrawn key signed the manifest, which is not known to be of the file that the owner
    /// sealed.
    #[error(
        "{dataset}.manifest was signed by a key that {owner} withdrew, and the keys file does not name the sealed file \
         that it is of: give the .keys and the .manifest that one `glovebox seal` wrote, or seal the dataset again"
    )]
    WithdrawnSigner {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
    },
    /// The manifest is of another dataset.
    #[error("this is the manifest of \"{found}\"; name that of \"{dataset}\"")]
    OtherDataset {
        /// The dataset of the manifest.
        found: String,
        /// The dataset that is granted.
        dataset: String,
    },
    /// The content of the manifest does not fit the contract.
    #[error("{0}: seal the dataset again under this contract")]
    Manifest(#[source] ManifestError),
    /// The keys file lacks the key of a column.
    #[error("the keys file has no key of \"{column}\": it belongs to another sealed file")]
    KeyMissing {
        /// Name of the column.
        column: String,
    },
    /// The instance's key cannot be used.
    #[error("the instance's recipient key: {0}")]
    InstanceKey(#[source] OpenError),
    /// The grant would end before it begins.
    #[error("the grant would be over at {not_after}, before it begins")]
    Over {
        /// The end of the grant.
        not_after: Time,
    },
    /// This party's bucket salt cannot be used.
    #[error(transparent)]
    Salt(#[from] SaltError),
    /// This party's list of withdrawn keys cannot be used.
    #[error(transparent)]
    Withdrawals(#[from] WithdrawalError),
    /// This party's list of opt-outs cannot be used.
    #[error(transparent)]
    OptOuts(#[from] OptOutsError),
    /// This party's keys cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The room did not answer, or is not believed.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The instance refused the grant.
    #[error("{0}")]
    Refused(#[source] Box<Refusal>),
}
