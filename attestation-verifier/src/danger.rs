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
    Ok(Root::untrusted(der.to_vec()))
}

/// A root from PEM with one certificate and nothing around it.
///
/// # Errors
///
/// As [`root_from_der`]; [`CertificateFlaw::NotDer`] if the text is not such PEM.
pub fn root_from_pem(pem: &str) -> Result<Root, CertificateFlaw> {
    let inside = pem.trim().strip_prefix("-----BEGIN CERTIFICATE-----");
    let inside = inside.and_then(|rest| rest.strip_suffix("-----END CERTIFICATE-----"));
    let der = inside.and_then(base64).ok_or(CertificateFlaw::NotDer)?;
    root_from_der(&der)
}

/// RFC 4648, section 4. Lenient about padding: the result is parsed as DER to the last byte.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0_u8);
    for letter in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
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

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
