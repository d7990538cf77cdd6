//! Several tables that were judged as one: all of them as one report, for formats that list findings.

use std::borrow::Cow;

use super::model::{Publication, Report, TableReport};
use crate::findings::Finding;

impl Report {
    /// The report with all that its tables say, each under a name that tells the tables apart: `orders/missing-email`.
    pub fn together(&self) -> Cow<'_, Self> {
        if self.tables.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut all = self.clone();
        for TableReport { name, report, .. } in &self.tables {
            let named = |own: &str| format!("{name}/{own}");
            all.findings.extend(report.findings.iter().cloned().map(|mut finding| {
                finding.id = named(&finding.id);
                finding.follows_from.iter_mut().for_each(|id| *id = named(id));
                finding
            }));
            all.columns.extend(report.columns.iter().cloned().map(|mut column| {
                column.name = named(&column.name);
                column
            }));
            all.schema_changes.extend(report.schema_changes.iter().cloned().map(|mut change| {
                change.path = named(&change.path);
                change
            }));
            all.batch.files.extend(report.batch.files.iter().cloned());
            all.left_out.extend(report.left_out.iter().map(|rule| named(rule)));
            if let (Some(whole), Some(Publication { warnings, .. })) = (&mut all.publication, &report.publication) {
                whole.warnings.extend(warnings.iter().map(|warning| format!("{name}: {warning}")));
            }
        }
        all.findings.sort_by_key(Finding::rank);
        for table in &mut all.tables {
            // All of it is told, and is not told again.
            let of_table = &mut table.report;
            (of_table.findings, of_table.columns, of_table.schema_changes) = (Vec::new(), Vec::new(), Vec::new());
            (of_table.batch.files, of_table.left_out) = (Vec::new(), Vec::new());
            if let Some(publication) = &mut of_table.publication {
                publication.warnings.clear();
            }
        }
        Cow::Owned(all)
    }
}
