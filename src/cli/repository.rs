//! Where in a repository the program runs.

use std::path::PathBuf;

use crate::report::{Rendering, Repository, Values};

/// How reports are rendered here: a CI system says where the root of the repository is.
pub(super) fn rendering(values: Values) -> Rendering {
    let root = variable("GITHUB_WORKSPACE").or_else(|| variable("CI_PROJECT_DIR"));
    // The variable may name a link to where the program runs.
    let plain = |path: PathBuf| path.canonicalize().ok().and_then(|path| path.into_os_string().into_string().ok());
    let repository = match (root.map(PathBuf::from).and_then(plain), std::env::current_dir().ok().and_then(plain)) {
        (Some(root), Some(here)) => Repository { root, here },
        (_, _) => Repository::default(),
    };
    Rendering { values, repository }
}

/// A variable of the environment that is set, and not to nothing.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
