//! Where rows go: options that `gate` and `replay` have in common.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::run::surroundings;
use super::{output, time};
use crate::confines::Confines;
use crate::diagnostic::{Code, Fault, Faults, Place};
use crate::files;
use crate::ruleset::{GateSection, RuleFile, TableFormat};
use crate::store::{self, Compact, Layout, Location, Quarantine, Store, Terms, Waiting, quarantine_beside};

/// Lets `rules` judge rows for `publish`, by what the table there promises; `removes` takes rows out of it.
///
/// # Errors
/// The table promises what is not kept, or keeps its rows.
pub(super) fn beside(rules: &mut RuleFile, publish: &dyn Store, removes: Option<&str>) -> Result<(), Faults> {
    let terms = match publish.terms()? {
        Terms::Nothing => return Ok(()),
        Terms::Table(terms) => terms,
    };
    if let (Some(terms), Some(removes)) = (&terms, removes) {
        terms.refuse_removal(removes)?;
    }
    rules.beside(terms);
    Ok(())
}

/// What in the rule file takes rows out of a table.
pub(super) fn replaces(rules: &RuleFile) -> Option<&'static str> {
    let gate = &rules.sections.gate;
    gate.replace.as_ref().map(|_| "`gate: { replace: … }`").or_else(|| gate.merge.as_ref().map(|_| "`gate: { merge: … }`"))
}

/// Options that name places; the rule file's `gate` section names them too.
#[derive(Debug, Args)]
pub(super) struct Destinations {
    /// Where passing rows go: a path ending in .parquet is one file, any other, or
    /// s3://BUCKET/PATH, gs://… or az://…, a Delta table
    #[arg(long, value_name = "PATH")]
    publish: Option<String>,
    /// How a directory keeps batches: delta (unless it holds plain parts already), or parquet, one part a batch
    #[arg(long, value_name = "FORMAT")]
    publish_format: Option<PublishFormat>,
    /// The directory for rows set aside; beside the destination if nothing names it
    #[arg(long, value_name = "PATH")]
    quarantine: Option<String>,
    /// How long to wait for other gates that publish to the same place
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    lock_timeout: Duration,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PublishFormat {
    Delta,
    Parquet,
}

impl Destinations {
    /// How long to wait for other gates.
    pub(super) fn waiting(&self) -> Waiting {
        Waiting { limit: self.lock_timeout, tell: output::note }
    }

    /// Whether these options name a place.
    pub(super) fn is_given(&self) -> bool {
        self.publish.is_some() || self.publish_format.is_some() || self.quarantine.is_some()
    }

    /// The paths that these options name, or `rules`.
    pub(super) fn named(&self, rules: &RuleFile) -> Vec<String> {
        let section = &rules.sections.gate;
        let publish = self.publish.as_ref().or(section.publish.as_ref());
        publish.into_iter().chain(self.quarantine.as_ref().or(section.quarantine.as_ref())).cloned().collect()
    }

    /// The same, with the quarantine that follows from where rows are published.
    pub(super) fn taken(&self, rules: &RuleFile) -> Vec<String> {
        let section = &rules.sections.gate;
        both_named(self.publish.as_ref().or(section.publish.as_ref()), self.quarantine.as_ref().or(section.quarantine.as_ref()))
    }

    /// The places that these options name, or `rules` within `confines`.
    ///
    /// # Errors
    /// Nothing names a destination, or it cannot be one.
    pub(super) fn open(&self, rules: &RuleFile, confines: Option<&Confines>) -> Result<(Arc<dyn Store>, Quarantine), Faults> {
        let section = &rules.sections.gate;
        let Some(publish) = self.publish.as_ref().or(section.publish.as_ref()) else {
            let fault = Fault::new(Code::MissingOption, "nothing says where to publish").at(Place::file(&rules.path));
            return Err(fault.hint("give `--publish PATH`, or `gate: { publish: … }` in the rule file").into());
        };
        let confines = confines.map(|confines| (confines, rules));
        let format = self.publish_format.map(|format| match format {
            PublishFormat::Delta => TableFormat::Delta,
            PublishFormat::Parquet => TableFormat::Parquet,
        });
        allow_all_in(confines.filter(|_| self.publish.is_none()), publish)?;
        let named = self.quarantine.as_ref().or(section.quarantine.as_ref());
        let (publish, quarantine) = places(publish, format.or(section.format), named.map(String::as_str), &layout(section))?;
        let is_of_rules = self.quarantine.is_none() && (section.quarantine.is_some() || self.publish.is_none());
        let place = named.cloned().unwrap_or_else(|| quarantine.directory.to_string());
        allow_all_in(confines.filter(|_| is_of_rules), &place)?;
        Ok((publish, quarantine))
    }
}

/// Where rows go: the places that are named, or follow from them.
pub(super) fn both_named(publish: Option<&String>, quarantine: Option<&String>) -> Vec<String> {
    let beside = |publish: &String| Some(quarantine_beside(&Location::new(publish, &surroundings()).ok()?).to_string());
    let quarantine = quarantine.cloned().or_else(|| publish.and_then(beside));
    publish.cloned().into_iter().chain(quarantine).collect()
}

/// The same of all tables of a rule file that has several.
pub(super) fn of_tables(rules: &RuleFile) -> Vec<String> {
    let gates = rules.tables.iter().map(|table| &table.rules.sections.gate);
    gates.flat_map(|gate| both_named(gate.publish.as_ref(), gate.quarantine.as_ref())).collect()
}

/// Where rows go that pass, and where those go that are set aside.
pub(super) type Ends = (Arc<dyn Store>, Quarantine);

/// Where `rules` say that rows go, within `confines`; none where they do not say it.
///
/// # Errors
/// It cannot be a destination, or lies elsewhere.
pub(super) fn named_by(rules: &RuleFile, confines: Option<&Confines>) -> Result<Option<Ends>, Fault> {
    let section = &rules.sections.gate;
    let Some(publish) = &section.publish else { return Ok(None) };
    let confines = confines.map(|confines| (confines, rules));
    allow_all_in(confines, publish)?;
    let (publish, quarantine) = places(publish, section.format, section.quarantine.as_deref(), &layout(section))?;
    allow_all_in(confines, &section.quarantine.clone().unwrap_or_else(|| quarantine.directory.to_string()))?;
    Ok(Some((publish, quarantine)))
}

/// Where a `gate` section says that rows are published, where `allow` lets it; none where it does not say it.
///
/// # Errors
/// It cannot be a destination, or lies elsewhere.
pub(super) fn of_section(section: &GateSection, allow: &dyn Fn(&str) -> Result<(), Fault>) -> Result<Option<Arc<dyn Store>>, Fault> {
    let Some(publish) = &section.publish else { return Ok(None) };
    allow(publish)?;
    Ok(Some(places(publish, section.format, section.quarantine.as_deref(), &Layout::default())?.0))
}

fn allow_all_in(confines: Option<(&Confines, &RuleFile)>, place: &str) -> Result<(), Fault> {
    let Some((confines, rules)) = confines else { return Ok(()) };
    confines.allow_all_in(place).map_err(|e| e.at(Place::file(&rules.path)))
}

/// How the rule file lays a table out.
fn layout(section: &GateSection) -> Layout {
    let compact = section.compact.as_ref().map(|compact| Compact { files: compact.value.files, rows: compact.value.rows });
    Layout { partition_by: section.partition_by.as_ref().map(|columns| columns.0.clone()), compact }
}

/// The places for published rows and for those set aside.
fn places(
    publish: &str,
    format: Option<TableFormat>,
    quarantine: Option<&str>,
    layout: &Layout,
) -> Result<(Arc<dyn Store>, Quarantine), Fault> {
    let surroundings = surroundings();
    let publish = store::open(publish, format, &surroundings)?;
    let publish = if *layout == Layout::default() { publish } else { publish.with_layout(layout)? };
    let quarantine = match quarantine {
        Some(path) => Location::new(path, &surroundings)?,
        None => {
            let Some(own) = publish.quarantine() else {
                return Err(Fault::new(Code::MissingOption, "nothing says where rows set aside go").hint("give `--quarantine PATH`"));
            };
            if own.local().is_some_and(files::is_link_of_another) {
                let fault = Fault::new(Code::UnsafeLink, format!("{}: this is a symbolic link of another user", own));
                return Err(fault.hint("it may lead anywhere; `--quarantine` names a directory for rows set aside"));
            }
            own
        }
    };
    publish.allow_quarantine(&quarantine)?;
    Ok((publish, Quarantine { directory: quarantine }))
}
