//! What `partner/SEALING.md` says of rejected rows, run as it stands there.

#![expect(clippy::unwrap_used, reason = "a test says what failed by its name")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// Runs a line as a shell does, with this build's `glovebox`.
fn sh(dir: &Path, line: &str) -> Output {
    let programs = Path::new(env!("CARGO_BIN_EXE_glovebox")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.current_dir(dir).env("PATH", path).args(["-c", line]).output().unwrap()
}

/// The first block of `page` in the language `language`.
fn block<'p>(page: &'p str, language: &str) -> &'p str {
    let start = format!("```{language}\n");
    page.split_once(&start).unwrap().1.split_once("```").unwrap().0
}

#[test]
fn rejected_rows_go_round_as_the_page_says() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let pcr = "ab".repeat(48);
    for line in [
        "glovebox init --dir publisher --name publisher",
        "glovebox init --dir retailer --name retailer",
        &format!(
            "glovebox contract new --name room --party publisher/party.toml --party retailer/party.toml \
             --pcr 0={pcr} --pcr 1={pcr} --pcr 2={pcr}"
        ),
    ] {
        let output = sh(dir, line);
        assert!(output.status.success(), "{line}: {output:?}");
    }
    let page = include_str!("../../SEALING.md");
    let page = page.split_once("## Rejected rows").unwrap().1;
    fs::write(dir.join("orders.csv"), block(page, "csv")).unwrap();
    let said: Vec<_> = block(page, "sh").lines().map(|line| sh(dir, line)).collect();
    let codes: Vec<_> = said.iter().map(|output| output.status.code()).collect();
    assert_eq!(codes, [Some(1), Some(0), Some(0), Some(0)], "{said:?}");
    let talk: Vec<_> =
        said.iter().map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).collect();
    assert!(talk[0].contains("seal the same table with --mended bad.csv"), "{}", talk[0]);
    assert!(talk[3].starts_with("3 rows sealed, padded to 1,024."), "{}", talk[3]);
    // In the folder of whoever sealed it, with its keys, and not beside the table.
    let has = |name: &str| dir.join(name).exists();
    assert!(has("retailer/sales.sealed") && has("retailer/sales.keys") && !has("sales.keys"));
}
