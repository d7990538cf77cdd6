//! The templates of a site's pages, and what makes a report one of them.

use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::brief::Head;
use super::directory::{Digest, page_head};
use crate::diagnostic::{Code, Fault};
use crate::report::{Report, html};
use crate::visible;

const TEMPLATES: [(&str, &str); 8] = [
    ("site/frame.html", include_str!("../../reports/html/site/frame.html")),
    ("site/parts.html", include_str!("../../reports/html/site/parts.html")),
    ("site/index.html", include_str!("../../reports/html/site/index.html")),
    ("site/dataset.html", include_str!("../../reports/html/site/dataset.html")),
    ("site/columns.html", include_str!("../../reports/html/site/columns.html")),
    ("site/runs.html", include_str!("../../reports/html/site/runs.html")),
    ("site/bar.html", include_str!("../../reports/html/site/bar.html")),
    ("site/site.css", include_str!("../../reports/html/site/site.css")),
];

/// The templates of the pages.
pub(super) struct Pages(Environment<'static>);

impl Pages {
    pub(super) fn new() -> Self {
        let mut environment = html::environment();
        for (name, text) in TEMPLATES {
            environment.add_template(name, text).expect("the templates are part of the program");
        }
        Self(environment)
    }

    /// A digest of what pages are made with: another program writes all of them anew.
    pub(super) fn digest() -> u64 {
        let texts: String = TEMPLATES.iter().map(|(_, text)| *text).collect();
        xxh3_64(format!("{} {} {texts}", env!("CARGO_PKG_VERSION"), html::digest()).as_bytes())
    }

    /// A page of the site that shows what `digest` is of.
    ///
    /// # Errors
    /// The template fails, which its tests rule out.
    pub(super) fn render(&self, template: &str, digest: Digest, context: &Value) -> Result<String, Fault> {
        Ok(page_head(digest) + &self.rendered(template, context)?)
    }

    /// The report of a run, with the way back to its data set.
    ///
    /// # Errors
    /// The template fails, which its tests rule out.
    pub(super) fn run(&self, report: &Report, head: &Head) -> Result<String, Fault> {
        let page = html::render(report, &Default::default());
        let bar = self.rendered("site/bar.html", &minijinja::context! { dataset => &head.dataset, bad => given(&head.bad) })?;
        let digest = Digest::from_str_radix(&head.of, 16).unwrap_or_default();
        let page = page.trim_start();
        let page = page.strip_prefix("<!doctype html>").map_or(page, str::trim_start);
        // What a report shows is escaped, so that these letters are the frame's own.
        let body = page.find("<body").and_then(|at| Some(at + page[at..].find('>')? + 1)).unwrap_or(page.len());
        Ok([&page_head(digest), &page[..body], "\n", &bar, &page[body..]].concat())
    }

    fn rendered(&self, template: &str, context: &Value) -> Result<String, Fault> {
        let page = self.0.get_template(template).and_then(|template| template.render(context));
        let page = page.map_err(|e| Fault::new(Code::Internal, format!("internal error: {template}: {e:#}")))?;
        // The templates have no such characters: what is escaped here came with the data.
        Ok(visible::page(&page).into_owned())
    }
}

/// A value for a template.
pub(super) fn given(value: impl Serialize) -> Value {
    Value::from(Serde(value))
}
