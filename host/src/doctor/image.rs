//! The image and the memory it is to get.

use super::{Check, fail, ok, said, warn};
use host::Image;
use std::{fs::File, io::Read};

/// `is_nitro`: the rules of `nitro-cli` hold.
pub(super) fn checks(image: &Image, is_nitro: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    let shown = image.eif.display();
    let size = match measure(image) {
        Ok(Some(size)) => size,
        Ok(None) => {
            let found = format!("{shown} is no enclave image");
            return vec![fail("image", found, "name the .eif file that eif-build wrote")];
        }
        Err(cause) => {
            let remedy = "fetch the image, or let the user of the host read it";
            return vec![fail("image", format!("{shown}: {}", said(&cause)), remedy)];
        }
    };
    let mib = size.div_ceil(1 << 20);
    checks.push(ok("image", format!("{shown}, {mib} MiB; `eif-build measure` shows its PCRs")));
    let (memory, needed) = (image.memory_mib, size.saturating_mul(4).div_ceil(1 << 20));
    let found = format!("memory_mib is {memory}; four times the image is {needed} MiB");
    let remedy = format!("set memory_mib = {} or more", needed.div_ceil(256).saturating_mul(256));
    checks.push(match memory >= needed {
        true => ok("memory", found),
        false if is_nitro => fail("memory", found, remedy),
        false => warn("memory", found, remedy),
    });
    if image.debug {
        let found = "the console is shown, and its PCRs are zero";
        let remedy = "remove debug before parties are to believe this enclave";
        checks.push(if is_nitro {
            warn("debug", found, remedy)
        } else {
            ok("debug", "the console is shown")
        });
    }
    checks
}

/// Its length in bytes; `None` if it does not begin like an image.
fn measure(image: &Image) -> std::io::Result<Option<u64>> {
    let mut file = File::open(&image.eif)?;
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    Ok((magic == b".eif").then_some(file.metadata()?.len()))
}
