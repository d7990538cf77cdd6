//! The example `examples/hourly-pull`: the commands of its page, as they stand there, and what each of them comes to.

use std::net::TcpListener;
use std::process::Command;

use crate::support::{Place, project, skipped};

/// The commands of the page, in order.
fn commands(page: &str) -> Vec<&str> {
    page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).flat_map(str::lines).collect()
}

fn python() -> Option<String> {
    let named = std::env::var("SLUICEGATE_PYTHON").unwrap_or_else(|_| "python3".into());
    let works = Command::new(&named).arg("--version").output().is_ok_and(|output| output.status.success());
    works.then_some(named)
}

#[test]
fn the_page_of_the_hourly_pull_runs_as_it_is_written() {
    let Some(python) = python() else { return skipped("Python") };
    let place = Place::new();
    for file in ["api.py", "rules.yaml", "mended.yaml"] {
        place.write(file, std::fs::read(project("examples/hourly-pull").join(file)).expect("a file of the example"));
    }
    let page = std::fs::read_to_string(project("examples/hourly-pull/README.md")).expect("the page");
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let mut script =
        format!("python3() {{ exec '{python}' \"$@\"; }}\nsluicegate() {{ '{}' \"$@\"; }}\n", env!("CARGO_BIN_EXE_sluicegate"));
    for command in commands(&page) {
        let command = command.replace("8000", &port.to_string());
        let told = if command.starts_with("sluicegate") { "; echo \"exit $?\"" } else { "" };
        script += &format!("{command}{told}\n");
    }
    let output = Command::new("sh").current_dir(place.path(".")).args(["-c", &script]).output().expect("a shell");
    let (told, wrong) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    let codes: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("exit ")).collect();
    // Hours 1 and 2, hour 2 again, hour 3 by the old rules and by the new ones; set aside as a whole, and replayed.
    assert_eq!(codes, ["0", "0", "0", "1", "0", "1", "0"], "{told}\n{wrong}");
    let mut rest = told.as_str();
    for says in [
        "107 rows read = 107 published",
        "115 rows read = 112 published + 3 quarantined",
        "REJECT  sales (gated 2026-11-27 03:05 UTC)\n  121 rows read = 121 rejected",
        "✗ schema        `amount` probably renamed to `total`",
        "121 rows read = 121 published",
        "hour-3: 121 rows published, 0 set aside as before",
    ] {
        rest = rest.split_once(says).unwrap_or_else(|| panic!("{says}\n{told}\n{wrong}")).1;
    }
    assert!(!told.contains("demo") && wrong.is_empty(), "{told}\n{wrong}");
    for table in ["sales", "other"] {
        let rows: usize = crate::support::files_below(&place.path(table), "parquet")
            .iter()
            .filter(|file| !file.display().to_string().contains("_delta_log") && !file.display().to_string().contains("_sluicegate"))
            .map(|file| {
                let batch = crate::gate::read(file);
                let amounts = batch.column_by_name("amount").unwrap_or_else(|| panic!("{}: no `amount`", file.display()));
                assert_eq!(arrow::array::Array::null_count(amounts), 0);
                batch.num_rows()
            })
            .sum();
        assert_eq!(rows, if table == "sales" { 107 + 112 + 121 } else { 121 });
    }
    // The page shows what the mended rules say.
    let mended = std::fs::read_to_string(place.path("mended.yaml")).expect("rules");
    for line in ["    total: { type: double, required: true }\n", "transform:\n  amount: total\n"] {
        assert!(mended.contains(line) && page.contains(line), "{line}");
    }
}
