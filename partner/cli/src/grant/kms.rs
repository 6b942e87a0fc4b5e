//! A grant that AWS KMS hands over: a file for the operator.

use super::Grant;
use crate::{common_args::Common, document, failure::Failure, files, say, version};
use client::{
    keys::Identity,
    kms::{Standing, seal},
    withdrawn,
};
use protocol::{
    contract::{Build, Contract},
    key::DataKey,
    manifest::SignedManifest,
    page::number,
};
use std::{collections::BTreeMap, net::SocketAddr, process::ExitCode};

/// What is granted.
pub(super) struct Of<'a> {
    pub(super) common: &'a Common,
    pub(super) contract: &'a Contract,
    pub(super) dataset: &'a str,
    pub(super) manifest: &'a SignedManifest,
}

impl Grant {
    /// Writes the grant. No instance is asked: which builds may have the keys is in it, and KMS and the enclave hold to that.
    pub(super) async fn by_kms(
        &self,
        identity: &Identity,
        of: Of<'_>,
        keys: &BTreeMap<String, DataKey>,
        (proxy, key): (SocketAddr, &str),
    ) -> Result<ExitCode, Failure> {
        let Of { common, contract, dataset, manifest } = of;
        let usual = || files::with_end(&common.stem(dataset), "kms-grant");
        let out = self.out.clone().unwrap_or_else(usual);
        files::refuse_present(&out)?;
        let builds = builds(contract, common)?;
        let standing =
            Standing { contract, dataset, manifest, builds: &builds, until: self.not_after };
        let made = seal(identity, standing, keys, (proxy, key)).await?;
        files::write_bytes_new(&out, &made.sealed.to_vec())?;
        let of = manifest.manifest();
        document::fields(&serde_json::json!({
            "dataset": dataset, "granted": true, "columns": made.columns, "version": of.version,
            "declared": of.declared, "manifest": of.digest(), "opt_outs": of.opt_outs, "not_after": made.until.to_string(), "file": out,
        }))?;
        say::result(format_args!(
            "{dataset}: {} of {} are in {}, for every instance of {} until {}. The operator puts the file where `glovebox-host run \
             --kms-grants` looks; an instance keeps what KMS hands over for a day, then asks again.",
            made.columns.join(", "),
            version::in_words(of),
            out.display(),
            builds.iter().map(|build| build.name.as_str()).collect::<Vec<_>>().join(", "),
            number::moment(made.until),
        ))?;
        if of.opt_outs.is_some() {
            say::note(
                "The newest list of opt-outs is in it. After `glovebox optout` make it anew, for the operator to put in its place.",
            );
        }
        say::note(
            "To end it: `glovebox grant --revoke` at each instance, and disable the KMS key, or take kms:Decrypt out of its policy. The file alone may have been \
             copied. `glovebox kms lint` says whether the policy keeps everybody but these builds out.",
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// The builds of the contract that the party did not withdraw.
fn builds(contract: &Contract, common: &Common) -> Result<Vec<Build>, Failure> {
    let gone = withdrawn::read(&common.dir)?.unwrap_or_default();
    let is_gone = |build: &Build| {
        gone.iter().any(|gone| gone.iter().all(|(index, pcr)| build.pcrs.get(index) == Some(pcr)))
    };
    let builds: Vec<Build> =
        contract.builds.iter().filter(|build| !is_gone(build)).cloned().collect();
    if builds.is_empty() {
        return Err(Failure::no(
            "this party withdrew every build that the contract lists: agree on a contract with another build first",
        ));
    }
    Ok(builds)
}
