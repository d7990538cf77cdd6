//! Where things stand: lines and columns of files, and names of what has none.

use serde_json::{Value as Json, json};

use crate::diagnostic::Place;
use crate::findings::Sample;
use crate::report::model::Report;
use crate::report::rendering::Repository;
use crate::report::told;
use crate::rows::Origin;
use crate::visible;

/// A relative path is one from the root of the sources, wherever these lie.
fn artifact(uri: String) -> Json {
    let is_absolute = uri.contains("://");
    let mut artifact = json!({ "uri": uri });
    if !is_absolute {
        artifact["uriBaseId"] = "%SRCROOT%".into();
    }
    artifact
}

/// A place in the rule file, with its columns.
pub(super) fn of_place(place: &Place, repository: &Repository) -> Option<Json> {
    let mut physical = json!({ "artifactLocation": artifact(repository.uri(&place.file)?) });
    if place.line > 0 {
        let mut region = json!({ "startLine": place.line });
        if place.column > 0 {
            region["startColumn"] = place.column.into();
        }
        if place.column > 0 && (place.end_line, place.end_column) > (place.line, place.column) {
            region["endLine"] = place.end_line.into();
            region["endColumn"] = place.end_column.into();
        }
        physical["region"] = region;
    }
    Some(json!({ "physicalLocation": physical }))
}

/// A row of the data. Rows of files without lines, of memory and of topics have a name.
pub(super) fn of_row(sample: &Sample, repository: &Repository) -> Json {
    let origin = &sample.origin;
    let named = || json!([{ "fullyQualifiedName": visible::line(&origin.to_string()), "kind": "row" }]);
    match origin {
        Origin::File { file, line, .. } => match (repository.uri(file), line) {
            (Some(uri), Some(line)) => {
                let mut region = json!({ "startLine": line });
                if let Some(column) = sample.line_column {
                    region["startColumn"] = column.into();
                }
                json!({ "physicalLocation": { "artifactLocation": artifact(uri), "region": region } })
            }
            (Some(uri), None) => json!({ "physicalLocation": { "artifactLocation": artifact(uri) }, "logicalLocations": named() }),
            (None, _) => json!({ "logicalLocations": named() }),
        },
        Origin::Memory { .. } | Origin::Event { .. } => json!({ "logicalLocations": named() }),
    }
}

/// The data as a whole.
pub(super) fn of_data(report: &Report, repository: &Repository) -> Option<Json> {
    let uri = report.batch.files.iter().find_map(|file| repository.uri(&file.path));
    match uri {
        Some(uri) => Some(json!({ "physicalLocation": { "artifactLocation": artifact(uri) } })),
        None if report.dataset.is_empty() => None,
        None => Some(json!({ "logicalLocations": [{ "fullyQualifiedName": told::dataset(report), "kind": "dataset" }] })),
    }
}
