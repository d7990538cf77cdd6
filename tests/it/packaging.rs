//! What the project is used through in CI: the action, workflows, hooks, the image. Each is read by a tool that is not ours, and
//! the action's scripts are run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Place, project, skipped};

/// Python with the tools that read these files; none where the tests are to do without.
fn python() -> Option<String> {
    let python = std::env::var("SLUICEGATE_PYTHON").ok();
    if python.is_none() {
        skipped("Python with check-jsonschema and pre-commit (SLUICEGATE_PYTHON)");
    }
    python
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Holds `file` against a schema that `check-jsonschema` brings with it.
fn is_valid(python: &str, schema: &str, file: &Path) -> Result<(), String> {
    let mut command = Command::new(python);
    command.args(["-m", "check_jsonschema", "--no-cache", "--builtin-schema", schema]).arg(file);
    let output = command.output().expect("Python runs");
    if output.status.success() { Ok(()) } else { Err(said(&output)) }
}

#[test]
fn workflows_and_the_action_fit_the_schemas_of_github() {
    let Some(python) = python() else { return };
    for (schema, path) in [
        ("vendor.github-actions", "action.yml"),
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ("vendor.github-workflows", ".github/workflows/release.yml"),
    ] {
        is_valid(&python, schema, &project(path)).unwrap_or_else(|why| panic!("{path}: {why}"));
    }
    // What is not valid is found.
    let place = Place::new();
    let wrong = place.write("action.yml", "name: x\ndescription: y\nruns: { using: composite, steps: [{ run: true }] }\n");
    assert!(is_valid(&python, "vendor.github-actions", &wrong).is_err());
}

/// The fenced blocks of `docs/ci.md` that begin with this line.
fn snippets(first_line: &str) -> Vec<String> {
    let page = std::fs::read_to_string(project("docs/ci.md")).expect("docs/ci.md");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.starts_with(first_line)).map(str::to_owned).collect()
}

#[test]
fn the_snippets_of_the_page_on_ci_fit_the_schemas_of_their_systems() {
    let Some(python) = python() else { return };
    let place = Place::new();
    for (first_line, schema, least) in [("# .github/workflows/", "vendor.github-workflows", 2), ("# .gitlab-ci.yml", "vendor.gitlab-ci", 1)]
    {
        let found = snippets(first_line);
        assert!(found.len() >= least, "{first_line}: {}", found.len());
        for text in found {
            let file = place.write("snippet.yml", &text);
            is_valid(&python, schema, &file).unwrap_or_else(|why| panic!("{why}\n{text}"));
        }
    }
}

#[test]
fn hooks_are_those_that_pre_commit_reads() {
    let Some(python) = python() else { return };
    let place = Place::new();
    let validate = |what: &str, file: &Path| {
        Command::new(&python).args(["-m", "pre_commit", what]).arg(file).env("PRE_COMMIT_HOME", place.path("home")).output().expect("runs")
    };
    let manifest = validate("validate-manifest", &project(".pre-commit-hooks.yaml"));
    assert!(manifest.status.success(), "{}", said(&manifest));
    let configurations = snippets("# .pre-commit-config.yaml");
    assert_eq!(configurations.len(), 1);
    let configuration = validate("validate-config", &place.write("c.yaml", &configurations[0]));
    assert!(configuration.status.success(), "{}", said(&configuration));
}

/// A repository with the hooks that use an installed program, run by pre-commit itself.
#[test]
fn pre_commit_runs_the_hook_and_a_mistake_in_a_rule_file_stops_the_commit() {
    let Some(python) = python() else { return };
    let place = Place::new();
    place.write("rules/r.yaml", "dataset: t\nrules:\n  - missing: { column: a }\n");
    let hooks = std::fs::read_to_string(project(".pre-commit-hooks.yaml")).expect("the hooks");
    // As a local repository, pre-commit fetches nothing.
    let hook = hooks.split("- id: ").find(|hook| hook.starts_with("sluicegate-validate-system\n")).expect("the hook");
    let hook: String = hook.lines().map(|line| format!("    {line}\n")).collect();
    place.write(".pre-commit-config.yaml", format!("repos:\n  - repo: local\n    hooks:\n    - id: {}", hook.trim_start()));
    let binary = Path::new(env!("CARGO_BIN_EXE_sluicegate")).parent().expect("a directory").display().to_string();
    let path = format!("{binary}:{}", std::env::var("PATH").unwrap_or_default());
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .current_dir(place.path(""))
            .args(arguments)
            .env("PATH", &path)
            .env("PRE_COMMIT_HOME", place.path("home"))
            .env("HOME", place.path(""));
        command.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE").output().expect("it runs")
    };
    assert!(run("git", &["init", "-q"]).status.success());
    assert!(run("git", &["add", "rules"]).status.success());
    let passes = run(&python, &["-m", "pre_commit", "run", "--all-files"]);
    assert!(passes.status.success(), "{}", said(&passes));
    place.write("rules/r.yaml", "dataset: t\nrules:\n  - misssing: { column: a }\n");
    let fails = run(&python, &["-m", "pre_commit", "run", "--all-files"]);
    assert!(!fails.status.success() && said(&fails).contains("did you mean `missing`?"), "{}", said(&fails));
}

#[test]
fn the_image_has_no_fault_that_a_linter_finds() {
    let Some(python) = python() else { return };
    let linter = Path::new(&python).with_file_name("hadolint");
    let output = Command::new(linter).arg(project("Containerfile")).output().expect("hadolint, as tests/requirements.txt installs it");
    assert!(output.status.success(), "{}", said(&output));
    let text = std::fs::read_to_string(project("Containerfile")).expect("the file");
    let last = text.rsplit("\nFROM ").next().expect("a last stage");
    assert!(last.starts_with("scratch\n") && last.contains("\nUSER 65532:65532\n") && !last.contains("\nRUN "), "{last}");
}

/// What the action calls this machine.
fn target() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("x86_64-unknown-linux-musl"),
        ("linux", "aarch64") => Some("aarch64-unknown-linux-musl"),
        ("macos", "aarch64") => Some("aarch64-apple-darwin"),
        ("macos", "x86_64") => Some("x86_64-apple-darwin"),
        (_, _) => None,
    }
}

/// A release of version 9.9.9, whose program is a script that says so; its archive.
fn released(place: &Place) -> Option<PathBuf> {
    let name = format!("sluicegate-9.9.9-{}.tar.gz", target()?);
    place.write("pack/sluicegate", "#!/bin/sh\necho sluicegate 9.9.9\n");
    let script = format!(
        "chmod +x pack/sluicegate && mkdir -p r/v9.9.9 && tar -czf r/v9.9.9/{name} -C pack . && cd r/v9.9.9 && (sha256sum {name} || shasum -a 256 {name}) > SHA256SUMS"
    );
    let packed = Command::new("bash").args(["-c", &script]).current_dir(place.path("")).output().expect("bash");
    assert!(packed.status.success(), "{}", said(&packed));
    Some(place.path("r/v9.9.9").join(name))
}

fn install(place: &Place, version: &str, sha256: &str) -> Output {
    let mut command = Command::new("bash");
    command.arg(project("action/install.sh")).env("SLUICEGATE_VERSION", version).env("SLUICEGATE_SHA256", sha256);
    command.env("SLUICEGATE_RELEASES", format!("file://{}", place.path("r").display()));
    command.env("SLUICEGATE_INTO", place.path("into")).env("SLUICEGATE_SOURCE", project("")).output().expect("bash")
}

#[test]
fn the_action_installs_a_release_only_if_its_checksum_is_right() {
    let place = Place::new();
    let Some(archive) = released(&place) else { return };
    let installed = || place.path("into/bin/sluicegate").exists();
    for (version, sha256, why) in [
        ("9.9.9", "0000", "nothing is installed"),
        ("9.9.8", "", "cannot be fetched"),
        ("../9.9.9", "", "is no version"),
        ("9.9.9; touch x", "", "is no version"),
    ] {
        let refused = install(&place, version, sha256);
        assert!(refused.status.code() == Some(2) && said(&refused).contains(why) && !installed(), "{version}: {}", said(&refused));
    }
    let done = install(&place, "v9.9.9", "");
    assert!(done.status.success() && said(&done).ends_with("sluicegate 9.9.9\n") && installed(), "{}", said(&done));
    // An archive that somebody has changed since.
    std::fs::remove_dir_all(place.path("into")).expect("removed");
    let bytes = std::fs::read(&archive).expect("the archive");
    std::fs::write(&archive, [bytes.as_slice(), b"x"].concat()).expect("changed");
    let changed = install(&place, "9.9.9", "");
    assert!(changed.status.code() == Some(2) && said(&changed).contains("was expected") && !installed(), "{}", said(&changed));
    std::fs::write(place.path("r/v9.9.9/SHA256SUMS"), "").expect("emptied");
    let unlisted = install(&place, "9.9.9", "");
    assert!(unlisted.status.code() == Some(2) && said(&unlisted).contains("does not name"), "{}", said(&unlisted));
}

#[test]
fn the_action_runs_the_program_and_hands_on_verdict_and_exit_code() {
    let place = Place::with("dataset: t\nrules:\n  - missing: { column: a }\n", "a,b\n1,x\n,y\n");
    place.write("more data.csv", "a,b\n2,x\n");
    std::fs::create_dir_all(place.path("into/bin")).expect("a directory");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sluicegate"), place.path("into/bin/sluicegate")).expect("a link");
    let run = |command: &str, data: &str, arguments: &str| {
        let output = place.write("output", "");
        let mut bash = Command::new("bash");
        bash.arg(project("action/run.sh")).current_dir(place.path("")).env("SLUICEGATE_INTO", place.path("into"));
        bash.env("SLUICEGATE_COMMAND", command).env("SLUICEGATE_RULES", "r.yaml").env("SLUICEGATE_DATA", data);
        bash.env("SLUICEGATE_ARGS", arguments).env("SLUICEGATE_REPORT", "out/report.json").env("GITHUB_OUTPUT", &output);
        let done = bash.env_remove("GITHUB_ACTIONS").output().expect("bash");
        (done.status.code(), std::fs::read_to_string(output).expect("the outputs"), said(&done))
    };
    let (code, outputs, text) = run("check", "d.csv\n\nmore data.csv\n", "");
    let report = place.path("out/report.json").canonicalize().expect("the report").display().to_string();
    assert_eq!(code, Some(1), "{text}");
    let lines: Vec<&str> = outputs.lines().collect();
    assert_eq!(lines[..2], ["exit-code=1", "verdict=quarantine"], "{outputs}");
    assert!(lines[2].ends_with("out/report.json") && std::path::Path::new(&lines[2]["report=".len()..]).exists(), "{report} {outputs}");
    assert!(
        lines[3].starts_with("sarif=") && lines[3].ends_with("out/report.sarif") && place.path("out/report.html").exists(),
        "{outputs}"
    );
    // Each line is one argument, and no shell looks into it.
    let (code, outputs, text) = run("gate", "more data.csv", "--publish\nlake/$(touch hacked).parquet\r\n--strict");
    assert_eq!((code, outputs.contains("verdict=accept")), (Some(0), true), "{text}");
    assert!(place.path("lake/$(touch hacked).parquet").exists() && !place.path("hacked").exists(), "{:?}", place.files());
    let (code, outputs, text) = run("check", "absent.csv", "");
    assert_eq!((code, outputs.contains("exit-code=2\nverdict=undecided\n")), (Some(2), true), "{text}");
    let (code, outputs, text) = run("forget", "", "");
    assert!(code == Some(2) && outputs.is_empty() && text.contains("write `check` or `gate`"), "{text}");
}

#[test]
fn the_action_runs_the_version_of_the_program_that_it_stands_beside() {
    let action = std::fs::read_to_string(project("action.yml")).expect("the action");
    assert!(action.contains(&format!("\n    default: {}\n", env!("CARGO_PKG_VERSION"))), "the default of `version`");
    let page = std::fs::read_to_string(project("docs/ci.md")).expect("docs/ci.md");
    let other: Vec<&str> = page.split("sluicegate@v").skip(1).filter(|rest| !rest.starts_with(env!("CARGO_PKG_VERSION"))).collect();
    assert!(other.is_empty(), "docs/ci.md uses another version: {other:?}");
}
