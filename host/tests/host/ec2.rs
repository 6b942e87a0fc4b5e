//! EC2.md to the letter: what it installs is where the samples look for it.

use std::{collections::BTreeSet, fs};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn text(file: &str) -> String {
    fs::read_to_string(format!("{HERE}/{file}")).unwrap()
}

/// What `install`, of one line of the page, puts where.
fn installed(line: &str) -> Vec<String> {
    let mut words: Vec<&str> =
        line.split_whitespace().skip_while(|word| *word != "install").collect();
    words.retain(|word| !word.starts_with('-') && !["install", "644", "755", "700"].contains(word));
    let folder = words.pop().unwrap();
    if line.contains("install -d") {
        return Vec::new();
    }
    let name = |path: &&str| path.rsplit('/').next().unwrap().to_owned();
    words.iter().map(|path| format!("{}/{}", folder.trim_end_matches('/'), name(path))).collect()
}

#[test]
fn what_the_page_installs_is_what_the_samples_name() {
    let page = text("EC2.md");
    let lines = || page.lines().filter(|line| line.starts_with("sudo install"));
    let files: BTreeSet<String> = lines().flat_map(installed).collect();
    let sample: toml::Table = text("systemd/host.toml").parse().unwrap();
    let unit = text("systemd/glovebox-host.service");
    for named in [
        sample["nitro"].as_str().unwrap(),
        sample["contract"].as_str().unwrap(),
        "/etc/glovebox/host.toml",
        "/usr/local/bin/glovebox-host",
        "/etc/systemd/system/glovebox-host.service",
    ] {
        assert!(files.contains(named), "{named} is not installed: {files:#?}");
    }
    for command in ["ExecStart=", "ExecStartPre=-"] {
        let line = unit.lines().find_map(|line| line.strip_prefix(command)).unwrap();
        for path in line.split_whitespace().filter(|word| word.starts_with('/')) {
            assert!(files.contains(path), "{path} of {command} is not installed");
        }
    }
    // What the page then calls, it has installed before; and it makes the directory of the sample.
    for path in page.split(['`', ' ', '\n']).filter(|word| word.starts_with("/opt/glovebox/")) {
        let path = path.trim_end_matches(['.', ',']);
        assert!(path == "/opt/glovebox/" || files.contains(path), "{path} is not installed");
    }
    let dir = sample["dir"].as_str().unwrap();
    assert!(lines().any(|line| line.contains(" -d ") && line.ends_with(&format!("700 {dir}"))));
    assert!(unit.contains(&format!("StateDirectory={}\n", dir.strip_prefix("/var/lib/").unwrap())));
}

#[test]
fn the_sample_is_a_configuration_that_the_program_reads() {
    let config = format!("{HERE}/systemd/host.toml");
    let output = crate::operator::program().args(["doctor", "--config", &config]).output().unwrap();
    // It is not ready on this machine; what it says is about this machine, not about the file.
    assert_eq!(output.status.code(), Some(1));
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("/opt/glovebox/glovebox.eif"), "{report}");
    assert!(report.contains("/var/lib/glovebox is not there yet"), "{report}");
    assert!(!std::path::Path::new("/var/lib/glovebox").exists(), "made by a check");
}
