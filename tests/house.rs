//! The house: which room may use which, what the pure rooms may never touch, that no circle of files grows, and who may
//! be handed a host that can be changed. Read from the imports of every file below `src`; tests inside rooms are free.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, the lowest first: each may use those before it.
const ROOMS: &[&str] = &[
    "core::text",
    "core::context",
    "core::observe",
    "core::redact",
    "core::finding",
    "core::service",
    "core::pseudonyms",
    "core::agent",
    "core::firewall",
    "core::checks",
    "core::remedies",
    "core::journal",
    "core::flow",
    "net",
    "sls",
    "host",
    "carry_out",
    "report",
    "memory",
    "engine",
    "ui",
    "cli",
];

/// What no file below `src/core` may name: the ways to files, sockets, processes, terminals, threads and clocks.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio_rustls",
    "nix",
    "hyper",
    "hyper_util",
    "rustls",
    "crossterm",
    "ratatui",
    "xattr",
    "std::fs",
    "std::process",
    "std::env",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::time::SystemTime",
    "std::time::Instant",
    "std::os::unix::net",
    "std::os::unix::fs",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
];

/// A module as the words of its path below the crate.
type Module = Vec<String>;

/// One path that a file names, as it is written, and whether it is re-exported.
struct Named {
    words: Vec<String>,
    is_reexport: bool,
}

/// One file of the program: its module and what it names outside its tests.
struct Source {
    file: PathBuf,
    named: Vec<Named>,
}

fn words(path: &str) -> Vec<String> {
    path.split("::").map(|word| word.trim().split(" as ").next().unwrap_or_default().trim().to_string()).collect()
}

/// The paths of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths_of(tree: &str, before: &str, all: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        let path = format!("{before}{}", tree.trim());
        all.push(path.trim_end_matches("::self").to_string());
        return;
    };
    let before = format!("{before}{}", head.trim());
    let inner = rest.rfind('}').map_or(rest, |end| &rest[..end]);
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in inner.char_indices().chain([(inner.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inner[start..at].trim();
                if !part.is_empty() {
                    paths_of(part, &before, all);
                }
                start = (at + 1).min(inner.len());
            }
            _ => {}
        }
    }
}

/// The program's part of a file: without comments and without the module of tests at its end.
fn program_part(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text[..end].lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// What a piece of code names in its imports, and in the middle by a path from the crate or from a module above.
fn named_in(code: &str) -> Vec<Named> {
    let mut named = Vec::new();
    let mut rest = String::new();
    let mut statement: Option<(String, bool)> = None;
    for line in code.lines() {
        let bare = line.trim();
        if statement.is_none() {
            let is_reexport = bare.starts_with("pub") && bare.contains("use ");
            let is_use =
                bare.starts_with("use ") || is_reexport && bare.split("use ").next().is_some_and(is_visibility);
            if !is_use {
                rest.push_str(line);
                rest.push('\n');
                continue;
            }
            let tree = bare.split_once("use ").map_or("", |(_, tree)| tree);
            statement = Some((tree.to_string(), is_reexport));
        } else if let Some((tree, _)) = &mut statement {
            tree.push_str(bare);
        }
        if bare.ends_with(';')
            && let Some((tree, is_reexport)) = statement.take()
        {
            let mut paths = Vec::new();
            paths_of(tree.trim_end_matches(';'), "", &mut paths);
            named.extend(paths.iter().map(|path| Named { words: words(path), is_reexport }));
        }
    }
    let is_of_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    // Whom a thing is visible to is not what it uses.
    let rest = rest
        .split("pub(in ")
        .map(|part| part.strip_prefix("crate::").map_or(part, |to| to.split_once(')').map_or("", |two| two.1)));
    let rest = rest.collect::<Vec<_>>().join(" ");
    for path in rest.split(|letter| !is_of_path(letter)).filter(|path| path.contains("::")) {
        let path = path.trim_matches(':');
        named.push(Named { words: words(path), is_reexport: false });
    }
    named
}

fn is_visibility(words: &str) -> bool {
    let words = words.trim();
    words == "pub" || words.starts_with("pub(") && words.ends_with(')')
}

/// Every file of the program but its tests, by module.
fn sources() -> BTreeMap<Module, Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut all, mut dirs) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_name().unwrap().to_str().unwrap().to_string();
            if entry.is_dir() && name != "tests" {
                dirs.push(entry);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let below = entry.strip_prefix(&root).unwrap().with_extension("");
                let mut module: Module = below.iter().map(|word| word.to_str().unwrap().to_string()).collect();
                module.retain(|word| word != "mod" && word != "lib");
                let named = named_in(&program_part(&fs::read_to_string(&entry).unwrap()));
                all.insert(module, Source { file: entry.strip_prefix(&root).unwrap().to_path_buf(), named });
            }
        }
    }
    assert!(all.len() > 200, "the program has been found");
    all
}

/// A path from the crate's root; None for one into another crate or into what is in scope.
fn from_root(module: &Module, named: &Named, all: &BTreeMap<Module, Source>) -> Option<Vec<String>> {
    let words = &named.words;
    let rest = |skip: usize, base: &[String]| Some([base, &words[skip..]].concat());
    match words[0].as_str() {
        "crate" => rest(1, &[]),
        "self" => rest(1, module),
        "super" => {
            let ups = words.iter().take_while(|word| *word == "super").count();
            rest(ups, &module[..module.len().checked_sub(ups)?])
        }
        child => {
            let below = [module.as_slice(), &[child.to_string()]].concat();
            if all.contains_key(&below) { rest(0, module) } else { None }
        }
    }
}

/// The longest module that a path from the root begins with, and the words after it.
fn split<'p>(path: &'p [String], all: &BTreeMap<Module, Source>) -> (Module, &'p [String]) {
    let long = (0..=path.len()).rev().find(|&length| all.contains_key(&path[..length])).unwrap_or_default();
    (path[..long].to_vec(), &path[long..])
}

/// Where the file that a path leads to really is: through re-exports, which only give a thing a second name.
fn target(path: Vec<String>, all: &BTreeMap<Module, Source>) -> Module {
    let mut path = path;
    for _ in 0..8 {
        let (module, rest) = split(&path, all);
        let Some((first, more)) = rest.split_first() else { return module };
        let source = &all[&module];
        let again = source.named.iter().find(|named| named.is_reexport && named.words.last() == Some(first));
        match again.and_then(|named| from_root(&module, named, all)) {
            Some(real) => path = [real.as_slice(), more].concat(),
            None => return module,
        }
    }
    split(&path, all).0
}

fn room_of(path: &[String]) -> Option<usize> {
    let name = match path {
        [first, second, ..] if first == "core" => format!("core::{second}"),
        // The macro for sentences, which every macro of this kind exports from the root.
        [first] if first == "say" => "core::text".to_string(),
        [first, ..] => first.clone(),
        [] => return None,
    };
    ROOMS.iter().position(|room| *room == name)
}

#[test]
fn no_room_uses_one_above_it() {
    let all = sources();
    let mut wrong = Vec::new();
    for (module, Source { file, named }) in all.iter().filter(|(module, _)| !module.is_empty() && *module != &["core"])
    {
        if module.as_slice() == ["main"] {
            continue;
        }
        let own = room_of(module).unwrap_or_else(|| panic!("{} stands in no room of the table", file.display()));
        for named in named {
            let Some(path) = from_root(module, named, &all) else { continue };
            match room_of(&path) {
                Some(used) if used <= own => {}
                Some(used) => wrong.push(format!("{}: {} uses {}", file.display(), ROOMS[own], ROOMS[used])),
                None => wrong.push(format!("{}: crate::{} is in no room", file.display(), path.join("::"))),
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_touches_no_machine_and_no_clock() {
    let mut wrong = Vec::new();
    for (module, Source { file, named }) in &sources() {
        if module.first().map(String::as_str) != Some("core") {
            continue;
        }
        for path in named.iter().map(|named| named.words.join("::")) {
            let is_below = |impure: &&&str| path == **impure || path.starts_with(&format!("{impure}::"));
            if let Some(impure) = IMPURE.iter().find(is_below) {
                wrong.push(format!("{} names {impure}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_room_that_carries_out_is_handed_a_host_that_can_be_changed() {
    for (module, Source { file, named }) in &sources() {
        let may = ["host", "carry_out"].contains(&module.first().map_or("", String::as_str));
        let names = named.iter().any(|named| named.words.last().is_some_and(|word| word == "MutableHost"));
        assert!(may || !names, "{} names MutableHost: only `carry_out` changes a machine", file.display());
    }
}

#[test]
fn no_circle_of_imports_has_more_than_two_files() {
    let all = sources();
    let mut uses: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, source) in &all {
        let own = uses.entry(module).or_default();
        for named in &source.named {
            // A re-export is followed where it is used; one of everything stands for all that lies behind it.
            if named.is_reexport && named.words.last().is_some_and(|word| word != "*") {
                continue;
            }
            if let Some(path) = from_root(module, named, &all) {
                own.insert(target(path, &all));
            }
        }
        own.remove(module);
        own.remove(&Vec::new());
    }
    let mut wrong = Vec::new();
    for circle in circles(&uses).iter().filter(|circle| circle.len() > 2) {
        for (module, used) in uses.iter().filter(|(module, _)| circle.contains(&module.join("::"))) {
            let within = used.iter().map(|used| used.join("::")).filter(|used| circle.contains(used));
            wrong.push(format!("{} uses {}", module.join("::"), within.collect::<Vec<_>>().join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The groups of files that all use each other, directly or through others.
fn circles(uses: &BTreeMap<&Module, BTreeSet<Module>>) -> Vec<Vec<String>> {
    let reach = |from: &Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = next.pop() {
            for used in uses.get(&module).into_iter().flatten() {
                if seen.insert(used.clone()) {
                    next.push(used.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = uses.keys().map(|module| (*module, reach(module))).collect();
    let mut circles = BTreeSet::new();
    for (module, those) in &reached {
        let circle = those.iter().filter(|other| reached.get(other).is_some_and(|back| back.contains(*module)));
        let circle: Vec<String> = circle.map(|other| other.join("::")).collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

#[test]
fn the_reader_of_imports_reads_what_it_should() {
    let code = "use super::{a, b::{self, C as D}};\npub(crate) use crate::x::*;\nlet y = crate::core::text::f(std::fs::read);\n";
    let named: Vec<String> = named_in(code).iter().map(|named| named.words.join("::")).collect();
    assert_eq!(named, ["super::a", "super::b", "super::b::C", "crate::x::*", "crate::core::text::f", "std::fs::read"]);
    let (a, b, c) = (vec!["a".to_string()], vec!["b".to_string()], vec!["c".to_string()]);
    let uses = BTreeMap::from([
        (&a, BTreeSet::from([b.clone()])),
        (&b, BTreeSet::from([c.clone()])),
        (&c, BTreeSet::from([a.clone()])),
    ]);
    assert_eq!(circles(&uses), [["a", "b", "c"]], "a circle of three is found");
}
