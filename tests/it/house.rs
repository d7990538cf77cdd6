//! The laws of the house itself: what may import what, how long things get, what stands in one place only. They are held
//! against the source as text, since the compiler knows nothing of rooms.

mod matching;
mod reading;

use std::collections::{BTreeMap, BTreeSet};

use sluicegate::rules::RULES;

use crate::support::project;
use reading::{SourceFile, block, imports, sources, words};

/// Fails with all that breaks a law, one a line.
fn holds(law: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{law}:\n  {}", broken.join("\n  "));
}

/// What a room may import, by the table "The map" of ARCHITECTURE.md.
#[derive(Debug, Clone, PartialEq, Eq)]
enum May {
    Everything,
    /// Rooms, or modules of rooms such as `report::model`.
    Only(BTreeSet<String>),
}

/// The rooms in the order of the map.
fn map() -> Vec<(String, May)> {
    let text = std::fs::read_to_string(project("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let (_, rest) = text.split_once("## The map").expect("the section `The map`");
    read_map(rest.split("\n## ").next().expect("a section"))
}

fn read_map(section: &str) -> Vec<(String, May)> {
    let ticked = |cell: &str| -> Vec<String> {
        let outside: String =
            cell.split('(').enumerate().map(|(i, part)| if i == 0 { part } else { part.split_once(')').map_or("", |p| p.1) }).collect();
        let names = outside.split('`').skip(1).step_by(2);
        names.map(|name| name.trim_end_matches('/').trim_end_matches(".rs").to_owned()).collect()
    };
    let mut rooms: Vec<(String, May)> = Vec::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [names, _, imports] = cells[..] else { panic!("a row of the map has three cells: {row}") };
        let mut allowed: BTreeSet<String> = ticked(imports).into_iter().collect();
        if let Some(rest) = imports.strip_prefix("all above but ") {
            let but = ticked(rest.split(';').next().expect("a part"));
            allowed.retain(|name| !but.contains(name));
            allowed.extend(rooms.iter().map(|(room, _)| room.clone()).filter(|room| !but.contains(room)));
        } else if imports.starts_with("all above") {
            allowed.extend(rooms.iter().map(|(room, _)| room.clone()));
        }
        let names: BTreeSet<String> = ticked(names).into_iter().collect();
        if imports.contains("each other") {
            allowed.extend(names.clone());
        }
        let says = imports == "everything" || imports == "nothing of ours" || !allowed.is_empty();
        assert!(says, "the map does not say what {names:?} may import: {imports}");
        let may = if imports == "everything" { May::Everything } else { May::Only(allowed) };
        rooms.extend(names.into_iter().map(|name| (name, may.clone())));
    }
    rooms
}

fn modules(files: &[SourceFile]) -> BTreeSet<Vec<String>> {
    files.iter().map(|file| file.module.clone()).collect()
}

#[test]
fn rooms_import_what_the_map_allows() {
    let (files, map) = (sources(), map());
    let modules = modules(&files);
    let rooms: BTreeSet<&str> = files.iter().map(SourceFile::room).filter(|room| *room != "lib").collect();
    let mapped: BTreeMap<&str, &May> = map.iter().map(|(room, may)| (room.as_str(), may)).collect();
    let mut broken = Vec::new();
    broken.extend(mapped.keys().filter(|room| !rooms.contains(*room)).map(|room| format!("ARCHITECTURE.md: there is no room `{room}`")));
    broken.extend(rooms.iter().filter(|room| !mapped.contains_key(*room)).map(|room| format!("ARCHITECTURE.md: no row for `{room}`")));
    for file in files.iter().filter(|file| file.room() != "lib") {
        let Some(May::Only(allowed)) = mapped.get(file.room()) else { continue };
        let mut seen = BTreeSet::new();
        for path in file.paths(&modules) {
            let Some(to) = path.segments.first().filter(|to| rooms.contains(to.as_str()) && *to != file.room()) else { continue };
            let is_allowed = (1..=path.segments.len()).any(|depth| allowed.contains(&path.segments[..depth].join("::")));
            if !is_allowed && seen.insert(to.clone()) {
                broken.push(format!("{}: `{}` may not import `{to}` ({})", file.place(path.at), file.room(), path.segments.join("::")));
            }
        }
    }
    holds("the map of ARCHITECTURE.md is broken", broken);
}

#[test]
fn the_map_is_read_as_it_is_written() {
    let rows = "| room | holds | may import |\n|---|---|---|\n| `a.rs`, `b.rs` | x | `c` (y, `z`), each other |\n\
                | `c/` | x | nothing of ours |\n| `d/` | x | all above but `a`; `e::model` (samples) |\n| `e/` | x | everything |\n";
    let read: Vec<(String, May)> = read_map(rows);
    let only = |names: &[&str]| May::Only(names.iter().map(|name| (*name).to_owned()).collect());
    let expected = [
        ("a", only(&["a", "b", "c"])),
        ("b", only(&["a", "b", "c"])),
        ("c", only(&[])),
        ("d", only(&["b", "c", "e::model"])),
        ("e", May::Everything),
    ];
    assert_eq!(read, expected.map(|(name, may)| (name.to_owned(), may)));
}

/// Where an item that `path` names stands: through what modules import under another name, to the innermost module.
fn module_of(
    path: &[String],
    modules: &BTreeSet<Vec<String>>,
    imports: &BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>,
) -> Option<Vec<String>> {
    let mut path = path.to_vec();
    for _ in 0..8 {
        let depth = (1..=path.len()).rev().find(|depth| modules.contains(&path[..*depth]))?;
        let (module, rest) = path.split_at(depth);
        let target = rest.first().and_then(|name| imports.get(module)?.get(name)).filter(|target| target[..] != path[..depth + 1]);
        match target {
            Some(target) => path = [target.as_slice(), &rest[1..]].concat(),
            None => return Some(module.to_vec()),
        }
    }
    None
}

#[test]
fn neither_rooms_nor_files_import_each_other_in_circles() {
    let files = sources();
    let modules = modules(&files);
    let imports = imports(&files, &modules);
    // By the module that holds both: which of its children uses which. A child may use what its parent holds, and the reverse.
    let mut uses: BTreeMap<Vec<String>, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path != "lib.rs" && file.path != "main.rs") {
        for path in file.paths(&modules) {
            let Some(to) = module_of(&path.segments, &modules, &imports) else { continue };
            let common = file.module.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if common < file.module.len() && common < to.len() {
                let of = uses.entry(to[..common].to_vec()).or_default().entry(file.module[common].clone()).or_default();
                of.entry(to[common].clone()).or_insert_with(|| file.place(path.at));
            }
        }
    }
    let mut broken = Vec::new();
    for (parent, uses) in &uses {
        for from in uses.keys() {
            if let Some(circle) = circle(uses, from) {
                let steps: Vec<String> = circle.windows(2).map(|w| format!("{} uses {} ({})", w[0], w[1], uses[&w[0]][&w[1]])).collect();
                let within = if parent.is_empty() { "rooms".to_owned() } else { parent.join("::") };
                broken.push(format!("{within}: {}", steps.join(", ")));
            }
        }
    }
    holds("files import each other in circles", broken);
}

/// The shortest way from `from` back to it, told once: from the first of its names.
fn circle(uses: &BTreeMap<String, BTreeMap<String, String>>, from: &str) -> Option<Vec<String>> {
    let mut ways = std::collections::VecDeque::from([vec![from.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in uses.get(way.last()?).into_iter().flat_map(BTreeMap::keys) {
            if next == from {
                let is_first = way.iter().all(|name| name.as_str() >= from);
                return is_first.then(|| [way, vec![next.clone()]].concat());
            }
            if seen.insert(next.clone()) {
                ways.push_back([way.clone(), vec![next.clone()]].concat());
            }
        }
    }
    None
}

#[test]
fn files_and_functions_end_before_they_are_too_long() {
    let mut broken = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        if lines > 400 {
            broken.push(format!("src/{}: {lines} lines, and no file has more than 400", file.path));
        }
        for word in words(&file.code).filter(|at| &file.code[at.clone()] == "fn") {
            // A type such as `fn(u32)` has no body.
            let is_item = file.code[word.end..].trim_start().starts_with(|c: char| c.is_alphabetic() || c == '_');
            let Some(body) = is_item.then(|| block(&file.code, word.end)).flatten() else { continue };
            let lines = file.code[body].lines().filter(|line| !line.trim().is_empty()).count().saturating_sub(2);
            if lines > 80 {
                broken.push(format!("{}: a function of {lines} lines, and none has more than 80", file.place(word.start)));
            }
        }
    }
    holds("files or functions are too long", broken);
}

#[test]
fn matches_on_our_own_enums_name_every_variant() {
    let files = sources();
    let ours = matching::enums(&files);
    let broken = files.iter().flat_map(|file| matching::wildcards(file, &ours)).collect();
    holds("a wildcard would hide a variant that is added", broken);
}

#[test]
fn no_rule_is_known_by_its_name_outside_its_own_file() {
    let mut broken = Vec::new();
    for file in sources() {
        for rule in RULES {
            if file.path == format!("rules/{}.rs", rule.name) || file.path.starts_with(&format!("rules/{}/", rule.name)) {
                continue;
            }
            let quoted = format!("\"{}\"", rule.name);
            for (at, _) in file.with_strings.match_indices(&quoted) {
                let (before, behind) = (file.with_strings[..at].trim_end(), file.with_strings[at + quoted.len()..].trim_start());
                let line = file.text.lines().nth(file.line(at) - 1).unwrap_or_default();
                let is_compared = ["==", "!="].iter().any(|sign| before.ends_with(sign) || behind.starts_with(sign));
                // Other texts may be called as a rule is: `type` is a key of JSON too.
                if is_compared && ["rule", "entry", "finding", "name"].iter().any(|word| line.contains(word)) {
                    broken.push(format!("{}: compared with the name of the rule {quoted}", file.place(at)));
                }
            }
        }
        let is_sign = |text: &str| ["==", "!="].iter().any(|sign| text.starts_with(sign) || text.ends_with(sign));
        for (at, name) in file.code.match_indices("::NAME") {
            let whole = file.code[..at].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            // States have names too; there a type parameter is compared.
            let is_of_rule = file.code[whole.len()..at] != *"S";
            if is_of_rule && (is_sign(whole.trim_end()) || is_sign(file.code[at + name.len()..].trim_start())) {
                broken.push(format!("{}: compared with the name of a rule", file.place(at)));
            }
        }
    }
    holds("what is special about a rule is a constant of its trait", broken);
}

/// What only some rooms may do: what it looks like, and where.
const KEPT: [(&str, &[&str], &[&str]); 4] = [
    ("only Unix or Windows has it", &["std::os::", "libc::", "rustix::", "cfg(unix", "cfg(windows", "cfg(not(unix"], &["files"]),
    ("types have no name that lasts", &["TypeId"], &[]),
    ("only the command line reads the clock", &["SystemTime::now", "Instant::now", "Utc::now", "Local::now"], &["cli"]),
    (
        "only the command line reads the environment, and has random numbers",
        &["env::var", "env::args", "env::temp_dir", "env::current_dir", "RandomState"],
        &["cli", "main"],
    ),
];

#[test]
fn what_one_room_does_no_other_does() {
    let mut broken = Vec::new();
    for file in sources() {
        for (why, looks, rooms) in KEPT {
            for (at, look) in looks.iter().flat_map(|look| file.code.match_indices(look)) {
                if !rooms.contains(&file.room()) {
                    broken.push(format!("{}: `{look}`: {why}", file.place(at)));
                }
            }
        }
    }
    holds("this stands where it may not", broken);
}

#[test]
fn source_is_read_without_comments_strings_and_tests() {
    let text = "use crate::a::{self, b::{C, D as E}, f::*}; // crate::no\n/* crate::no */ let x = \"crate::no\"; let y = 'c'; let z: &'static str = r#\"crate::\"no\"#;\n\
                fn f() { super::g::H::<u8>::new() }\n#[cfg(test)]\nmod tests { use crate::no; }\nuse child::Item;\n";
    let file = SourceFile::of("room/part/mod.rs".into(), text.into());
    let children = BTreeSet::from([["room", "part", "child"].map(str::to_owned).to_vec()]);
    let found: Vec<(String, usize)> = file.paths(&children).iter().map(|path| (path.segments.join("::"), file.line(path.at))).collect();
    let expected = [("a", 1), ("a::b::C", 1), ("a::b::D", 1), ("a::f::*", 1), ("room::g::H", 3), ("room::part::child::Item", 6)];
    assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    assert_eq!(file.text.lines().count(), file.code.lines().count());
}
