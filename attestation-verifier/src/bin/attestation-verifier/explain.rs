//! `explain`: a document in plain sentences.

use std::{io, io::Write, path::PathBuf};

use attestation_verifier::{Believed, Expected, Pcr, check, explain::Claims, receipt::Attested};

use crate::{
    expectation::Trust,
    failure::Failure,
    input, report,
    verify::{self, Refused},
};

/// Say in plain sentences what a document is, what was checked, and what was not
///
/// Exits with 0 if the document is genuine. That alone is no reason to trust the enclave: anybody
/// can run one.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// Attestation document, or `-`
    document: PathBuf,

    #[command(flatten)]
    trust: Trust,
}

impl Explain {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<bool, Failure> {
        let bytes = input::read(&self.document)?;
        let root = self.trust.root()?;
        report::root(out, &root, false)?;
        let document = match verify::parse(&bytes) {
            Ok(document) => document,
            Err(_) if Attested::parse(&bytes).is_ok() => return self.is_receipt(out),
            Err(refused) => {
                let Refused { check, words } = &refused;
                writeln!(
                    out,
                    "This is not the attestation document of a Nitro enclave: check {check}: {words}."
                )?;
                checked(out, &Err(refused))?;
                return Ok(false);
            }
        };
        let claims = Claims::of(&document);
        // Its own registers, so that all that can fail is what depends on no expectation. A missing
        // PCR0 is refused whatever is expected of it.
        let mut pcrs = claims.pcrs.clone();
        pcrs.entry(0).or_insert(Pcr::DEBUG);
        let own = Expected::build(pcrs).root(root.clone()).allow_debug();
        let verdict = verify::verify(&bytes, &own, None);
        match &verdict {
            Ok(_) if root.is_aws() => writeln!(
                out,
                "This document is genuine: the certificates lead to {root}, and the hypervisor of \
                 an EC2 instance signed it at {}.",
                claims.timestamp
            )?,
            Ok(_) => writeln!(
                out,
                "This document is as good as its root, which is not AWS's: {root}. It says that \
                 it was signed at {}.",
                claims.timestamp
            )?,
            Err(Refused { check, words }) if *check > LAST_OF_ALL => writeln!(
                out,
                "The certificates lead to {root} and the signature holds, but such a document is \
                 never believed: check {check}: {words}."
            )?,
            Err(Refused { check, words }) => writeln!(
                out,
                "This document is NOT genuine: check {check}: {words}. All that follows is what \
                 somebody wrote into it."
            )?,
        }
        writeln!(out, "\nWhat it says\n\n  It is enclave {}.", claims.module_id)?;
        registers(out, &claims)?;
        for (name, bytes) in [
            ("public key", claims.public_key),
            ("user data", claims.user_data),
            ("nonce", claims.nonce),
        ] {
            match bytes {
                None => writeln!(out, "  It carries no {name}.")?,
                Some([]) => writeln!(out, "  It carries {name} of no bytes.")?,
                Some(bytes) => writeln!(out, "  It carries {name}: {}", hex::encode(bytes))?,
            }
        }
        checked(out, &verdict)?;
        self.what_was_not(out, &claims)?;
        Ok(verdict.is_ok())
    }

    /// A receipt holds such a document, and is more: it is checked as a whole.
    fn is_receipt(&self, out: &mut impl Write) -> Result<bool, Failure> {
        let file = report::quoted(&self.document);
        writeln!(
            out,
            "This is a receipt or a closing, and not the attestation document that it holds: nothing in it was \
             checked. Check it with your contract and the result that it is for, and put your own values here\n\n  \
             attestation-verifier receipt {file} result.json --contract FILE --pcr 0=HEX{}",
            self.trust.option()
        )?;
        Ok(false)
    }

    fn what_was_not(&self, out: &mut impl Write, claims: &Claims<'_>) -> io::Result<()> {
        writeln!(
            out,
            "\nWhat was not checked\n
  Whether this build is one to trust: rebuild it from its source and compare the registers.
  Whether the document is fresh: it was judged as of its own time. Ask with a nonce of your own.
  Whether a certificate was revoked: AWS prescribes the path check with revocation off. If you have
  revocation lists, `verify` takes them with --crl."
        )?;
        if !claims.pcrs.contains_key(&0) {
            return writeln!(out, "\nIt cannot be checked against a build, as it has no PCR0.");
        }
        writeln!(out, "\nTo check it against a build, put your own values here\n")?;
        write!(out, "  attestation-verifier verify {}", report::quoted(&self.document))?;
        write!(out, " --at document{}", self.trust.option())?;
        if is_debug(claims) {
            write!(out, " --allow-debug")?;
        }
        for (index, pcr) in claims.pcrs.range(..=2) {
            write!(out, " \\\n    --pcr {index}={pcr}")?;
        }
        writeln!(out)
    }
}

/// How the checks went that depend on no expectation, and the one that failed.
fn checked(out: &mut impl Write, verdict: &Result<Believed, Refused>) -> io::Result<()> {
    let (checks, warnings, failed) = match verdict {
        Ok(believed) => (believed.checks().to_vec(), believed.warnings(), 0),
        Err(Refused { check, words }) => (check::failed(*check, words), &[][..], *check),
    };
    writeln!(out, "\nWhat was checked\n")?;
    let shown = |number| number <= LAST_OF_ALL || number == failed;
    report::checks(out, checks.iter().filter(|check| shown(check.number)))?;
    for warning in warnings {
        writeln!(out, "  Warning: {warning}.")?;
    }
    Ok(())
}

fn is_debug(claims: &Claims<'_>) -> bool {
    claims.pcrs.range(..=2).any(|(_, pcr)| *pcr == Pcr::DEBUG)
}

fn registers(out: &mut impl Write, claims: &Claims<'_>) -> io::Result<()> {
    if is_debug(claims) {
        writeln!(
            out,
            "  It runs in DEBUG MODE, since one of PCR0 to PCR2 is zero: its operator sees \
             everything in it."
        )?;
    }
    if !claims.pcrs.contains_key(&0) {
        writeln!(out, "  It has no PCR0, the register of the whole image.")?;
    }
    for (index, pcr) in claims.pcrs.iter().filter(|(_, pcr)| **pcr != Pcr::DEBUG) {
        let meaning = match index {
            0 => "the whole image",
            1 => "kernel and boot ramdisk",
            2 => "the application",
            3 => "the parent instance's IAM role",
            4 => "the parent instance's id",
            8 => "the certificate that signed the image",
            16.. => "chosen by the enclave",
            _ => "reserved",
        };
        writeln!(out, "  PCR{index}, {meaning}:\n    {pcr}")?;
    }
    Ok(())
}

/// The last check that depends on no expectation.
const LAST_OF_ALL: u8 = 16;
