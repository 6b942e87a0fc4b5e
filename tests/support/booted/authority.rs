//! A throw-away authority for QEMU's module, with a chain shaped like that of AWS.

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, date_time_ymd,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Root, issuing authority and leaf, in a folder of their own.
pub(crate) struct Authority {
    folder: PathBuf,
}

impl Authority {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let (root_key, issuing_key, leaf_key) = (key(), key(), key());
        let root_params = authority("throw-away root", 1);
        let root = root_params.self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(root_params, root_key);
        let issuing_params = authority("throw-away zone", 0);
        let issuing = issuing_params.signed_by(&issuing_key, &root_issuer).unwrap();
        let issuing_issuer = Issuer::new(issuing_params, issuing_key);
        let mut leaf = named("throw-away module");
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let leaf = leaf.signed_by(&leaf_key, &issuing_issuer).unwrap();
        fs::write(folder.join("root.der"), root.der()).unwrap();
        fs::write(folder.join("issuing.der"), issuing.der()).unwrap();
        fs::write(folder.join("leaf.der"), leaf.der()).unwrap();
        fs::write(folder.join("leaf.pem"), pem(&leaf_key.serialize_der())).unwrap();
        Self { folder }
    }

    /// The certificate that partners must name.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root.der")
    }

    /// What makes `tests/qemu/virtio-nsm-sign.patch` sign.
    pub(crate) fn environment(&self) -> [(&'static str, String); 3] {
        let path = |name: &str| self.folder.join(name).display().to_string();
        [
            ("NSM_SIGN_KEY", path("leaf.pem")),
            ("NSM_SIGN_CERT", path("leaf.der")),
            ("NSM_SIGN_CA", format!("{}:{}", path("root.der"), path("issuing.der"))),
        ]
    }
}

fn authority(name: &str, below: u8) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    params
}

fn pem(pkcs8: &[u8]) -> String {
    let text = STANDARD.encode(pkcs8);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// Whatever is at `path`, as the one argument of a command line.
pub(crate) fn word(path: &Path) -> String {
    path.display().to_string()
}
