//! The builds of a contract, and who must have rebuilt them.

use super::{Flaw, Page, Parsed, named::Named, raw::RawBuild};
use crate::{contract::Build, digest::Digest, sign::PublicKey};
use attestation_verifier::Pcr;
use toml::Spanned;

/// Every build by the order of names, and the keys whose holders sign the manifest of each.
pub(super) fn builds(
    page: &Page<'_>,
    raw: &[RawBuild],
    signers: Option<&Spanned<Vec<Spanned<String>>>>,
) -> Parsed<(Vec<Build>, Vec<PublicKey>)> {
    let mut builds = Named::new(page);
    for build in raw {
        let name = page.name(&build.name)?;
        let pcrs = [(0, &build.pcr0), (1, &build.pcr1), (2, &build.pcr2)];
        let pcrs = pcrs.into_iter().map(|(index, text)| {
            let pcr: Pcr = page.value(text, "PCR")?;
            if pcr == Pcr::DEBUG {
                return Err(page.range(text, "pcr", "not all zeros: that is a debug enclave"));
            }
            Ok((index, pcr))
        });
        let pcrs = pcrs.collect::<Parsed<_>>()?;
        let manifest: Option<Digest> =
            build.manifest.as_ref().map(|text| page.value(text, "manifest")).transpose()?;
        if manifest.is_none() && signers.is_some() {
            return Err(page.flaw(build.name.span(), Flaw::NoManifest(name)));
        }
        builds.insert(&build.name, Build { name, pcrs, manifest })?;
    }
    let signers = signers.map(|signers| self::signers(page, signers)).transpose()?;
    Ok((builds.things.into_values().collect(), signers.unwrap_or_default()))
}

fn signers(page: &Page<'_>, raw: &Spanned<Vec<Spanned<String>>>) -> Parsed<Vec<PublicKey>> {
    let mut signers = Vec::new();
    for text in raw.get_ref() {
        let key: PublicKey = page.value(text, "build_signers")?;
        if signers.contains(&key) {
            let (first, second) = (key.to_string(), key.to_string());
            return Err(page.flaw(text.span(), Flaw::Duplicate { first, second }));
        }
        signers.push(key);
    }
    if signers.is_empty() {
        return Err(page.flaw(raw.span(), Flaw::Missing("key of a builder")));
    }
    Ok(signers)
}
