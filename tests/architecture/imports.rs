//! Which file of a crate imports from which other, read from their `use` lines and paths.
//!
//! A file stands for its module. A module and what is within it are one thing, so that what they take of each
//! other is no circle; names that a module passes on (`pub use`) are followed to where they are defined, and to pass on a
//! name of a file that is not within the module is to import it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path as File,
};

type Path = Vec<String>;

/// The modules of one crate, each with its source without unit tests.
pub(crate) struct Crate {
    modules: BTreeMap<Path, String>,
    passed_on: BTreeMap<Path, BTreeMap<String, Path>>,
}

impl Crate {
    pub(crate) fn read(src: &File) -> Self {
        let mut modules = BTreeMap::new();
        for file in super::sources(src) {
            let inside = file.strip_prefix(src).unwrap().with_extension("");
            let mut path: Path =
                inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            let is_test =
                |part: &String| ["tests", "sample", "fixture", "golden"].contains(&part.as_str());
            if path.iter().any(is_test) {
                continue;
            }
            path.pop_if(|last| ["lib", "main", "mod"].contains(&last.as_str()));
            let text = fs::read_to_string(&file).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code: Vec<&str> =
                product.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
            modules.insert(path, code.join("\n"));
        }
        let mut read = Self { modules, passed_on: BTreeMap::new() };
        read.passed_on =
            read.modules.iter().map(|(at, code)| (at.clone(), read.re_exports(at, code))).collect();
        read
    }

    fn re_exports(&self, at: &Path, code: &str) -> BTreeMap<String, Path> {
        let mut names = BTreeMap::new();
        for (statement, is_public) in statements(code) {
            for path in is_public.then(|| paths(statement)).into_iter().flatten() {
                if let Some(whole) =
                    self.absolute(at, &path).or_else(|| Some([at.clone(), path.clone()].concat()))
                {
                    names.insert(path.last().cloned().unwrap_or_default(), whole);
                }
            }
        }
        names
    }

    /// A path from the root of the crate, if it is one into the crate.
    fn absolute(&self, at: &Path, path: &Path) -> Option<Path> {
        let mut base = at.clone();
        let mut rest = path.as_slice();
        match rest.first()?.as_str() {
            "crate" => (base, rest) = (Path::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            first => {
                let child = [base.as_slice(), &[first.to_owned()]].concat();
                self.modules.contains_key(&child).then_some(())?;
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The module where what `path` names is defined.
    fn home(&self, path: &[String], depth: usize) -> Path {
        let mut module = Path::new();
        for (at, part) in path.iter().enumerate() {
            let deeper = [module.as_slice(), std::slice::from_ref(part)].concat();
            if self.modules.contains_key(&deeper) {
                module = deeper;
                continue;
            }
            return match self.passed_on.get(&module).and_then(|names| names.get(part)) {
                Some(on) if depth < 6 => {
                    self.home(&[on.as_slice(), &path[at + 1..]].concat(), depth + 1)
                }
                _ => module,
            };
        }
        module
    }

    fn imports(&self) -> BTreeMap<&Path, BTreeSet<Path>> {
        let mut all = BTreeMap::new();
        for (at, code) in &self.modules {
            let used = statements(code).into_iter();
            let mut named: Vec<Path> = used.flat_map(|(statement, _)| paths(statement)).collect();
            named.extend(inline(code));
            let homes =
                named.iter().filter_map(|path| Some(self.home(&self.absolute(at, path)?, 0)));
            let others = homes.filter(|home| !home.starts_with(at) && !at.starts_with(home));
            all.insert(at, others.collect());
        }
        all
    }

    /// Folders that import each other, each with the imports of both directions. A folder is a module at the top of the
    /// crate with all that is within it.
    pub(crate) fn pairs_of_folders(&self) -> Vec<(String, String, Vec<String>)> {
        let mut between: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for (from, imports) in self.imports() {
            for to in imports {
                if let ([one, ..], [other, ..]) = (from.as_slice(), to.as_slice()) {
                    let import = format!("{} takes from {}", from.join("::"), to.join("::"));
                    between.entry((one.clone(), other.clone())).or_default().push(import);
                }
            }
        }
        let mut pairs = Vec::new();
        for ((one, other), there) in &between {
            let back = between.get(&(other.clone(), one.clone()));
            if let Some(back) = back.filter(|_| one < other) {
                pairs.push((one.clone(), other.clone(), [there.clone(), back.clone()].concat()));
            }
        }
        pairs
    }

    /// Modules that import each other, over however many others.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let imports = self.imports();
        let reached = |from: &Path| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
            while let Some(next) = open.pop() {
                for to in &imports[next] {
                    if seen.insert(to.clone()) {
                        open.push(imports.get_key_value(to).unwrap().0);
                    }
                }
            }
            seen
        };
        let reach: BTreeMap<&Path, BTreeSet<Path>> =
            imports.keys().map(|at| (*at, reached(at))).collect();
        let circles: BTreeSet<Vec<String>> = reach
            .iter()
            .filter(|(at, seen)| seen.contains(**at))
            .map(|(at, seen)| {
                let with = seen.iter().filter(|other| reach[other].contains(*at));
                with.map(|path| path.join("::")).collect()
            })
            .collect();
        circles.into_iter().collect()
    }
}

/// The bodies of all `use` statements, and whether each passes names on.
fn statements(code: &str) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rsplit('\n').next().unwrap_or_default().trim();
        let is_public = line.starts_with("pub");
        if line.is_empty() || (is_public && !line.contains(' ')) {
            let body = code[at + 4..].split(';').next().unwrap_or_default();
            found.push((body, is_public));
        }
    }
    found
}

/// Every path of a `use` tree.
fn paths(tree: &str) -> Vec<Path> {
    let mut depth = 0_i32;
    let parts = tree.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let mut all = Vec::new();
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        let split = |text: &str| text.split("::").map(|it| it.trim().to_owned()).collect::<Path>();
        match part.split_once('{') {
            Some((before, inside)) => {
                let before: Path = split(before.trim_end().trim_end_matches("::"))
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect();
                let inside = inside.rsplit_once('}').map_or(inside, |(inside, _)| inside);
                all.extend(paths(inside).into_iter().map(|rest| [before.clone(), rest].concat()));
            }
            None => all.push(split(part.split(" as ").next().unwrap_or_default())),
        }
    }
    all
}

/// Paths that stand in the code itself.
fn inline(code: &str) -> Vec<Path> {
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let whole = words.filter(|word| word.starts_with("crate::") || word.starts_with("super::"));
    whole.map(|word| word.split("::").map(str::to_owned).collect()).collect()
}

#[test]
fn a_circle_over_three_files_is_found_and_a_parent_with_its_child_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\npub use d::Passed;\n");
    write("a.rs", "use crate::{b::{self, B}, Passed};\npub struct A;\n");
    write("b.rs", "use super::c::C as Other;\npub struct B;\n");
    write("c.rs", "fn f() -> crate::a::A { loop {} }\npub struct C;\n");
    write("d.rs", "mod within;\npub use within::Passed;\npub struct D;\n");
    // What passes on a name of another file needs that file too.
    write("e.rs", "pub use crate::f::F;\npub struct E;\n");
    write("f.rs", "use crate::e::E;\npub struct F(E);\n");
    fs::create_dir(folder.path().join("d")).unwrap();
    fs::write(folder.path().join("d/within.rs"), "use super::D;\npub struct Passed(D);\n").unwrap();
    let circles = [&["a", "b", "c"][..], &["e", "f"]];
    let read = Crate::read(folder.path());
    assert_eq!(read.circles(), circles);
    let imports = ["e takes from f".to_owned(), "f takes from e".to_owned()];
    assert_eq!(read.pairs_of_folders(), [("e".to_owned(), "f".to_owned(), imports.to_vec())]);
}
