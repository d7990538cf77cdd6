//! Where a rule file may read and write, if the one who runs it does not trust it.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use url::Url;

use crate::diagnostic::{Code, Fault};

/// Directories and URLs; what lies below them is allowed, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confines {
    /// Without symbolic links.
    directories: Vec<PathBuf>,
    urls: Vec<Url>,
}

impl Confines {
    /// Of paths of directories and URLs such as `s3://lake/team`.
    ///
    /// # Errors
    /// A directory is not there.
    pub fn new(roots: &[String]) -> Result<Self, Fault> {
        let (mut directories, mut urls) = (Vec::new(), Vec::new());
        for root in roots {
            if root.contains("://") {
                let root_url = url(root)
                    .ok_or_else(|| Fault::new(Code::InvalidLocation, format!("{root}: not a URL")).hint("write `s3://BUCKET/PATH`"))?;
                // A container of Azure stands before its account.
                let is_container = root_url.scheme() == "az" && root_url.host_str().is_some_and(|host| host.contains('.'));
                if (!root_url.username().is_empty() && !is_container) || root_url.password().is_some() {
                    let fault =
                        Fault::new(Code::CredentialsInUrl, format!("{root}: credentials do not belong in a URL, which ends up in logs"));
                    return Err(fault.hint("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold them"));
                }
                urls.push(root_url);
                continue;
            }
            let failed = |e: std::io::Error| {
                Fault::new(Code::of_reading(&e), format!("{root}: cannot read: {e}")).hint("give `--root` a directory that exists")
            };
            let directory = Path::new(root).canonicalize().map_err(failed)?;
            if !directory.is_dir() {
                return Err(Fault::new(Code::NotAFile, format!("{root}: `--root` takes a directory, and this is a file")));
            }
            directories.push(directory);
        }
        Ok(Self { directories, urls })
    }

    /// Whether a path or URL that a rule file names is allowed: what is there already without symbolic links, the rest of
    /// it as it would be made.
    ///
    /// # Errors
    /// It is not, or it cannot be told.
    pub fn allow(&self, named: &str) -> Result<(), Fault> {
        match named.split_once("://") {
            Some(("file", path)) => self.allow_path(Path::new(path)),
            Some(_) if self.urls.iter().any(|root| url(named).is_some_and(|url| is_below(&url, root))) => Ok(()),
            Some(_) => Err(refused(named, "is outside of every URL given with `--root`")),
            None => self.allow_path(Path::new(named)),
        }
    }

    fn allow_path(&self, path: &Path) -> Result<(), Fault> {
        let refused = |why: &str| refused(&path.display().to_string(), why);
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(refused("has `..` in it"));
        }
        let place = resolved(path).map_err(|e| refused(&format!("cannot be looked at: {e}")))?;
        match self.directories.iter().any(|root| place.starts_with(root)) {
            true => Ok(()),
            false => Err(refused("is outside of every directory given with `--root`")),
        }
    }

    /// The same of a place for published rows or those set aside, with all that is in it: links may have come with the rule
    /// file, be they the log, an entry of it or a file with rows.
    ///
    /// # Errors
    /// It is not allowed, or it cannot be told.
    pub fn allow_all_in(&self, named: &str) -> Result<(), Fault> {
        self.allow(named)?;
        let place = named.strip_prefix("file://").unwrap_or(named);
        if place.contains("://") { Ok(()) } else { self.allow_links_in(Path::new(place)) }
    }

    fn allow_links_in(&self, directory: &Path) -> Result<(), Fault> {
        let failed = |path: &Path, e: &std::io::Error| refused(&path.display().to_string(), &format!("cannot be looked at: {e}"));
        let mut pending = vec![directory.to_owned()];
        // Links may lead back up.
        let mut visited = BTreeSet::new();
        while let Some(directory) = pending.pop() {
            let entries = match fs::read_dir(&directory) {
                Err(error) if is_not_there(&error) => continue,
                entries => entries.map_err(|e| failed(&directory, &e))?,
            };
            if !visited.insert(directory.canonicalize().map_err(|e| failed(&directory, &e))?) {
                continue;
            }
            for entry in entries {
                let entry = entry.map_err(|e| failed(&directory, &e))?;
                let (path, kind) = (entry.path(), entry.file_type().map_err(|e| failed(&directory, &e))?);
                if kind.is_symlink() {
                    self.allow_path(&path)?;
                }
                if kind.is_dir() || (kind.is_symlink() && path.is_dir()) {
                    pending.push(path);
                }
            }
        }
        Ok(())
    }
}

fn refused(named: &str, why: &str) -> Fault {
    let fault = Fault::new(Code::OutsideRoot, format!("`{named}` {why}"));
    fault.hint("`--root` confines what a rule file may read and write; a path on the command line is not confined")
}

fn is_not_there(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// What there is of the path, or of a glob up to its first wildcard, without symbolic links.
fn resolved(path: &Path) -> std::io::Result<PathBuf> {
    let is_wild = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let mut there = match path.symlink_metadata() {
        Ok(_) => path.to_owned(),
        Err(_) => path.components().take_while(|part| !is_wild(part)).collect(),
    };
    loop {
        let shown = if there.as_os_str().is_empty() { Path::new(".") } else { &there };
        match shown.canonicalize() {
            // A link to what is not there yet would be made there.
            Err(error) if is_not_there(&error) && shown.symlink_metadata().is_err() && there.pop() => {}
            resolved => return resolved,
        }
    }
}

/// The URL, with the words for one kind of store as one. In the names of objects `?` and `#` are characters like others.
fn url(text: &str) -> Option<Url> {
    const STORES: [(&str, &str); 8] =
        [("s3", "s3"), ("s3a", "s3"), ("gs", "gs"), ("gcs", "gs"), ("az", "az"), ("azure", "az"), ("abfs", "az"), ("abfss", "az")];
    let (scheme, rest) = text.split_once("://")?;
    let text = match STORES.iter().find(|(word, _)| *word == scheme) {
        Some((_, kind)) => format!("{kind}://{}", rest.replace('?', "%3F").replace('#', "%23")),
        None => text.to_owned(),
    };
    Url::parse(&text).ok()
}

/// Whether `url` is `root` or below it. Parsing has taken `..` out of both.
fn is_below(url: &Url, root: &Url) -> bool {
    let parts = |url: &Url| url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let is_plain = !url.path().to_ascii_lowercase().contains("%2f");
    let place = |url: &Url| (url.scheme().to_owned(), url.username().to_owned(), url.host_str().map(str::to_owned), url.port());
    place(url) == place(root) && parts(url).starts_with(&parts(root)) && is_plain
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn paths_are_allowed_below_a_root_whatever_links_say() {
        let place = tempfile::tempdir().expect("a directory");
        let path = |name: &str| place.path().join(name).display().to_string();
        fs::create_dir_all(path("in/data")).expect("a directory");
        fs::create_dir_all(path("out")).expect("a directory");
        fs::write(path("out/secret.csv"), "x\n1\n").expect("a file");
        symlink(path("out"), path("in/up")).expect("a link");
        symlink(path("nowhere"), path("in/dangling")).expect("a link");
        symlink(path("in/data"), path("out/back")).expect("a link");
        let confines = Confines::new(&[path("in")]).expect("confines");
        for allowed in ["in", "in/data", "in/new/deeper/x.parquet", "in/data/*.csv", "in/*/x-[0-9].csv", "out/back/x.csv"] {
            confines.allow(&path(allowed)).unwrap_or_else(|e| panic!("{allowed}: {e}"));
        }
        for refused in
            ["out", "in_quarantine", "in/../out/secret.csv", "in/up/secret.csv", "in/up/new", "in/dangling", "in/up/*.csv", "*/*"]
        {
            assert!(confines.allow(&path(refused)).is_err(), "{refused}");
        }
        for refused in ["/etc/passwd", "file:///etc/passwd", "s3://lake/orders", "", "https://example.org/x.csv"] {
            assert!(confines.allow(refused).is_err(), "{refused}");
        }
        confines.allow(&format!("file://{}", path("in/data"))).expect("a path");
        assert!(Confines::new(&[path("nowhere")]).is_err() && Confines::new(&[path("out/secret.csv")]).is_err());
    }

    #[test]
    fn urls_are_allowed_below_a_url_only() {
        let confines = Confines::new(&["s3://lake/team".to_owned()]).expect("confines");
        for allowed in ["s3://lake/team", "s3://lake/team/orders", "s3a://lake/team/orders/"] {
            confines.allow(allowed).unwrap_or_else(|e| panic!("{allowed}: {e}"));
        }
        for refused in [
            "s3://lake/teams",
            "s3://lake/team/../other",
            "s3://lake/team/%2e%2E/other",
            "s3://other/team/x",
            "s3://lake/",
            "s3://lake:9000/team/x",
            "s3://lake/team%2fx/..%2f..%2fother",
            "local/path",
            "s3://lake/team/.\t./other",
        ] {
            assert!(confines.allow(refused).is_err(), "{refused}");
        }
    }
}
