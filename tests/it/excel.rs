//! Workbooks as sources: sheets, cells of every kind, rows that keep their numbers, and workbooks that do not fit.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::{Value as Json, json};

use crate::support::{Place, Run};

const RULES: &str = "dataset: t\nprofile: full\nrules:\n  - rows: { min: 0 }\n";

/// A ZIP archive of the parts, each packed.
fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in parts {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = packed.write_all(content).and_then(|()| packed.finish()).expect("packed");
        let mut sizes = crc.sum().to_le_bytes().to_vec();
        sizes.extend((packed.len() as u32).to_le_bytes());
        sizes.extend((content.len() as u32).to_le_bytes());
        sizes.extend((name.len() as u16).to_le_bytes());
        let at = out.len() as u32;
        out.extend(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\x21\0");
        out.extend(&sizes);
        out.extend([0, 0]);
        out.extend(name.bytes().chain(packed));
        directory.extend(b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\x21\0");
        directory.extend(&sizes);
        directory.extend([0; 12]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.bytes());
    }
    let (count, start, len) = (parts.len() as u16, out.len() as u32, directory.len() as u32);
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes().repeat(2));
    out.extend(len.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A workbook of sheets: name and rows, as the format writes them. Cells of style 1 are dates, of style 2 dates with times.
fn workbook(sheets: &[(&str, &str)]) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let (mut listed, mut related, mut parts) = (String::new(), String::new(), Vec::new());
    for (i, (name, rows)) in sheets.iter().enumerate() {
        listed += &format!("<sheet name=\"{name}\" sheetId=\"{0}\" r:id=\"r{0}\"/>", i + 1);
        related += &format!("<Relationship Id=\"r{0}\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/s{0}.xml\"/>", i + 1);
        let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>");
        parts.push((format!("xl/worksheets/s{}.xml", i + 1), sheet));
    }
    related += &format!("<Relationship Id=\"styles\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/>");
    let styles = "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"22\"/></cellXfs>";
    parts.push(("[Content_Types].xml".into(), "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>".into()));
    parts.push(("xl/styles.xml".into(), format!("<styleSheet xmlns=\"{MAIN}\">{styles}</styleSheet>")));
    parts.push((
        "xl/workbook.xml".into(),
        format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets>{listed}</sheets></workbook>"),
    ));
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    parts.push(("xl/_rels/workbook.xml.rels".into(), format!("<Relationships xmlns=\"{package}\">{related}</Relationships>")));
    let main = format!("<Relationship Id=\"b\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/>");
    parts.push(("_rels/.rels".into(), format!("<Relationships xmlns=\"{package}\">{main}</Relationships>")));
    zip(&parts.iter().map(|(name, content)| (name.as_str(), content.as_bytes())).collect::<Vec<_>>())
}

/// A workbook with one value, in a cell of this name.
pub fn with_cell_at(name: &str) -> Vec<u8> {
    workbook(&[("s", &format!("<row r=\"9\"><c r=\"{name}\"><v>1</v></c></row>"))])
}

/// A row of a sheet: its number and its cells, in which `REF` stands for the cell's place.
fn row(number: u32, cells: &[&str]) -> String {
    let cells = cells.iter().zip('A'..).map(|(cell, column)| cell.replace("REF", &format!("r=\"{column}{number}\"")));
    format!("<row r=\"{number}\">{}</row>", cells.collect::<String>())
}

fn text(value: &str) -> String {
    format!("<c REF t=\"inlineStr\"><is><t>{value}</t></is></c>")
}

fn number(value: &str) -> String {
    format!("<c REF><v>{value}</v></c>")
}

fn header(number: u32, names: &[&str]) -> String {
    let cells: Vec<String> = names.iter().map(|name| text(name)).collect();
    row(number, &cells.iter().map(String::as_str).collect::<Vec<_>>())
}

fn check(book: &[u8], rules: &str) -> Run {
    let place = Place::with(rules, "");
    place.write("b.xlsx", book);
    place.run(&["check", "b.xlsx", "-r", "r.yaml"])
}

fn fault(book: &[u8], rules: &str) -> String {
    let run = check(book, rules);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    run.stderr
}

fn columns(run: &Run) -> Vec<(String, String, u64)> {
    let told = |c: &Json| Some((c["name"].as_str()?.to_owned(), c["type"].as_str()?.to_owned(), c["missing"].as_u64()?));
    run.report()["columns"].as_array().expect("columns").iter().map(|c| told(c).expect("a column")).collect()
}

#[test]
fn cells_have_the_types_that_all_values_of_a_column_have() {
    let names = ["whole", "price", "day", "at", "ok", "zip", "mixed", "clock"];
    let (day, at, ok) = ("<c REF s=\"1\"><v>46353</v></c>", "<c REF s=\"2\"><v>46353.75</v></c>", "<c REF t=\"b\"><v>1</v></c>");
    let (zip, word, hour) = (text("01234"), text("x"), "<c REF s=\"2\"><v>0.354166666666667</v></c>");
    let first = row(2, &[&number("17"), &number("0.5"), day, at, ok, &zip, &number("5"), hour]);
    let second = row(3, &[&number("18"), &number("19.99"), day, day, ok, &zip, &word, hour]);
    // Rows 4 and 5 are blank, and 7 has one cell.
    let last = row(6, &[&number("19"), "", "<c REF/>", "", "", "", "<c REF t=\"inlineStr\"><is><t></t></is></c>", ""]);
    let rows = header(1, &names) + &first + &second + &last + "<row r=\"7\"><c r=\"A7\"><v>-1</v></c></row><row r=\"8\"/>";
    let run =
        check(&workbook(&[("Orders", &rows), ("Empty", "")]), "dataset: t\nprofile: full\nrules:\n  - range: { column: whole, min: 0 }\n");
    let told = columns(&run);
    let types: Vec<(&str, &str, u64)> = told.iter().map(|(n, t, m)| (n.as_str(), t.as_str(), *m)).collect();
    let expected = [
        ("whole", "int64", 0),
        ("price", "float64", 2),
        ("day", "date", 2),
        ("at", "timestamp(us)", 2),
        ("ok", "bool", 2),
        ("zip", "string", 2),
        ("mixed", "string", 2),
        ("clock", "string", 2),
    ];
    assert_eq!(types, expected, "{}", run.stderr);
    let column = |i: usize, what: &str| run.report()["columns"][i][what].clone();
    assert_eq!((column(2, "min"), column(3, "max")), (json!("2026-11-27"), json!("2026-11-27T18:00:00")));
    assert_eq!(column(7, "top_values")[0]["value"], "08:30:00", "{}", column(7, "top_values"));
    // The row is called by the number that it has in the sheet.
    assert_eq!(run.finding("range-whole")["samples"][0]["origin"], json!({ "file": "b.xlsx", "line": null, "row": 7 }));
    assert_eq!(run.report()["batch"]["format"], "excel");
}

#[test]
fn a_contract_reads_cells_as_its_types() {
    let rows = header(1, &["zip", "price"]) + &row(2, &[&number("1234"), &number("19.99")]) + &row(3, &[&text("0123"), &number("1.005")]);
    let rules =
        "dataset: t\nprofile: basic\nschema:\n  columns:\n    zip: { type: string }\n    price: { type: \"decimal(10,2)\" }\nrules: []\n";
    let run = check(&workbook(&[("a", &rows)]), rules);
    let types: Vec<String> = columns(&run).into_iter().map(|(_, t, _)| t).collect();
    assert_eq!(types, ["string", "decimal(10,2)"]);
    let sample = &run.finding("malformed")["samples"][0];
    assert_eq!((&sample["origin"]["row"], &sample["raw"]), (&json!(3), &json!("\"0123\",1.005")), "{sample}");
}

#[test]
fn cells_without_a_value_are_malformed_and_say_which_cell_it_is() {
    let bad = ["<c REF t=\"e\"><v>#DIV/0!</v></c>", "<c REF><f>A1+1</f></c>", "<c REF s=\"1\"><v>1e300</v></c>"];
    let mut rows = header(2, &["id", "price"]);
    for (i, cell) in bad.iter().enumerate() {
        rows += &row(3 + i as u32, &[&number(&i.to_string()), cell]);
    }
    rows += &row(9, &[&number("9"), "<c REF><f>A1+1</f><v>2.5</v></c>"]);
    let run = check(&workbook(&[("a", &rows)]), RULES);
    assert_eq!((run.rows("read"), run.rows("malformed")), (4, 3), "{}", run.stderr);
    let finding = run.finding("malformed").clone();
    let told = |i: usize, what: &str| finding["samples"][i][what].as_str().expect("a text").to_owned();
    assert_eq!((told(0, "reason"), told(0, "raw")), ("price: cell B3 is the error #DIV/0!".into(), "0,#DIV/0!".into()));
    assert!(told(1, "reason").starts_with("price: cell B4 is a formula without a value"), "{}", told(1, "reason"));
    assert!(told(2, "reason").starts_with("price: cell B5 is a date that there is not"), "{}", told(2, "reason"));
    assert_eq!([0, 1, 2].map(|i| finding["samples"][i]["origin"]["row"].clone()), [3, 4, 5].map(Json::from));
    // What is malformed does not make text of the column.
    assert_eq!(columns(&run)[1].1, "float64");
}

#[test]
fn which_sheet_is_meant_is_said_or_is_a_fault() {
    let sheet = |name: &str| header(1, &[name]) + &row(2, &[&number("1")]);
    let (one, two) = (sheet("one"), sheet("two"));
    let book = workbook(&[("First", &one), ("Second &amp; last", ""), ("Third", &two)]);
    let said = fault(&book, RULES);
    assert!(said.contains("2 sheets have data: `First`, `Third`"), "{said}");
    for (sheet, column) in [("Third", "two"), ("3", "two"), ("1", "one")] {
        let run = check(&book, &format!("{RULES}source: {{ sheet: {sheet} }}\n"));
        assert_eq!(columns(&run)[0].0, column, "{sheet}: {}", run.stderr);
    }
    let said = fault(&book, &format!("{RULES}source: {{ sheet: Frist }}\n"));
    assert!(said.contains("there is no sheet `Frist`") && said.contains("did you mean `First`?"), "{said}");
    assert!(fault(&book, &format!("{RULES}source: {{ sheet: 2 }}\n")).contains("has no cell with a value"));
    assert!(fault(&workbook(&[("a", "")]), RULES).contains("has no cell with a value"));
}

#[test]
fn headers_are_held_to_the_same_laws_as_those_of_text() {
    let twice = header(1, &["a", "a"]) + &row(2, &[&number("1"), &number("2")]);
    assert!(fault(&workbook(&[("s", &twice)]), RULES).contains("the header names `a` twice, in columns 1 and 2"));
    let unnamed = header(1, &["a"]) + &row(2, &[&number("1"), &number("2")]);
    let run = check(&workbook(&[("s", &unnamed)]), RULES);
    assert_eq!(columns(&run)[1].0, "column_2");
    assert_eq!(run.finding("source")["outcome"], "warn");
    let none = check(&workbook(&[("s", &row(4, &[&number("1"), &number("2")]))]), &format!("{RULES}source: {{ header: false }}\n"));
    assert_eq!((columns(&none)[0].0.as_str(), none.rows("read")), ("column_1", 1), "{}", none.stderr);
}

#[test]
fn cells_far_apart_take_no_memory_for_what_is_between() {
    let rows = header(1, &["a"]) + "<row r=\"1048576\"><c r=\"C1048576\"><v>5</v></c></row>";
    let run = check(&workbook(&[("s", &rows)]), "dataset: t\nprofile: none\nrules:\n  - missing: { column: a }\n");
    assert_eq!(run.finding("missing-a")["samples"][0]["origin"]["row"], 1_048_576, "{}", run.stderr);
}

#[test]
fn workbooks_that_unpack_to_gigabytes_are_refused_before_they_are_unpacked() {
    // The size of the first part, as the directory at the end says it.
    let saying = |size: u32| {
        let mut archive = zip(&[("xl/workbook.xml", b"<workbook/>"), ("[Content_Types].xml", b"<Types/>")]);
        let entry = archive.windows(4).position(|bytes| bytes == b"PK\x01\x02").expect("a directory");
        archive[entry + 24..entry + 28].copy_from_slice(&size.to_le_bytes());
        archive
    };
    let place = Place::with(RULES, "");
    for (size, why) in [(u32::MAX, "unpacked, this workbook has more than 2048 MiB"), (5, "a part of it is of another size than it says")] {
        place.write("b.xlsx", saying(size));
        let run = place.run(&["check", "b.xlsx", "-r", "r.yaml"]);
        assert!(run.code == 2 && run.stderr.contains(why), "{}", run.stderr);
    }
    let repeated = "<table:table table:name=\"a\"><table:table-row table:number-rows-repeated=\"1000000\"><table:table-cell \
                    table:number-columns-repeated=\"1000\" office:value-type=\"float\" office:value=\"1\"/></table:table-row></table:table>";
    place.write("b.ods", zip(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", repeated.as_bytes())]));
    let run = place.run(&["check", "b.ods", "-r", "r.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("come to more than 20 million cells"), "{}", run.stderr);
}

#[test]
fn damaged_workbooks_and_other_archives_are_faults() {
    let rows = header(1, &["a"]) + &row(2, &[&number("1")]);
    let book = workbook(&[("s", &rows)]);
    assert!(fault(&book[..book.len() - 30], RULES).contains("damaged"));
    assert!(fault(&zip(&[("a.csv", b"x\n1\n")]), RULES).contains("a ZIP archive without a workbook"));
    let unordered = header(5, &["a"]) + &row(2, &[&number("1")]);
    assert!(fault(&workbook(&[("s", &unordered)]), RULES).contains("row 2 of the sheet stands behind row 5"));
    // Whatever byte is changed, that is a fault or a value, and no crash.
    for at in (0..book.len()).step_by(41) {
        let mut damaged = book.clone();
        damaged[at] ^= 0x5a;
        let code = check(&damaged, RULES).code;
        assert!(code <= 2, "byte {at}");
    }
    let place = Place::with(RULES, "");
    place.write("b.csv", zip(&[("a.csv", b"x\n1\n")]));
    assert!(place.run(&["check", "b.csv", "-r", "r.yaml"]).stderr.contains("this is a ZIP archive"));
    place.write("b.csv", &book);
    assert!(place.run(&["check", "b.csv", "-r", "r.yaml"]).stderr.contains("this is excel, and it is read as csv"));
}

#[cfg(unix)]
#[test]
fn a_full_temporary_directory_is_named_and_not_the_workbook() {
    // The texts are packed well: the workbook is far smaller than the file that it is written to.
    let rows: String = (2..2000).map(|n| row(n, &[&number("1234567890")])).collect();
    let place = Place::with(RULES, "");
    let book = workbook(&[("s", &(header(1, &["a"]) + &rows))]);
    place.write("b.xlsx", book);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -f 8; exec \"$0\" check b.xlsx -r r.yaml", env!("CARGO_BIN_EXE_sluicegate")]);
    let output = command.current_dir(place.path(".")).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("spool-0: cannot write: ") && said.contains("TMPDIR"), "{said}");
    assert!(!said.contains("b.xlsx"), "{said}");
}
