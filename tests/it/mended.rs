//! Rows set aside are taken out, mended, and join their batch: each once, whatever dies in between.

use std::fs;
use std::process::{Command, Stdio};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use crate::crash::Kind;
use crate::gate::read;
use crate::support::{Place, Run, project};

const RULES: &str = "dataset: t
source: { missing_values: [\"\", NA] }
schema: { evolution: any, columns: { id: { type: int64 }, day: { type: date, format: \"%d.%m.%Y\" }, price: { type: \"decimal(10,2)\" } } }
transform: { share: \"100 / pieces\" }
rules:
  - missing: { column: name }
  - duplicates: { key: [id] }
  - range: { column: price, max: 100 }
";

/// Of ten rows five pass: 2 has no name, 4 comes twice, 6 costs too much, 7 has no pieces, and one has too few fields.
const DATA: &str = "id,name,day,price,pieces\n1,a,01.11.2026,1.50,1\n2,NA,02.11.2026,2.50,2\n3,c,03.11.2026,3.50,3\n4,d,04.11.2026,4,4\n\
4,\"e, e\",05.11.2026,5,5\n6,f,06.11.2026,600,6\n7,g,07.11.2026,7,0\n8,h\n9,i,09.11.2026,9,9\n10,j,10.11.2026,10,10\n";

const KEY: &str = "_sluicegate_part,_sluicegate_file,_sluicegate_row";

fn run(place: &Place, kind: Kind, arguments: &[&str]) -> Run {
    let destination = kind.arguments(place);
    place.run(&arguments.iter().copied().chain(destination.iter().map(String::as_str)).collect::<Vec<_>>())
}

/// The quarantine of `kind`, as an argument.
fn aside(place: &Place, kind: Kind) -> String {
    kind.arguments(place).pop().expect("the quarantine")
}

fn place(kind: Kind) -> Place {
    let place = Place::new();
    place.write("r.yaml", RULES);
    place.write("d.csv", DATA);
    let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
    assert_eq!((gated.code, gated.rows("published"), gated.rows("quarantined")), (0, 5, 5), "{}", gated.stderr);
    place
}

/// Takes the rows of `b2` out as `name`, and says what was said.
fn export(place: &Place, kind: Kind, name: &str, more: &[&str]) -> String {
    let quarantine = aside(place, kind);
    let export = place.run(&[&["quarantine", "export", &quarantine, "b2", "--to", name], more].concat());
    assert_eq!((export.code, export.stderr.as_str()), (0, ""), "{kind:?}");
    export.stdout
}

fn text(place: &Place, name: &str) -> String {
    fs::read_to_string(place.path(name)).expect("text")
}

/// Mends what can be mended: 2 gets a name, the second 4 becomes 5, 6 and 7 get what was meant.
fn mend(place: &Place, kind: Kind) {
    export(place, kind, "mend.csv", &["--only-values", "--malformed-to", "malformed.csv"]);
    let taken = text(place, "mend.csv");
    assert_eq!(taken.lines().next(), Some(format!("id,name,day,price,pieces,{KEY}").as_str()));
    let mended =
        taken.replace("2,,2026", "2,b,2026").replace("4,\"e, e\"", "5,\"e, e\"").replace("600.00", "6").replace("7.00,0,", "7.00,7,");
    place.write("mend.csv", mended);
}

#[test]
fn mended_rows_join_their_batch_each_once_in_every_destination() {
    for kind in crate::crash::kinds() {
        let place = place(kind);
        mend(&place, kind);
        let dry = run(&place, kind, &["replay", "--mended", "mend.csv", "-r", "r.yaml", "--dry-run"]);
        assert_eq!(dry.stdout, "b2: 4 mended rows would be published, 1 set aside as before\n", "{kind:?} {}", dry.stderr);
        assert_eq!(kind.visible(&place), [1, 3, 4, 9, 10], "{kind:?}");
        let replay = run(&place, kind, &["replay", "--mended", "mend.csv", "-r", "r.yaml"]);
        assert_eq!(replay.stdout, "b2: 4 mended rows published, 1 set aside as before\n", "{kind:?} {}", replay.stderr);
        assert_eq!(kind.visible(&place), [1, 2, 3, 4, 5, 6, 7, 9, 10], "{kind:?}");
        let again = run(&place, kind, &["replay", "--mended", "mend.csv", "-r", "r.yaml"]);
        assert_eq!(
            again.stdout, "b2: 0 mended rows published, 1 set aside as before; 4 mended rows joined before\n",
            "{kind:?} {}",
            again.stderr
        );
        assert_eq!(kind.visible(&place), [1, 2, 3, 4, 5, 6, 7, 9, 10], "{kind:?}");
        let list = place.run(&["quarantine", "list", &aside(&place, kind)]).stdout;
        assert!(list.contains(" 1     4 mended  malformed 1"), "{kind:?} {list}");
        // The record that was never read: its text is there, and room for its values.
        let malformed = text(&place, "malformed.csv");
        assert_eq!(
            malformed.lines().next(),
            Some(
                "id,name,day,price,pieces,_sluicegate_part,_sluicegate_file,_sluicegate_line,_sluicegate_row,_sluicegate_reason,_sluicegate_raw"
            )
        );
        assert!(malformed.contains(",d.csv,9,8,2 fields where the header has 5,\"8,h\"\n"), "{malformed}");
        let unfilled = run(&place, kind, &["replay", "--mended", "malformed.csv", "-r", "r.yaml"]);
        assert!(
            unfilled.code == 2
                && unfilled.stderr.contains("malformed.csv:2: row 8 of d.csv could not be read, and there are no values for it"),
            "{}",
            unfilled.stderr
        );
        place.write("malformed.csv", malformed.replace("\n,,,,,", "\n8,h,2026-11-08,8,8,"));
        let replay = run(&place, kind, &["replay", "--mended", "malformed.csv", "-r", "r.yaml"]);
        assert_eq!(replay.stdout, "b2: 1 mended row published, 0 set aside as before\n", "{kind:?} {}", replay.stderr);
        assert_eq!((kind.visible(&place), kind.aside(&place)), ((1..=10).collect(), Vec::new()), "{kind:?}");
        let list = place.run(&["quarantine", "list", &aside(&place, kind)]).stdout;
        assert!(list.contains(" 0     5 mended"), "{kind:?} {list}");
        let gated = run(&place, kind, &["gate", "d.csv", "-r", "r.yaml", "--batch-id", "b2"]);
        assert_eq!(gated.report()["publication"]["state"], "unchanged", "{kind:?} {}", gated.stderr);
        assert_eq!(kind.visible(&place), (1..=10).collect::<Vec<i64>>(), "{kind:?}");
    }
}

#[test]
fn values_are_the_same_whatever_format_they_were_mended_in() {
    let mut seen = Vec::new();
    for name in ["mend.csv", "mend.ndjson", "mend.parquet"] {
        let kind = Kind::File;
        let place = place(kind);
        export(&place, kind, name, &[]);
        // Under these rules two rows pass as they are: nothing was changed on the way.
        place.write("s.yaml", RULES.replace("max: 100", "max: 1000").replace("100 / pieces", "100 / nullif(pieces, 0)"));
        let replay = run(&place, kind, &["replay", "--mended", name, "-r", "s.yaml"]);
        assert!(
            replay.stdout.starts_with("b2: 2 mended rows published, 3 set aside as before\n"),
            "{name}: {}{}",
            replay.stdout,
            replay.stderr
        );
        assert!(
            replay.stdout.contains(": row 2 of d.csv stays set aside as it was; as mended it fails missing-name\n"),
            "{}",
            replay.stdout
        );
        seen.push(read(&place.path("out.parquet")));
    }
    assert_eq!(seen[0].columns(), seen[1].columns());
    assert_eq!(seen[0].columns(), seen[2].columns());
    assert_eq!(seen[0].num_rows(), 7);
}

#[test]
fn an_empty_text_stays_one_in_csv_which_cannot_tell_it_from_a_missing_value() {
    let place = Place::new();
    place.write("r.yaml", "dataset: t\nrules: [{ range: { column: v, max: 10 } }]\n");
    place.write(
        "d.ndjson",
        "{\"id\":1,\"v\":1,\"note\":\"x\"}\n{\"id\":2,\"v\":20,\"note\":\"\"}\n{\"id\":3,\"v\":30}\n{\"id\":4,\"v\":4,\"note\":\"\"}\n",
    );
    let kind = Kind::File;
    assert_eq!(run(&place, kind, &["gate", "d.ndjson", "-r", "r.yaml", "--batch-id", "b2"]).code, 0);
    export(&place, kind, "mend.csv", &[]);
    place.write("mend.csv", text(&place, "mend.csv").replace("2,20,", "2,2,").replace("3,30,", "3,3,"));
    let replay = run(&place, kind, &["replay", "--mended", "mend.csv", "-r", "r.yaml"]);
    assert_eq!(replay.stdout, "b2: 2 mended rows published, 0 set aside as before\n", "{}", replay.stderr);
    let out = read(&place.path("out.parquet"));
    let notes = out.column_by_name("note").expect("notes").as_string::<i32>();
    assert_eq!(notes.iter().collect::<Vec<_>>(), [Some("x"), Some(""), Some(""), None]);
}

#[test]
fn what_cannot_take_the_place_of_a_row_is_named_with_its_line_and_changes_nothing() {
    let kind = Kind::Delta;
    let place = place(kind);
    export(&place, kind, "all.csv", &["--only-values"]);
    let all = text(&place, "all.csv");
    let part = place.part("aside", "b2").file_name().expect("a name").to_string_lossy().into_owned();
    let files = place.files();
    let said = |content: &str, message: &str| {
        place.write("m.csv", content);
        let run = run(&place, kind, &["replay", "--mended", "m.csv", "-r", "r.yaml"]);
        assert!(run.code == 2 && run.stderr.contains(message), "{message}: {}{}", run.stdout, run.stderr);
    };
    let plain: String = all.lines().map(|line| line.rsplitn(4, ',').last().expect("values").to_owned() + "\n").collect();
    said(
        &plain,
        "m.csv: there is no column `_sluicegate_part`; keep the columns that `quarantine export` adds: they say which row each mended row replaces",
    );
    said(
        &(all.clone() + &format!("8,x,2026-11-08,1,1,{part},d.csv,3\n")),
        "m.csv:6: row 3 of d.csv is not set aside in batch `b2`; it never was",
    );
    said(&(all.clone() + &format!("8,x,2026-11-08,1,1,{part},e.csv,2\n")), "m.csv:6: row 2 of e.csv is not set aside");
    said(&(all.clone() + &format!("8,x,2026-11-08,1,1,{part},d.csv,2\n")), "m.csv:6: row 2 of d.csv is there twice, first at m.csv:2");
    said(&(all.clone() + "8,x,2026-11-08,1,1,b1.00000000.parquet,d.csv,2\n"), "m.csv:6: `b1.00000000.parquet` is no part of aside");
    said(&(all.clone() + "8,x,2026-11-08,1,1,,,\n"), "m.csv:6: it does not say which row it takes the place of");
    said(&(all.clone() + "8,x\n"), "m.csv:6: cannot be read: 2 fields where the header has 8");
    said(&all.replace("600.00", "six"), "m.csv:4: cannot be read: price: `six` is not a decimal(10,2)");
    said(&all.replace("pieces", "peices"), "m.csv: the batch has no column `peices`; did you mean `pieces`?");
    let named = run(&place, kind, &["replay", "--mended", "all.csv", "-r", "r.yaml", "b3"]);
    assert!(named.code == 2 && named.stderr.contains("no rows of batch `b3` are there"), "{}", named.stderr);
    // What was taken out is no batch of its own.
    for command in ["gate", "check"] {
        let destination: &[&str] = if command == "gate" { &["--publish", "elsewhere"] } else { &[] };
        let gated = place.run(&[&[command, "all.csv", "-r", "r.yaml"], destination].concat());
        assert!(
            gated.code == 2 && gated.stderr.contains("`sluicegate replay --mended FILE` lets mended rows join their batch"),
            "{}",
            gated.stderr
        );
    }
    fs::remove_file(place.path("m.csv")).expect("remove");
    assert_eq!(place.files(), files);
    assert_eq!(kind.visible(&place), [1, 3, 4, 9, 10]);
    // A row that has joined its batch cannot be mended again.
    mend(&place, kind);
    assert_eq!(run(&place, kind, &["replay", "--mended", "mend.csv", "-r", "r.yaml"]).code, 0);
    said(
        &text(&place, "mend.csv").replace("2,b,", "2,bb,"),
        "m.csv:2: row 2 of d.csv is not set aside in batch `b2`; it never was, or it has joined the batch already",
    );
}

#[test]
fn rows_that_were_not_mended_stay_and_so_do_those_that_fail_as_mended() {
    let kind = Kind::Parts;
    let place = place(kind);
    export(&place, kind, "mend.csv", &[]);
    let before = text(&place, "mend.csv");
    // Two rows are dropped; of the others one is mended, and one is made worse.
    let kept = |line: &&str| !line.starts_with("4,") && !line.starts_with("7,");
    let mended: String = before.lines().filter(kept).map(|line| line.replace("600.00", "6").replace("2,,", "3,b,") + "\n").collect();
    place.write("mend.csv", mended);
    let replay = run(&place, kind, &["replay", "--mended", "mend.csv", "-r", "r.yaml"]);
    assert_eq!(
        replay.stdout,
        "b2: 1 mended row published, 4 set aside as before\n  mend.csv:2: row 2 of d.csv stays set aside as it was; as mended it fails duplicates-id\n",
        "{}",
        replay.stderr
    );
    assert_eq!(kind.visible(&place), [1, 3, 4, 6, 9, 10]);
    assert_eq!(kind.aside(&place), [2, 4, 7]);
    export(&place, kind, "again.csv", &[]);
    let kept: String = before.lines().filter(|line| !line.starts_with("6,")).map(|line| format!("{line}\n")).collect();
    assert_eq!(text(&place, "again.csv"), kept, "as they were");
}

#[test]
fn what_clean_leaves_out_and_what_rejects_the_batch_stays() {
    let kind = Kind::Parts;
    let place = place(kind);
    export(&place, kind, "mend.csv", &["--only-values"]);
    let before = text(&place, "mend.csv");
    let replay = |rules: &str| {
        place.write("s.yaml", rules);
        let run = run(&place, kind, &["replay", "--mended", "mend.csv", "-r", "s.yaml"]);
        assert_eq!((kind.visible(&place), kind.aside(&place)), (vec![1, 3, 4, 9, 10], vec![2, 4, 6, 7]), "{}", run.stderr);
        (run.code, run.stdout)
    };
    place.write(
        "mend.csv",
        before.lines().filter(|l| l.starts_with("id") || l.starts_with("6,")).map(|l| format!("{l}\n")).collect::<String>(),
    );
    let (code, said) = replay(&RULES.replace("transform:", "clean: [{ drop_where: price > 500 }]\ntransform:"));
    let why = "mend.csv:2: row 6 of d.csv stays set aside as it was; `clean` leaves out what it was mended to";
    assert_eq!((code, said), (0, format!("b2: 0 mended rows published, 5 set aside as before\n  {why}\n")));
    let (code, said) = replay(&RULES.replace("max: 100", "max: 100, on_fail: reject"));
    assert!(
        code == 1 && said.starts_with("b2: nothing published: the batch as a whole is rejected; 5 rows stay set aside\n  range-price: "),
        "{said}"
    );
}

#[test]
fn a_mended_replay_killed_at_any_step_is_ended_by_the_next() {
    for kind in crate::crash::kinds() {
        let mut steps = 0;
        loop {
            let place = place(kind);
            mend(&place, kind);
            let step = (steps + 1).to_string();
            let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
            command.current_dir(place.path(".")).args(["replay", "--mended", "mend.csv", "-r", "r.yaml", "--die-at-step", &step]);
            command.args(kind.arguments(&place)).envs(crate::s3::variables()).stdout(Stdio::null()).stderr(Stdio::null());
            let is_over = command.status().expect("it runs").code().is_some();
            let (before, after) = (vec![1, 3, 4, 9, 10], vec![1, 2, 3, 4, 5, 6, 7, 9, 10]);
            let seen = kind.visible(&place);
            assert!(seen == before || seen == after, "{kind:?}, step {step}: a reader sees {seen:?}");
            let again = run(&place, kind, &["replay", "--mended", "mend.csv", "-r", "r.yaml"]);
            assert_eq!((again.code, again.stderr.as_str()), (0, ""), "{kind:?}, step {step}");
            assert_eq!((kind.visible(&place), kind.aside(&place)), (after, Vec::new()), "{kind:?}, step {step}");
            let list = place.run(&["quarantine", "list", &aside(&place, kind)]).stdout;
            assert!(list.contains(" 1     4 mended  malformed 1"), "{kind:?}, step {step}: {list}");
            let left: Vec<String> = place.files().into_iter().filter(|f| f.contains(".staged") || f.contains(".pending")).collect();
            assert!(left.is_empty(), "{kind:?}, step {step}: {left:?} are left");
            if is_over {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 8, "{kind:?} has only {steps} steps");
    }
}

/// docs/gate.md, "Mending": its commands are run, its edits made, and what it shows is what is printed.
#[test]
fn the_mending_that_the_documentation_describes_is_what_happens() {
    let place = Place::new();
    for file in ["rules/orders.yaml", "fixtures/orders/2026-11-20.csv"] {
        place.write(file, fs::read(project(file)).expect("a file of the project"));
    }
    assert_eq!(place.run(&["gate", "-r", "rules/orders.yaml"]).code, 0);
    let docs = fs::read_to_string(project("docs/gate.md")).expect("docs");
    let section = docs.split("### Mending").nth(1).and_then(|rest| rest.split("\n### ").next()).expect("a section on mending");
    let blocks: Vec<&str> = section.split("```console\n").skip(1).map(|block| block.split("```").next().expect("an end")).collect();
    assert_eq!(blocks.len(), 2);
    for (i, block) in blocks.into_iter().enumerate() {
        if i == 1 {
            edit(&place, section);
        }
        let mut transcript = String::new();
        for command in block.lines().filter_map(|line| line.strip_prefix("$ sluicegate ")) {
            let run = place.run(&command.split_whitespace().collect::<Vec<_>>());
            transcript += &format!("$ sluicegate {command}\n{}{}", run.stdout, run.stderr);
        }
        assert_eq!(transcript, block);
    }
    let published = read(&place.path("processed/orders_daily.parquet"));
    assert_eq!(published.num_rows(), 192);
    let ids = published.column_by_name("order_id").expect("ids").as_primitive::<Int64Type>();
    let mut ids: Vec<i64> = ids.values().to_vec();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "each once");
    assert!([10018, 10043, 10056, 10102, 10999].iter().all(|id| ids.contains(id)));
}

/// Makes the edits of the table in `section`.
fn edit(place: &Place, section: &str) {
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    for row in rows {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").map(|cell| cell.trim().trim_matches('`')).collect();
        let (name, which, from) = (cells[0], cells[1], cells[2]);
        let content = text(place, name);
        let line = content.lines().find(|line| line.contains(which)).unwrap_or_else(|| panic!("{name} has no row with {which}"));
        let edited = match from {
            "the row |" | "the row" => content.replace(&format!("{line}\n"), ""),
            from => {
                assert!(line.contains(from), "{line}");
                content.replace(line, &line.replacen(from, cells[3], 1))
            }
        };
        place.write(name, edited);
    }
}
