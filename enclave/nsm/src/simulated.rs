//! A module for laptops: it has its own CA, and signs real COSE and X.509 that go through the real
//! verifier.
//!
//! Nothing that it signs says anything about hardware. Its root is made on first use, and a
//! verifier believes it only where a person names it.

use crate::{Fault, Nsm, NsmError};
use attestation_verifier::Pcr;
use ciborium::Value;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384,
};
use ring::{
    digest::{SHA384, digest},
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};
use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};
use time::{Duration, OffsetDateTime};
use zeroize::{Zeroize, Zeroizing};

/// A module that signs under a CA of its own.
pub struct Simulated {
    root: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
    random: SystemRandom,
    module_id: String,
    pcrs: BTreeMap<u8, Pcr>,
}

/// The registers of a simulated enclave: PCR0 to PCR2 as if `program` were the whole image.
#[must_use]
pub fn measure(program: &[u8]) -> BTreeMap<u8, Pcr> {
    let inner = digest(&SHA384, program);
    let register = |index: u8| {
        let mut extended = vec![0; Pcr::LEN];
        extended.extend_from_slice(inner.as_ref());
        extended.push(index);
        let mut bytes = [0; Pcr::LEN];
        bytes.copy_from_slice(digest(&SHA384, &extended).as_ref());
        (index, Pcr::from(bytes))
    };
    (0..=2).map(register).collect()
}

impl Simulated {
    /// A module under the CA in `directory`. The CA is made on first use: verifiers must name its
    /// `root.der`, and its `root.key` stays there with mode 0600.
    ///
    /// # Errors
    ///
    /// [`SimulatedError`] if the files cannot be read or written.
    pub fn with_ca(directory: &Path, pcrs: BTreeMap<u8, Pcr>) -> Result<Self, SimulatedError> {
        fs::create_dir_all(directory)?;
        let key_path = directory.join("root.key");
        let root_path = directory.join("root.der");
        if !key_path.exists() {
            let (key, root) = authority()?;
            // The root is written first: a key without its root is never used.
            fs::write(&root_path, root)?;
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&key_path)?;
            file.write_all(&key)?;
            file.sync_all()?;
        }
        let key = Zeroizing::new(fs::read(&key_path)?);
        Self::new(&key, fs::read(&root_path)?, pcrs)
    }

    /// A module under a CA that ends with the process.
    ///
    /// # Errors
    ///
    /// [`SimulatedError`] if no key can be made.
    pub fn throw_away(pcrs: BTreeMap<u8, Pcr>) -> Result<Self, SimulatedError> {
        let (key, root) = authority()?;
        Self::new(&key, root, pcrs)
    }

    fn new(key: &[u8], root: Vec<u8>, pcrs: BTreeMap<u8, Pcr>) -> Result<Self, SimulatedError> {
        std::hint::black_box(MARKER);
        let key = KeyPair::try_from(key)?;
        let issuer = Issuer::new(authority_params(OffsetDateTime::UNIX_EPOCH)?, key);
        let random = SystemRandom::new();
        let mut id = [0; 8];
        random.fill(&mut id).map_err(|_| SimulatedError::NoEntropy)?;
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let module_id = format!("i-simulated-enc{hex}");
        Ok(Self { root, issuer, random, module_id, pcrs })
    }

    /// The root certificate, in DER, that a verifier must name.
    #[must_use]
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    fn document(
        &self,
        public_key: Option<&[u8]>,
        user_data: Option<&[u8]>,
        nonce: Option<&[u8]>,
    ) -> Result<Vec<u8>, SimulatedError> {
        #[expect(clippy::disallowed_methods, reason = "this stands in for the hypervisor's clock")]
        let now = SystemTime::now();
        let millis = now.duration_since(UNIX_EPOCH).map_err(|_| SimulatedError::NoEntropy)?;
        let millis = u64::try_from(millis.as_millis()).map_err(|_| SimulatedError::NoEntropy)?;
        let (leaf, mut pkcs8) = self.leaf(OffsetDateTime::from(now))?;
        let signer =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &pkcs8, &self.random);
        pkcs8.zeroize();
        let signer = signer.map_err(|_| SimulatedError::NoEntropy)?;
        let text = |text: &str| Value::Text(text.to_owned());
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        let optional = |field: Option<&[u8]>| field.map_or(Value::Null, bytes);
        let unused = Pcr::from([0; Pcr::LEN]);
        let registers = (0..16_u8).map(|index| {
            let pcr = self.pcrs.get(&index).unwrap_or(&unused);
            (Value::from(index), bytes(pcr.as_bytes()))
        });
        let payload = encode(&Value::Map(vec![
            (text("module_id"), text(&self.module_id)),
            (text("digest"), text("SHA384")),
            (text("timestamp"), Value::from(millis)),
            (text("pcrs"), Value::Map(registers.collect())),
            (text("certificate"), bytes(&leaf)),
            (text("cabundle"), Value::Array(vec![bytes(&self.root)])),
            (text("public_key"), optional(public_key)),
            (text("user_data"), optional(user_data)),
            (text("nonce"), optional(nonce)),
        ]));
        let to_sign = encode(&Value::Array(vec![
            text("Signature1"),
            bytes(PROTECTED),
            bytes(&[]),
            bytes(&payload),
        ]));
        let signature =
            signer.sign(&self.random, &to_sign).map_err(|_| SimulatedError::NoEntropy)?;
        Ok(encode(&Value::Array(vec![
            bytes(PROTECTED),
            Value::Map(Vec::new()),
            Value::Bytes(payload),
            bytes(signature.as_ref()),
        ])))
    }

    /// A certificate for a fresh key, for three hours, as the real module's certificates are.
    fn leaf(&self, now: OffsetDateTime) -> Result<(Vec<u8>, Vec<u8>), SimulatedError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, self.module_id.as_str());
        params.not_before = now - Duration::minutes(1);
        params.not_after = now + Duration::hours(3);
        params.is_ca = IsCa::NoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.der().to_vec(), key.serialize_der()))
    }
}

impl Nsm for Simulated {
    fn attest(&self, user_data: Option<&[u8]>, nonce: Option<&[u8]>) -> Result<Vec<u8>, NsmError> {
        let document = self.document(None, user_data, nonce);
        document.map_err(|_| NsmError::Failed { fault: Fault::Internal })
    }

    fn attest_key(&self, public_key: &[u8]) -> Result<Vec<u8>, NsmError> {
        let document = self.document(Some(public_key), None, None);
        document.map_err(|_| NsmError::Failed { fault: Fault::Internal })
    }

    fn entropy(&self) -> Result<Zeroizing<[u8; 32]>, NsmError> {
        let mut entropy = Zeroizing::new([0; 32]);
        self.random
            .fill(entropy.as_mut())
            .map_err(|_| NsmError::NoEntropy { who: "simulated module" })?;
        Ok(entropy)
    }
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Simulated({})", self.module_id)
    }
}

/// Why the simulated module cannot be made, or cannot sign.
///
/// Remedy: see that the folder of the simulated CA can be read and written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatedError {
    /// A file of the CA cannot be read or written.
    #[error("the simulated CA's files: {0}")]
    Io(#[from] io::Error),
    /// A certificate or key cannot be made.
    #[error("the simulated CA: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The operating system gives no randomness or no time.
    #[error("the operating system gives no randomness or time")]
    NoEntropy,
}

/// Makes a new CA: its key (PKCS #8) and its self-signed certificate, both in DER.
fn authority() -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), SimulatedError> {
    #[expect(clippy::disallowed_methods, reason = "this stands in for a certificate authority")]
    let now = OffsetDateTime::from(SystemTime::now());
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
    let root = authority_params(now)?.self_signed(&key)?;
    Ok((Zeroizing::new(key.serialize_der()), root.der().to_vec()))
}

fn authority_params(now: OffsetDateTime) -> Result<CertificateParams, SimulatedError> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, "SIMULATED glovebox root");
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(3650);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("invariant: writing to memory succeeds");
    bytes
}

/// The text by which `eif-build` recognises this module, to pack no program that has it.
/// `black_box` keeps it in the program.
const MARKER: &str = "glovebox marker: simulated module, never in an image";
/// `{1: -35}`: ES384.
const PROTECTED: &[u8] = &[0xa1, 0x01, 0x38, 0x22];

#[cfg(test)]
mod tests {
    use super::*;
    use attestation_verifier::{Document, Expected, Timestamp, VerifyError, danger};

    fn expected(module: &Simulated) -> Expected {
        let root = danger::root_from_der(module.root()).unwrap();
        Expected::any_of(vec![measure(b"program")]).root(root)
    }

    #[test]
    fn its_documents_pass_the_real_verifier() {
        let module = Simulated::throw_away(measure(b"program")).unwrap();
        let document = module.attest(Some(b"data"), Some(&[7; 32])).unwrap();
        let own = crate::read(&document).unwrap();
        let now = Timestamp::from_millis(own.time_millis);
        let expected = expected(&module).nonce([7; 32]).user_data(*b"data");
        let believed = Document::parse(&document).unwrap().verify(&expected, now).unwrap();
        assert_eq!(believed.user_data(), Some(&b"data"[..]));
    }

    #[test]
    fn nobody_believes_it_who_does_not_name_its_root() {
        let module = Simulated::throw_away(measure(b"program")).unwrap();
        let other = Simulated::throw_away(measure(b"program")).unwrap();
        let document = module.attest(None, None).unwrap();
        let document = Document::parse(&document).unwrap();
        let own = crate::own(&module).unwrap();
        let now = Timestamp::from_millis(own.time_millis);
        let aws = Expected::any_of(vec![measure(b"program")]);
        for expected in [aws, expected(&other)] {
            let refused = document.verify(&expected, now).unwrap_err();
            assert!(!matches!(refused, VerifyError::EmptyExpectation), "{refused}");
        }
    }

    #[test]
    fn a_ca_survives_a_restart_and_its_key_is_private() {
        let directory = std::env::temp_dir().join(format!("glovebox-nsm-{}", std::process::id()));
        let first = Simulated::with_ca(&directory, measure(b"program")).unwrap();
        let second = Simulated::with_ca(&directory, measure(b"program")).unwrap();
        assert_eq!(first.root(), second.root());
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(directory.join("root.key")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(directory).unwrap();
    }
}
