//! The schema registry: which schema an id stands for.

/// A schema registry, and the schemas that it gave so far.
#[derive(Debug)]
pub struct Registry {
    url: String,
}

impl Registry {
    /// The one at `url`.
    pub fn new(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned() }
    }
}

impl PartialEq for Registry {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Eq for Registry {}
