//! `build`: from a kernel and two programs to an image and its manifest.

use crate::{
    failure::Failure,
    files::{apart, read, write},
};
use eif_build::{
    kernel,
    manifest::{FORMAT, File, Manifest, PROGRAMS, Word},
    pack::{self, Inputs},
};
use std::{collections::BTreeMap, io::Write, path::PathBuf};
use zeroize::Zeroizing;

/// Pack an image and say what it is made of
///
/// Refuses programs that would not run in it, and programs with the simulated module or the
/// zero-noise sampler in them (exit code 1).
#[derive(Debug, clap::Args)]
pub(crate) struct Build {
    /// The kernel, a bzImage
    #[arg(long, value_name = "BZIMAGE")]
    kernel: PathBuf,

    /// How the kernel was built (JSON); goes into the manifest
    #[arg(long, value_name = "JSON")]
    kernel_description: Option<PathBuf>,

    /// PID 1, a static program
    #[arg(long, value_name = "FILE")]
    init: PathBuf,

    /// The enclave, a static program
    #[arg(long, value_name = "FILE")]
    enclave: PathBuf,

    /// The kernel's command line
    #[arg(long, value_name = "WORDS", default_value = kernel::COMMAND_LINE)]
    cmdline: String,

    /// Compress the application ramdisk (gzip): a smaller file, a slower boot
    #[arg(long)]
    compress: bool,

    /// Cargo.lock of the build; goes into the manifest
    #[arg(long, value_name = "FILE")]
    cargo_lock: Option<PathBuf>,

    /// A further file that the build took, by a name without its folder; goes into the manifest;
    /// repeat for more
    #[arg(long = "input", value_name = "NAME=FILE", value_parser = named)]
    more_inputs: Vec<(String, PathBuf)>,

    /// Commit of the build; goes into the manifest
    #[arg(long, value_name = "COMMIT", default_value = "unknown")]
    source_commit: String,

    /// File with the output of `rustc -vV`; goes into the manifest
    #[arg(long, value_name = "FILE")]
    toolchain: Option<PathBuf>,

    /// Key for PCR8: P-384, PEM of PKCS #8
    #[arg(long, value_name = "PEM", requires = "sign_cert")]
    sign_key: Option<PathBuf>,

    /// The certificate for it, PEM
    #[arg(long, value_name = "PEM", requires = "sign_key")]
    sign_cert: Option<PathBuf>,

    /// Sign the manifest with the `root.key` of `glovebox init`: writes MANIFEST.cose too, which
    /// is removed otherwise
    #[arg(long, value_name = "FILE")]
    sign_manifest_key: Option<PathBuf>,

    /// Where the image goes
    #[arg(long, value_name = "EIF")]
    output: PathBuf,

    /// Where the build manifest goes
    #[arg(long, value_name = "JSON")]
    manifest: PathBuf,
}

impl Build {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<bool, Failure> {
        let mut beside = self.manifest.clone().into_os_string();
        beside.push(".cose");
        let beside = PathBuf::from(beside);
        apart(&[&self.output, &self.manifest, &beside])?;
        let kernel = read(&self.kernel)?;
        let init = read(&self.init)?;
        let enclave = read(&self.enclave)?;
        let signer = match (&self.sign_key, &self.sign_cert) {
            (Some(key), Some(certificate)) => {
                Some((Zeroizing::new(read(key)?), read(certificate)?))
            }
            _ => None,
        };
        let packed = pack::pack(&Inputs {
            kernel: &kernel,
            command_line: &self.cmdline,
            init: &init,
            enclave: &enclave,
            compress: self.compress,
            signer: signer.as_ref().map(|(key, cert)| (key.as_slice(), cert.as_slice())),
        })?;

        let programs = PROGRAMS.map(str::to_owned).into_iter().zip([&enclave, &init, &kernel]);
        let mut inputs: BTreeMap<_, _> =
            programs.map(|(name, bytes)| (name, File::of(bytes))).collect();
        if let Some(lock) = &self.cargo_lock {
            inputs.insert("Cargo.lock".to_owned(), File::of(&read(lock)?));
        }
        for (name, path) in &self.more_inputs {
            if inputs.insert(name.clone(), File::of(&read(path)?)).is_some() {
                return Err(Failure::InputTwice { name: name.clone() });
            }
        }
        let toolchain = self.toolchain.as_deref().map(read).transpose()?;
        let manifest = Manifest {
            command_line: self.cmdline.clone(),
            eif: packed.measured.eif,
            eif_unsigned: packed.measured.eif_unsigned,
            format: FORMAT.to_owned(),
            inputs,
            kernel: self.describe_kernel(&kernel)?,
            pcrs: packed.measured.registers,
            source_commit: self.source_commit.clone(),
            toolchain: toolchain.map_or_else(
                || "unknown".to_owned(),
                |text| String::from_utf8_lossy(&text).trim_end().to_owned(),
            ),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let json = manifest.to_bytes();
        let mut outputs = vec![(self.output.as_path(), &*packed.image), (&self.manifest, &json)];
        let signed = match &self.sign_manifest_key {
            Some(path) => {
                let seed = Zeroizing::new(read(path)?);
                let signed = manifest.sign(&seed);
                Some(signed.map_err(|cause| Failure::Manifest { path: path.clone(), cause })?)
            }
            None => None,
        };
        outputs.extend(signed.as_deref().map(|bytes| (beside.as_path(), bytes)));
        // Nothing is left to go wrong but writing. An older signature is over another manifest.
        write(&outputs, &beside)?;
        for (index, pcr) in &manifest.pcrs {
            writeln!(out, "PCR{index} {pcr}")?;
        }
        Ok(true)
    }

    /// What the kernel's own build says, if it says it of this kernel.
    fn describe_kernel(&self, kernel: &[u8]) -> Result<BTreeMap<String, Word>, Failure> {
        let Some(path) = &self.kernel_description else {
            return Ok(BTreeMap::new());
        };
        let words: BTreeMap<String, Word> = serde_json::from_slice(&read(path)?)
            .map_err(|_| Failure::KernelDescription { path: path.clone() })?;
        let expected = File::of(kernel).sha384;
        match words.get("image_sha384") {
            Some(Word::Text(found)) if *found != expected => {
                let path = path.clone();
                Err(Failure::OtherKernel { path, found: found.clone(), expected })
            }
            _ => Ok(words),
        }
    }
}

/// NAME=FILE. A name is printed and signed: letters, digits and a few signs.
fn named(text: &str) -> Result<(String, PathBuf), &'static str> {
    let (name, path) = text.split_once('=').ok_or("expected NAME=FILE")?;
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
    if name.is_empty() || !name.bytes().all(good) {
        return Err("expected a NAME of letters, digits and . _ - +");
    }
    Ok((name.to_owned(), PathBuf::from(path)))
}
