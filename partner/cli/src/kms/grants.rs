//! Grants on a key: each lets somebody past its policy. They are no part of it, and are listed apart.

use super::judge::Finding;
use serde::Deserialize;

/// What `aws kms list-grants` prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Grants {
    grants: Vec<Grant>,
    /// Whether there are more than it lists.
    #[serde(default)]
    truncated: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Grant {
    grant_id: String,
    #[serde(default)]
    grantee_principal: Option<String>,
    operations: Vec<String>,
}

impl Grants {
    /// Reads all of the list.
    pub(crate) fn parse(text: &str) -> Result<Self, GrantsError> {
        let all: Self = serde_json::from_str(text)?;
        if all.truncated { Err(GrantsError::Truncated) } else { Ok(all) }
    }

    /// Grants with which something can be decrypted: no constraint of a grant asks for the document of an enclave.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let found = self.grants.iter().filter_map(|grant| {
            let operations: Vec<&str> = grant
                .operations
                .iter()
                .map(String::as_str)
                .filter(|one| !HARMLESS.contains(one))
                .collect();
            let who = grant.grantee_principal.as_deref().unwrap_or("a service of AWS");
            (!operations.is_empty()).then(|| Finding {
                statement: None,
                grant: Some(grant.grant_id.clone()),
                fault: "key_grant",
                text: format!(
                    "{who} may call {} by a grant, whatever the policy says",
                    operations.join(", ")
                ),
                remedy: format!(
                    "end it with `aws kms revoke-grant --key-id KEY --grant-id {}`",
                    grant.grant_id
                ),
            })
        });
        found.collect()
    }
}

/// Why a file cannot be read as a list of grants.
///
/// Remedy: give what `aws kms list-grants --key-id KEY` prints, whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantsError {
    /// It is not what `list-grants` prints.
    #[error("this is not what `aws kms list-grants` prints: {0}")]
    Json(#[from] serde_json::Error),
    /// The list goes on elsewhere.
    #[error("the list of grants is cut off (\"Truncated\" is true): list them without a limit")]
    Truncated,
}

/// Operations that give nothing back which was encrypted, and hand nothing on.
const HARMLESS: [&str; 10] = [
    "Encrypt",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPairWithoutPlaintext",
    "ReEncryptTo",
    "Verify",
    "VerifyMac",
    "GetPublicKey",
    "DescribeKey",
    "RetireGrant",
    "GenerateMac",
];
