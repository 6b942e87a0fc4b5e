//! From inputs to an image.

use crate::{
    cpio::CpioError,
    elf::{self, ElfError},
    forbidden::{self, Forbidden},
    image::WriteError,
    kernel::{self, CommandLineError, NotABzImage},
    layout::DEFAULTS,
    measure,
    measured::{MeasureError, Measured},
    parse::Eif,
    ramdisk,
    signature::{PcrSignature, SignatureError},
};
use memchr::memmem;
use std::io;

/// What an image is made of.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever packs must say everything")]
pub struct Inputs<'a> {
    /// A bzImage.
    pub kernel: &'a [u8],
    /// Its command line.
    pub command_line: &'a str,
    /// PID 1, a static program.
    pub init: &'a [u8],
    /// The enclave, a static program.
    pub enclave: &'a [u8],
    /// Whether the second ramdisk is compressed.
    pub compress: bool,
    /// PEM of a PKCS #8 key and of its certificate, for PCR8.
    pub signer: Option<(&'a [u8], &'a [u8])>,
}

/// An image, and what a reader finds it to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Packed {
    /// The image.
    pub image: Vec<u8>,
    /// Its registers and digests.
    pub measured: Measured,
}

/// Packs `inputs`. Equal inputs give equal bytes, unless a signer's random nonce is in them.
///
/// # Errors
///
/// [`PackError`] names the input that must not be packed.
pub fn pack(inputs: &Inputs<'_>) -> Result<Packed, PackError> {
    kernel::check(inputs.kernel)?;
    kernel::check_command_line(inputs.command_line)?;
    for (name, bytes) in [("init", inputs.init), ("enclave", inputs.enclave)] {
        elf::check(bytes).map_err(|flaw| PackError::Program { name, flaw })?;
        forbidden::check(bytes).map_err(|found| PackError::Forbidden { name, found })?;
    }
    if memmem::find(inputs.init, ramdisk::ORDER.as_bytes()).is_none() {
        return Err(PackError::NotInit);
    }
    let boot = ramdisk::boot(inputs.init, inputs.enclave)?;
    let mut application = ramdisk::application(inputs.enclave)?;
    if inputs.compress {
        application = ramdisk::compressed(&application)?;
    }
    let mut eif = Eif {
        kernel: inputs.kernel,
        command_line: inputs.command_line.as_bytes(),
        metadata: METADATA.as_bytes(),
        ramdisks: vec![&boot, &application],
        signature: None,
        aarch64: false,
        defaults: DEFAULTS,
    };
    let registers = measure::registers(&eif)?;
    let signature = match (inputs.signer, registers.get(&0)) {
        (Some((key, certificate)), Some(pcr0)) => {
            Some(PcrSignature::sign(*pcr0, key, certificate)?.to_section())
        }
        _ => None,
    };
    eif.signature = signature.as_deref();
    let image = eif.to_bytes()?;
    // What is handed out is what a reader finds, not what the writer meant.
    let measured = Measured::of(&image)?;
    Ok(Packed { image, measured })
}

/// Why nothing is packed.
///
/// Remedy: change the input that is named, and pack again; nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the text says it: found, expected")]
pub enum PackError {
    #[error("{0}")]
    Kernel(#[from] NotABzImage),
    #[error("{0}")]
    CommandLine(#[from] CommandLineError),
    #[error("the {name} program cannot be packed: {flaw}")]
    Program { name: &'static str, flaw: ElfError },
    #[error("the {name} program must not be packed: {found}")]
    Forbidden { name: &'static str, found: Forbidden },
    #[error(
        "the init program does not know {order:?}, which PID 1 reads: were init and enclave swapped?",
        order = ramdisk::ORDER
    )]
    NotInit,
    #[error("{0}")]
    Ramdisk(#[from] CpioError),
    #[error("compressing the ramdisk: {0}")]
    Compressing(#[from] io::Error),
    #[error("{0}")]
    Signature(#[from] SignatureError),
    #[error("{0}")]
    Write(#[from] WriteError),
    #[error("the image that was written does not read back: {0}")]
    ReadBack(#[from] MeasureError),
}

/// The fields that `nitro-cli describe-eif` asks for. It is not measured and its times and tools
/// would differ between builders, so it says where to look instead.
const METADATA: &str = concat!(
    r#"{"ImageName":"glovebox","ImageVersion":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","BuildMetadata":{"BuildTime":"1970-01-01T00:00:00Z","BuildTool":"eif-build","#,
    r#""BuildToolVersion":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","OperatingSystem":"Linux","KernelVersion":"see the build manifest"},"#,
    r#""DockerInfo":{},"CustomMetadata":{}}"#
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{elf::tests::program, kernel::tests::bz_image};

    /// A program that knows what PID 1 must know.
    fn init(kinds: &[u32]) -> Vec<u8> {
        [program(kinds).as_slice(), ramdisk::ORDER.as_bytes()].concat()
    }

    fn inputs<'a>(kernel: &'a [u8], program: &'a [u8]) -> Inputs<'a> {
        Inputs {
            kernel,
            command_line: kernel::COMMAND_LINE,
            init: program,
            enclave: program,
            compress: false,
            signer: None,
        }
    }

    #[test]
    fn packs_equal_inputs_into_equal_bytes() {
        let (kernel, program) = (bz_image(), init(&[1]));
        let packed = pack(&inputs(&kernel, &program)).unwrap();
        assert_eq!(pack(&inputs(&kernel, &program)).unwrap().image, packed.image);
        assert_eq!(packed.measured.registers.keys().copied().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn compression_changes_the_registers_of_the_application_and_not_of_the_boot() {
        let (kernel, program) = (bz_image(), init(&[1]));
        let plain = pack(&inputs(&kernel, &program)).unwrap().measured.registers;
        let compressed = Inputs { compress: true, ..inputs(&kernel, &program) };
        let compressed = pack(&compressed).unwrap().measured.registers;
        assert_eq!(plain[&1], compressed[&1]);
        assert_ne!(plain[&2], compressed[&2]);
        assert_ne!(plain[&0], compressed[&0]);
    }

    #[test]
    fn refuses_programs_that_would_not_run_or_must_not() {
        let (kernel, good) = (bz_image(), init(&[1]));
        let dynamic = program(&[1, 3]);
        let refused = pack(&Inputs { enclave: &dynamic, ..inputs(&kernel, &good) }).unwrap_err();
        let expected = PackError::Program { name: "enclave", flaw: ElfError::Dynamic };
        assert_eq!(refused.to_string(), expected.to_string());
        let marked = [good.as_slice(), b"SIMULATED glovebox root"].concat();
        for inputs in [
            Inputs { enclave: &marked, ..inputs(&kernel, &good) },
            Inputs { init: &marked, ..inputs(&kernel, &good) },
        ] {
            assert!(matches!(pack(&inputs), Err(PackError::Forbidden { .. })));
        }
    }

    #[test]
    fn refuses_a_pid_1_that_cannot_read_what_to_start() {
        let (kernel, init, enclave) = (bz_image(), init(&[1]), program(&[1]));
        pack(&Inputs { enclave: &enclave, ..inputs(&kernel, &init) }).unwrap();
        let swapped = Inputs { init: &enclave, ..inputs(&kernel, &init) };
        assert!(matches!(pack(&swapped), Err(PackError::NotInit)));
    }
}
