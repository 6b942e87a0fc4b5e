//! What to do about a receipt that does not hold.

use super::BUILD;
use crate::trust::{self, Trust};
use attestation_verifier::check::REGION;
use protocol::{contract::Contract, text};

/// What to do if the verifier's check `number` fails: what it expected, and where that comes from.
pub(super) fn remedy(number: u8, receipt: &[u8], contract: &Contract, trust: &Trust) -> String {
    match number {
        _ if receipt.first() == Some(&b'{') => "The file is JSON, as a result is: name the receipt first \
             (receipt.cbor) and the result after it"
            .to_owned(),
        ROOT if trust.is_simulated() => "The root that was named is not the one that the enclave's \
             documents lead to: name with --danger-root the root of the machine that it ran on, or leave \
             it out if that was AWS"
            .to_owned(),
        ROOT => "AWS's root was expected. If a simulated enclave made the receipt, name the root of its \
             machine with --danger-root FILE: whoever has that root's key could have made any receipt"
            .to_owned(),
        BUILD => {
            let builds = contract.builds.iter().map(|build| text::quoted(&build.name));
            format!(
                "Expected the registers of a build that the contract names ({}): ask the parties whether \
                 they agreed to another, and believe nothing until they did",
                builds.collect::<Vec<_>>().join(", ")
            )
        }
        REGION => format!(
            "Expected an enclave in {}: ask the operator where it ran, and the parties whether they agreed to another region",
            trust::regions_in_words(contract)
        ),
        CONTRACT | BODY => format!(
            "Expected contract {} ({}): name with --contract the one under which the job was asked",
            text::quoted(&contract.name),
            contract.digest
        ),
        _ => "Expected a receipt as `glovebox result open` writes it (receipt.cbor), unaltered: ask \
             whoever gave it to you for that file"
            .to_owned(),
    }
}

/// The verifier's check that the certificates lead to the believed root.
const ROOT: u8 = 11;
/// The verifier's checks that instance and body are about the contract.
const CONTRACT: u8 = 26;
const BODY: u8 = 27;
