//! `explain`: a document in plain sentences.

use std::{io, io::Write, path::PathBuf};

use attestation_verifier::{Document, Expected, Pcr, explain::Claims};

use crate::{expectation::Trust, failure::Failure, input, report, verify};

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
        let document = match Document::parse(&bytes) {
            Ok(document) => document,
            Err(error) => {
                writeln!(out, "This is not the attestation document of a Nitro enclave: {error}.")?;
                return Ok(false);
            }
        };
        let claims = Claims::of(&document);
        let own = Expected::build(claims.pcrs.clone()).root(root.clone()).allow_debug();
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
            Err(refused) => writeln!(
                out,
                "This document is NOT genuine: check {}: {}. All that follows is what somebody \
                 wrote into it.",
                refused.check, refused.words
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
        if let Ok(believed) = &verdict {
            writeln!(out, "\nWhat was checked\n")?;
            // The rest depends on what one expects, and here nothing is.
            let unconditional = believed.checks().iter().filter(|check| check.number <= 16);
            report::checks(out, unconditional)?;
            for warning in believed.warnings() {
                writeln!(out, "  Warning: {warning}.")?;
            }
        }
        self.what_was_not(out, &claims)?;
        Ok(verdict.is_ok())
    }

    fn what_was_not(&self, out: &mut impl Write, claims: &Claims<'_>) -> io::Result<()> {
        writeln!(
            out,
            "\nWhat was not checked\n
  Whether this build is one to trust: rebuild it from its source and compare the registers.
  Whether the document is fresh: it was judged as of its own time. Ask with a nonce of your own.
  Whether a certificate was revoked: AWS prescribes the path check with revocation off. If you have
  revocation lists, `verify` takes them with --crl.
\nTo check it against a build, put your own values here\n"
        )?;
        write!(out, "  attestation-verifier verify {} --at document", self.document.display())?;
        write!(out, "{}", self.trust.option())?;
        for (index, pcr) in claims.pcrs.range(..=2) {
            write!(out, " \\\n    --pcr {index}={pcr}")?;
        }
        writeln!(out)
    }
}

fn registers(out: &mut impl Write, claims: &Claims<'_>) -> io::Result<()> {
    if claims.pcrs.get(&0).is_none_or(|pcr| *pcr == Pcr::DEBUG) {
        writeln!(out, "  It runs in DEBUG MODE: its operator sees everything in it.")?;
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
