//! Roots that AWS did not make: whoever holds such a root's key can pretend to be any enclave.
//!
//! For a simulated NSM, for tests, and for a partition of AWS whose root is not built in. What is
//! believed under such a root says so: see [`Warning::UntrustedRoot`](crate::Warning).

use crate::{CertificateFlaw, Root, certificate::Certificate};

/// A root from its DER encoding.
///
/// # Errors
///
/// What is wrong with the certificate's form: it must be version 3, P-384, ECDSA with SHA-384.
pub fn root_from_der(der: &[u8]) -> Result<Root, CertificateFlaw> {
    Certificate::parse(der)?;
    Ok(Root { der: der.to_vec().into() })
}

/// A root from PEM with one certificate. Text before and after it is passed over (RFC 7468, 5.2).
///
/// # Errors
///
/// As [`root_from_der`]; [`CertificateFlaw::NotPem`] if the text holds no certificate, or several.
pub fn root_from_pem(pem: &str) -> Result<Root, CertificateFlaw> {
    let armored = pem.split_once(BEGIN).and_then(|(_, from)| from.split_once(END));
    let single = armored.filter(|(_, after)| !after.contains(BEGIN));
    let der = single.and_then(|(inside, _)| base64(inside)).ok_or(CertificateFlaw::NotPem)?;
    root_from_der(&der)
}

/// RFC 4648, section 4. Lenient about how much padding ends it: the result is parsed as DER to the
/// last byte.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0_u8);
    let letters = text.trim().trim_end_matches('=').bytes();
    for letter in letters.filter(|byte| !byte.is_ascii_whitespace()) {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(out)
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
