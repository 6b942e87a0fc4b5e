//! What a program says of the sources that it was built from, for `--version`.

/// Version, commit and kind of build in one line.
///
/// `commit` is what whoever built the program said (`GLOVEBOX_COMMIT` in the environment of the compiler, which
/// `eif-build/commit.sh` tells): a claim, as a version is one. A build without it names none, so that building while
/// working does not link every program again at each commit.
#[must_use]
pub fn in_words(version: &str, commit: Option<&str>) -> String {
    let commit = match commit.map(str::trim) {
        None | Some("" | "unknown") => "unknown commit".to_owned(),
        Some(commit) => format!("commit {commit}"),
    };
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("{version} ({commit}, {build} build)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_named_as_it_was_given_and_none_is_made_up() {
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        let hex = "0123456789abcdef0123456789abcdef01234567";
        for (given, words) in [
            (Some(hex), format!("commit {hex}")),
            (
                Some("0123456789abcdef0123456789abcdef01234567 with changes\n"),
                format!("commit {hex} with changes"),
            ),
            (Some("unknown"), "unknown commit".to_owned()),
            (Some(" "), "unknown commit".to_owned()),
            (None, "unknown commit".to_owned()),
        ] {
            assert_eq!(in_words("0.1.0", given), format!("0.1.0 ({words}, {build} build)"));
        }
    }
}
