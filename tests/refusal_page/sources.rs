//! Reads texts and their reasons from source files, as `rustfmt` leaves them.

use std::{fs, path::Path};

/// A type of errors.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) file: String,
    /// The first sentence of its comment, without its stop.
    pub(crate) about: String,
    /// What to do about any of them.
    pub(crate) remedy: Option<String>,
    pub(crate) said: Vec<Said>,
}

/// One of its texts.
#[derive(Debug)]
pub(crate) struct Said {
    /// Name of the variant, or of the type that has no others.
    pub(crate) name: String,
    /// The text; empty if a function writes it, and none if it is that of another error.
    pub(crate) text: Option<String>,
    pub(crate) cause: String,
    pub(crate) remedy: Option<String>,
}

/// All types of errors of a crate, in the order of its files.
pub(crate) fn errors(folder: &str) -> Vec<Declared> {
    files(folder).iter().flat_map(|(file, code)| declared(file, code)).collect()
}

/// The texts that commands of a crate compose where they fail, by what their file is about.
pub(crate) fn commands(folder: &str) -> Vec<(String, Vec<String>)> {
    let texts = files(folder).into_iter().map(|(_, code)| {
        // A command's own comment is its help, and stands for that of its file.
        let comment = |mark: &str| -> String {
            let mut lines = code.lines().skip_while(|line| !line.starts_with(mark));
            let words = lines.by_ref().map_while(|line| line.strip_prefix(mark)?.strip_prefix(' '));
            words.collect::<Vec<_>>().join(" ")
        };
        let about = [comment("//!"), comment("///")].into_iter().find(|words| !words.is_empty());
        (sentence(&about.unwrap_or_default()), composed(&code))
    });
    texts.filter(|(_, texts)| !texts.is_empty()).collect()
}

/// Whether a text that stands alone says what to do, or what was expected, beside what was found.
pub(crate) fn says_what_to_do(text: &str) -> bool {
    [": ", "; ", "? ", "expected ", "(say "].iter().any(|mark| text.contains(mark))
}

/// The files of a crate without its tests.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = tests::repository("");
    let mut files: Vec<_> = crate::architecture::sources(&tests::repository(folder).join("src"))
        .into_iter()
        .map(|path| path.strip_prefix(&root).unwrap_or(&path).to_owned())
        .filter(|path| !is_test(path))
        .collect();
    files.sort();
    let read = |path: std::path::PathBuf| {
        let code = fs::read_to_string(root.join(&path)).unwrap();
        let product = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        (path.display().to_string(), product)
    };
    files.into_iter().map(read).collect()
}

fn is_test(path: &Path) -> bool {
    let names = ["tests", "golden", "example", "sample"];
    path.with_extension("").iter().any(|part| names.iter().any(|name| part == *name))
}

pub(crate) fn declared(file: &str, code: &str) -> Vec<Declared> {
    let mut all = Vec::new();
    let (mut comment, mut attributes) = (Vec::new(), String::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix("///") {
            comment.push(words.trim().to_owned());
        } else if line.starts_with("#[") {
            attributes += &attribute(line, &mut lines);
        } else {
            let words: Vec<&str> = line.split_whitespace().collect();
            let item = words.iter().position(|word| ["enum", "struct"].contains(word));
            if let Some(at) = item.filter(|_| attributes.contains("thiserror::Error")) {
                let name: String =
                    words[at + 1].chars().take_while(|c| c.is_alphanumeric()).collect();
                let (cause, remedy) = parted(&comment);
                let said = if words[at] == "enum" {
                    variants(&mut lines)
                } else {
                    let text = text(&attributes);
                    vec![Said {
                        name: name.clone(),
                        text,
                        cause: cause.clone(),
                        remedy: remedy.clone(),
                    }]
                };
                let about = sentence(&cause);
                all.push(Declared { name, file: file.to_owned(), about, remedy, said });
            }
            comment.clear();
            attributes.clear();
        }
    }
    all
}

/// The variants until the enum ends.
fn variants<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<Said> {
    let mut all = Vec::new();
    let (mut comment, mut attributes) = (Vec::new(), String::new());
    while let Some(line) = lines.next().filter(|line| *line != "}") {
        let Some(inner) = line.strip_prefix("    ") else { continue };
        if let Some(words) = inner.strip_prefix("///") {
            comment.push(words.trim().to_owned());
        } else if inner.starts_with("#[") {
            attributes += &attribute(line, lines);
        } else if inner.starts_with(char::is_uppercase) {
            let name = inner.chars().take_while(|c| c.is_alphanumeric()).collect();
            let (cause, remedy) = parted(&comment);
            all.push(Said { name, text: text(&attributes), cause, remedy });
            comment.clear();
            attributes.clear();
        }
    }
    all
}

/// An attribute that begins with `line`, all of it.
fn attribute<'a>(line: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut whole = line.to_owned();
    while !whole.trim_end().ends_with(']') {
        let Some(next) = lines.next() else { break };
        whole += "\n";
        whole += next;
    }
    whole
}

/// The first paragraph of a comment, and the one that begins with "Remedy:".
fn parted(comment: &[String]) -> (String, Option<String>) {
    let mut paragraphs = comment.split(String::is_empty).map(|lines| lines.join(" "));
    let cause = paragraphs.next().unwrap_or_default();
    let remedy = paragraphs.find_map(|words| words.strip_prefix("Remedy: ").map(str::to_owned));
    (cause, remedy)
}

/// The first sentence, without its stop and without links.
fn sentence(words: &str) -> String {
    words.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// What `#[error(..)]` among the attributes says.
fn text(attributes: &str) -> Option<String> {
    let said = attributes.split_once("#[error(")?.1.trim_start();
    let (text, rest) = literal(said)?;
    if has_words(&text) {
        Some(text)
    } else {
        // What a function writes has no text here, but a cause.
        let is_constant = text.starts_with('{') && text[1..].starts_with(char::is_uppercase);
        let by_function = rest.split_once(',').is_some_and(|(_, rest)| rest.contains('('));
        (is_constant || by_function).then(String::new)
    }
}

/// The texts in `Failure::no(..)`, `Failure::unclear(..)` and `Err(..)` that have words of their own.
pub(crate) fn composed(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for opening in ["Failure::no(", "Failure::unclear(", "Err("] {
        for (at, _) in code.match_indices(opening) {
            let mut rest = code[at + opening.len()..].trim_start();
            rest = rest.strip_prefix('&').unwrap_or(rest);
            rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
            if let Some((text, _)) = literal(rest).filter(|(text, _)| has_words(text)) {
                found.push((at, text));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, text)| text).collect()
}

/// The text of a literal at the beginning of `code`, with what is filled in as `{name}` or `..`; and what follows it.
fn literal(code: &str) -> Option<(String, &str)> {
    let inside = code.strip_prefix('"')?;
    let mut text = String::new();
    let mut rest = inside.chars();
    loop {
        match rest.next()? {
            '"' => return Some((text, rest.as_str())),
            '\\' => match rest.next()? {
                '\n' => rest = rest.as_str().trim_start().chars(),
                'n' => text.push(' '),
                other => text.push(other),
            },
            '{' if rest.as_str().starts_with('{') => {
                rest.next();
                text.push('{');
            }
            '}' if rest.as_str().starts_with('}') => {
                rest.next();
                text.push('}');
            }
            '{' => {
                let (name, after) = rest.as_str().split_once('}')?;
                let name = name.split(':').next().unwrap_or_default();
                let named = name.starts_with(char::is_alphabetic);
                text += &if named { format!("{{{name}}}") } else { "..".to_owned() };
                rest = after.chars();
            }
            other => text.push(other),
        }
    }
}

/// Whether anything but what is filled in is said.
fn has_words(text: &str) -> bool {
    let mut depth = 0;
    let outside = text.chars().filter(|c| {
        depth += i32::from(*c == '{') - i32::from(*c == '}');
        depth == 0 && c.is_alphabetic()
    });
    outside.count() >= 3
}
