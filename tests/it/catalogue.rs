//! The catalogue in `docs/catalogue`: every check of five other tools, and the rule that asks the same. Each name of the lists has one
//! entry, and each rule is run over data that keeps it and over data that breaks it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::support::{Place, Run, project};

/// How old times are is counted from here.
const AS_OF: &str = "2026-11-22T00:00:00Z";

/// A page, with the lists that it answers.
struct Page {
    name: &'static str,
    lists: &'static [&'static str],
}

const PAGES: [Page; 5] = [
    Page { name: "great-expectations", lists: &["great-expectations"] },
    Page { name: "deequ", lists: &["deequ"] },
    Page { name: "soda", lists: &["soda"] },
    Page { name: "dbt", lists: &["dbt-core", "dbt-utils", "dbt-expectations"] },
    Page { name: "pandera", lists: &["pandera"] },
];

/// A line of a page's tables: a check of the other tool, and the rules that answer it or the reason why none does.
struct Entry {
    name: String,
    answer: Answer,
}

enum Answer {
    Rules(Vec<String>),
    Reason(String),
}

/// A block of YAML of a page.
struct Block {
    /// Where it begins.
    line: usize,
    /// The data that it is run over: `orders`, or what stands behind `yaml`.
    data: String,
    /// As the page has it, without the lines that name entries.
    body: String,
    rules: Vec<Asked>,
}

/// A rule of a block.
struct Asked {
    /// The entries that it answers.
    names: Vec<String>,
    /// Its key.
    rule: String,
    /// The id of its finding.
    id: String,
}

impl Page {
    fn text(&self) -> String {
        read(&format!("docs/catalogue/{}.md", self.name))
    }

    /// The rows of its tables: `| name | what it asks | links to rules, or none: and why |`.
    fn entries(&self) -> Vec<Entry> {
        let text = self.text();
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
        let entry = |row: &str| {
            let (name, rest) = row.split_once('`').unwrap_or_else(|| panic!("{}: a name ends: {row}", self.name));
            let cells: Vec<&str> = rest.trim_matches([' ', '|']).splitn(2, " | ").collect();
            let [asks, answer] = cells[..] else { panic!("{}: three cells: {row}", self.name) };
            assert!(asks.ends_with('.') && asks.len() > 5, "{}: `{name}` says what it asks: {asks}", self.name);
            let rule = |link: &str| link.split('`').next().unwrap_or_default().to_owned();
            let answer = match answer.strip_prefix("none: ") {
                Some(reason) => Answer::Reason(reason.to_owned()),
                None => Answer::Rules(answer.split("[`").skip(1).map(rule).collect()),
            };
            Entry { name: name.to_owned(), answer }
        };
        rows.map(entry).collect()
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let text = self.text();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            if let Some(data) = line.strip_prefix("```yaml") {
                let inside: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
                let data = if data.is_empty() { "orders" } else { data.trim() };
                blocks.push(Block::of(at + 1, data, &inside));
            }
        }
        blocks
    }
}

impl Block {
    /// `# name` says which entries the rules below it answer, until the next such line. Each rule is given an id, to find what became of
    /// it, and `on_fail: warn`, so that none sets rows aside that another one is about to judge.
    fn of(line: usize, data: &str, inside: &[&str]) -> Self {
        let mut block = Self { line, data: data.to_owned(), body: String::new(), rules: Vec::new() };
        let (mut names, mut is_answered) = (Vec::new(), false);
        for text in inside {
            if let Some(name) = text.strip_prefix("# ") {
                if std::mem::take(&mut is_answered) {
                    names.clear();
                }
                names.push(name.to_owned());
                continue;
            }
            let rule = text.trim_start().strip_prefix("- ").and_then(|rule| rule.split_once(": { "));
            let asked = |rule: &str, id: String| Asked { names: names.clone(), rule: rule.to_owned(), id };
            match rule {
                Some((rule, words)) => {
                    let asked = asked(rule, format!("asked{}", block.rules.len()));
                    let indent = text.len() - text.trim_start().len();
                    writeln!(block.body, "{:indent$}- {rule}: {{ id: {}, on_fail: warn, {words}", "", asked.id).expect("text");
                    block.rules.push(asked);
                    is_answered = true;
                }
                None => {
                    if *text == "schema:" {
                        block.rules.push(asked("schema", "schema".to_owned()));
                        is_answered = true;
                    }
                    writeln!(block.body, "{text}").expect("text");
                }
            }
        }
        block
    }

    /// The block as a rule file: a list of rules, or sections.
    fn rule_file(&self) -> String {
        let mut file = "dataset: catalogue\n".to_owned();
        if self.needs_runs() {
            file.push_str("history: history\n");
        }
        let has_contract = self.rules.iter().any(|asked| asked.id == "schema");
        if self.data == "orders" && !has_contract {
            file.push_str(&read("tests/catalogue/orders.contract.yaml"));
        }
        if self.body.starts_with("- ") {
            file.push_str("rules:\n");
        }
        file + &self.body
    }

    fn needs_runs(&self) -> bool {
        self.body.contains("runs: {")
    }

    /// What is wrong with its rules: over good data each must pass, over bad data none.
    fn wrong(&self, page: &Page) -> Vec<String> {
        let place = Place::with(&self.rule_file(), "");
        for file in crate::support::files_below(&project("tests/catalogue"), "csv") {
            place.write(&file.file_name().expect("a name").to_string_lossy(), std::fs::read(&file).expect("data"));
        }
        let good = read(&format!("tests/catalogue/{}.good.csv", self.data));
        place.write("yesterday.csv", &good);
        if self.needs_runs() {
            // As many weeks as `runs` needs, each a batch of its own.
            for (week, day) in (1..=16).map(|week| (week, weeks_before(17 - week))) {
                place.write("week.csv", good.replace("call first", &format!("call {week}")));
                let run = place.run(&["check", "week.csv", "-r", "r.yaml", "--as-of", AS_OF, "--now", &day]);
                assert!(run.report.is_some(), "{}: line {}: {}", page.name, self.line, run.stderr);
            }
        }
        let mut wrong = Vec::new();
        for (kind, expected) in [("good", "pass"), ("bad", "fail")] {
            let data = format!("{}.{kind}.csv", self.data);
            let run = place.run(&["check", &data, "-r", "r.yaml", "--as-of", AS_OF, "--now", AS_OF]);
            for asked in &self.rules {
                let outcomes = outcomes(&run, &asked.id);
                let is_right = match kind {
                    "good" => !outcomes.is_empty() && outcomes.iter().all(|outcome| *outcome == expected),
                    _ => outcomes.contains(&expected),
                };
                if !is_right {
                    let names = asked.names.join(", ");
                    let at = format!("docs/catalogue/{}.md: the block at line {}", page.name, self.line);
                    wrong.push(format!("{at}: `{}` ({names}) over {kind} data: {outcomes:?}", asked.rule));
                }
            }
            if !run.stderr.is_empty() && !wrong.is_empty() {
                wrong.push(run.stderr);
            }
        }
        wrong
    }
}

/// What became of a rule; of one about several columns, with each of them.
fn outcomes<'a>(run: &'a Run, id: &str) -> Vec<&'a str> {
    let report = run.report.as_ref().and_then(|report| report["findings"].as_array());
    let findings = report.map(Vec::as_slice).unwrap_or_default().iter();
    let is_its = |found: &str| found == id || found.strip_prefix(id).is_some_and(|rest| rest.starts_with('-'));
    findings.filter(|f| f["id"].as_str().is_some_and(is_its)).filter_map(|f| f["outcome"].as_str()).collect()
}

/// The day so many weeks before [`AS_OF`], a Sunday as it is.
fn weeks_before(weeks: u64) -> String {
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day") - chrono::Days::new(7 * weeks);
    format!("{day}T00:00:00Z")
}

fn read(path: &str) -> String {
    let file: PathBuf = project(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The names of a list; behind `#` stands what it is a list of, with its version.
fn listed(list: &str) -> Vec<String> {
    let text = read(&format!("docs/catalogue/{list}.txt"));
    let (head, names): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("# "));
    assert!(head.iter().any(|line| line.contains(|c: char| c.is_ascii_digit())), "{list}: it says of which version it is");
    names.into_iter().map(str::to_owned).collect()
}

/// How often each occurs.
fn counted(names: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// Each name of the lists stands in one line of the tables, and no other name does; what is answered by rules has them in one block.
fn is_complete(page: &Page) {
    let names = counted(page.lists.iter().flat_map(|list| listed(list)));
    assert!(names.values().all(|times| *times == 1), "{}: a list has a name twice: {names:?}", page.name);
    let (entries, blocks) = (page.entries(), page.blocks());
    let in_tables = counted(entries.iter().map(|entry| entry.name.clone()));
    let differ = |name: &&String| in_tables.get(*name) != names.get(*name);
    let differing: Vec<&String> = in_tables.keys().chain(names.keys()).filter(differ).collect();
    assert!(differing.is_empty(), "{}: not once in the tables and once in the lists: {differing:?}", page.name);
    let mut answered: BTreeMap<&str, (Vec<&str>, Vec<usize>)> = BTreeMap::new();
    for (block, asked) in blocks.iter().flat_map(|block| block.rules.iter().map(move |asked| (block, asked))) {
        assert!(!asked.names.is_empty(), "{}: line {}: a rule without an entry", page.name, block.line);
        for name in &asked.names {
            let (rules, lines) = answered.entry(name).or_default();
            if !rules.contains(&asked.rule.as_str()) {
                rules.push(&asked.rule);
            }
            lines.push(block.line);
        }
    }
    for entry in &entries {
        let found = answered.remove(entry.name.as_str());
        match (&entry.answer, found) {
            (Answer::Reason(reason), found) => {
                assert!(found.is_none(), "{}: `{}` has rules and a reason for none", page.name, entry.name);
                assert!(reason.len() > 20 && reason.ends_with('.'), "{}: `{}`: a reason in a sentence: {reason}", page.name, entry.name);
            }
            (Answer::Rules(rules), found) => {
                let (in_yaml, lines) = found.unwrap_or_else(|| panic!("{}: no YAML for `{}`", page.name, entry.name));
                assert_eq!(*rules, in_yaml, "{}: the rules of `{}`, in the table and in YAML", page.name, entry.name);
                assert!(lines.iter().all(|line| *line == lines[0]), "{}: `{}` stands in several blocks", page.name, entry.name);
            }
        }
    }
    assert!(answered.is_empty(), "{}: YAML for what no table has: {:?}", page.name, answered.keys());
}

/// A page has all that its lists have, and its rules do what it says.
fn holds(name: &str) {
    let page = PAGES.iter().find(|page| page.name == name).expect("a page");
    is_complete(page);
    let wrong: Vec<String> = page.blocks().iter().flat_map(|block| block.wrong(page)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn great_expectations() {
    holds("great-expectations");
}

#[test]
fn deequ() {
    holds("deequ");
}

#[test]
fn soda() {
    holds("soda");
}

#[test]
fn dbt() {
    holds("dbt");
}

#[test]
fn pandera() {
    holds("pandera");
}

#[test]
fn the_folder_has_these_pages_and_lists_alone() {
    let stems = |extension: &str| -> Vec<String> {
        let files = crate::support::files_below(&project("docs/catalogue"), extension);
        files.iter().map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
    };
    let pages = counted(PAGES.iter().map(|page| page.name.to_owned()));
    let lists = counted(PAGES.iter().flat_map(|page| page.lists).map(|list| (*list).to_owned()));
    assert_eq!((counted(stems("md")), counted(stems("txt"))), (pages, lists));
}
