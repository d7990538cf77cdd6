//! Mistakes people make, and what they read: transcripts. Each topic of `tests/mistakes/` holds cases; the snapshot beside it
//! shows what was typed and what was printed.

use crate::support::{Place, files_below, project};

/// What a case finds in its directory unless it brings files of the same name.
const DATA: &str = "id,species,age,sex,status\n1,Adelie,3,f,paid\n2,Gentoo,5,m,open\n3,Adelie,,f,paid\n";
const RULES: &str = "dataset: penguins\nrules:\n  - missing: { columns: [id, species] }\n";

/// One mistake: its files and the commands that are typed.
struct Case<'a> {
    title: &'a str,
    files: Vec<(&'a str, String, bool)>,
    commands: Vec<&'a str>,
}

/// Reads a topic: `## title`, then files as `--- name` (or `--- name (hex)`) with their lines, then commands as `$ arguments`.
fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if let Some(title) = bare.strip_prefix("## ") {
            cases.push(Case { title, files: Vec::new(), commands: Vec::new() });
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        if let Some(name) = bare.strip_prefix("--- ") {
            let (name, hex) = name.strip_suffix(" (hex)").map_or((name, false), |name| (name, true));
            case.files.push((name, String::new(), hex));
        } else if let Some(command) = bare.strip_prefix("$ ") {
            case.commands.push(command);
        } else if let Some((_, content, _)) = case.files.last_mut().filter(|_| case.commands.is_empty()) {
            content.push_str(line);
        }
    }
    cases
}

fn bytes(content: &str, hex: bool) -> Vec<u8> {
    let digits: Vec<u8> = content.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    if hex { digits.chunks(2).map(pair).collect() } else { content.as_bytes().to_vec() }
}

impl Case<'_> {
    /// The files as they were written, the commands, and what they print.
    fn transcript(&self) -> String {
        let place = Place::new();
        place.write("data.csv", DATA);
        place.write("rules.yaml", RULES);
        let mut out = format!("## {}\n", self.title);
        for (name, content, hex) in &self.files {
            place.write(name, bytes(content, *hex));
            let shown: String = content.trim_end().lines().map(|line| format!("| {line}\n")).collect();
            out.push_str(&format!("{name}\n{shown}"));
        }
        for command in &self.commands {
            let arguments: Vec<&str> = command.split_whitespace().collect();
            let run = place.run(&arguments);
            let said: String =
                run.stdout.lines().chain(run.stderr.lines()).filter(|l| !l.trim().is_empty()).map(|l| format!("{l}\n")).collect();
            out.push_str(&format!("$ sluicegate {command}\n{said}(exit code {})\n", run.code));
        }
        out
    }
}

#[test]
fn each_mistake_is_answered_with_what_to_write() {
    let topics = files_below(&project("tests/mistakes"), "txt");
    let mut count = 0;
    for topic in &topics {
        let text = std::fs::read_to_string(topic).expect("read");
        let cases = cases(&text);
        count += cases.len();
        let transcripts: Vec<String> = cases.iter().map(Case::transcript).collect();
        let name = topic.file_stem().expect("a name").to_string_lossy().into_owned();
        insta::with_settings!({
            snapshot_path => topic.parent().expect("a folder").join("snapshots"), prepend_module_to_snapshot => false, omit_expression => true
        }, {
            insta::assert_snapshot!(name, transcripts.join("\n"));
        });
    }
    assert!(count >= 60, "{count} mistakes");
}
