//! How long files and functions are.

use std::fs;

/// Lines of a file that ships, without its unit tests.
const LONGEST_FILE: usize = 450;
/// Lines of a function, from its first to its closing brace.
const LONGEST_FUNCTION: usize = 70;

#[test]
fn no_file_and_no_function_is_too_long_to_be_read_at_once() {
    let mut wrong = Vec::new();
    let mut functions = 0;
    for src in super::crates() {
        for file in super::sources(&src) {
            let inside = file.strip_prefix(&src).unwrap();
            let is_test = |part: &str| {
                ["tests", "tests.rs", "fixture.rs", "golden", "golden.rs"].contains(&part)
            };
            if inside.iter().any(|part| part.to_str().is_some_and(is_test)) {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines: Vec<&str> = product.lines().collect();
            if lines.len() > LONGEST_FILE {
                wrong.push(format!("{}: {} lines", file.display(), lines.len()));
            }
            for (at, line) in lines.iter().enumerate() {
                let Some(name) = function(line) else { continue };
                functions += 1;
                let length = length(&lines[at..]);
                if length > LONGEST_FUNCTION {
                    wrong.push(format!("{}: {name} has {length} lines", file.display()));
                }
            }
        }
    }
    assert!(functions > 2_000, "only {functions} functions");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The name of the function that begins in a line.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let words = ["pub", "const", "async", "unsafe", "default"];
    let is_word = |word: &str| words.contains(&word) || word.starts_with("pub(");
    let begins = before.split_whitespace().all(|word| is_word(word) || word.ends_with(')'));
    begins.then(|| after.split(['(', '<']).next().unwrap_or_default())
}

/// Up to the closing brace, which stands as deep as the first line; a signature alone ends before any.
fn length(lines: &[&str]) -> usize {
    let depth = lines[0].len() - lines[0].trim_start().len();
    let end = lines.iter().position(|line| {
        let is_as_deep = line.len() - line.trim_start().len() == depth;
        is_as_deep && (line.trim() == "}" || line.ends_with(';') || line.ends_with('}'))
    });
    end.map_or(lines.len(), |end| end + 1)
}
