//! The error codes of `nitro-cli`, in an operator's words.
//!
//! Source: AWS Nitro Enclaves user guide, "Nitro Enclaves CLI error codes".

/// The meaning of a code and its remedy; `None` for a code that explains itself.
pub(super) fn explain(code: &str) -> Option<&'static str> {
    Some(match code {
        "E02" | "E03" => "an option was refused; this nitro-cli may be too old: update it",
        "E07" | "E40" => {
            "/run/nitro_enclaves is not there or not readable; install aws-nitro-enclaves-cli \
             properly and add the user of the host to the group ne"
        }
        "E18" => {
            "the log of nitro-cli belongs to somebody else; let the user of the host write \
             /var/log/nitro_enclaves"
        }
        "E19" => "a file cannot be opened; check that the user of the host can read the EIF",
        "E20" | "E21" | "E23" | "E24" | "E32" => {
            "the CPU pool does not fit; reserve whole cores (cpu_count: an even number with \
             hyper-threads) in /etc/nitro_enclaves/allocator.yaml and restart \
             nitro-enclaves-allocator.service"
        }
        "E22" => {
            "fewer CPUs are reserved than asked for, or another enclave has them; raise cpu_count \
             in /etc/nitro_enclaves/allocator.yaml and restart nitro-enclaves-allocator.service, \
             or lower cpus"
        }
        "E26" => "the image needs about four times its size in memory; raise memory_mib",
        "E27" | "E31" | "E35" | "E42" => {
            "fewer huge pages are free than memory_mib; raise memory_mib in \
             /etc/nitro_enclaves/allocator.yaml and restart nitro-enclaves-allocator.service (best \
             soon after boot, before memory is fragmented), or end the enclave that has them"
        }
        "E28" | "E29" | "E30" | "E33" => {
            "the driver refused; start the instance with enclaves enabled \
             (--enclave-options Enabled=true) and add the user of the host to the group ne"
        }
        "E36" => {
            "the enclave did not start: the EIF is damaged or its signature expired, its CID is in \
             use, or its init sent no heartbeat; with debug = true its console says more"
        }
        "E39" | "E11" => {
            "nitro-cli lost the process that holds the enclave, mostly because it did not boot: \
             see the other codes and /var/log/nitro_enclaves"
        }
        "E44" | "E45" => "the console is there in debug mode only, and for one reader",
        _ => return None,
    })
}

/// The codes in the output of `nitro-cli`, such as `[ E26 ]`: each once, in their order.
pub(super) fn codes(said: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for part in said.split("[ ").skip(1) {
        let Some((code, _)) = part.split_once(" ]") else { continue };
        let digits = code.strip_prefix('E').unwrap_or_default();
        let is_code = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_code && !found.contains(&code) {
            found.push(code);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_each_code_once_and_nothing_else() {
        let said = "[ E36 ] Enclave boot failure. [ E39 ] Lost [ E36 ] [ x ] [ E1 ] [ E123 ] [ E";
        assert_eq!(codes(said), ["E36", "E39"]);
    }
}
