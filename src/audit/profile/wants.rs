//! What the rule file wants to know of each column.

use crate::audit::select::select;
use crate::diagnostic::{Code, Fault, Faults};
use crate::prepare::Prepare;
use crate::rules::words::ColumnSelection;
use crate::ruleset::{Level, Profile, RuleFile};
use crate::yaml::Spanned;

/// What is wanted of a column.
#[derive(Clone, Copy, Default)]
pub(super) struct Wants {
    pub(super) counted: bool,
    pub(super) basic: bool,
    pub(super) distinct: bool,
    pub(super) quantiles: bool,
    pub(super) histogram: bool,
    pub(super) top_values: bool,
    /// Everything, also what it looks like.
    pub(super) full: bool,
    pub(super) log: bool,
    /// Second looks at columns of many different texts or numbers: for `correlations` alone, since they cost time.
    pub(super) thorough: bool,
}

impl Wants {
    pub(super) fn of(level: Level) -> Self {
        let (basic, full) = (level >= Level::Basic, level == Level::Full);
        Self {
            counted: basic,
            basic,
            distinct: full,
            quantiles: full,
            histogram: full,
            top_values: full,
            full,
            log: false,
            thorough: false,
        }
    }

    /// Whether more is wanted than a few figures.
    pub(super) fn is_drawn(&self) -> bool {
        self.distinct || self.quantiles || self.histogram || self.top_values
    }
}

/// What the rule file wants of each column.
pub(super) fn levels(rules: &RuleFile, prepare: &Prepare) -> Result<Vec<Wants>, Faults> {
    let schema = &prepare.rule_schema;
    let all = |level: Level| Ok(vec![Wants::of(level); schema.fields().len()]);
    let (map, at) = match &rules.sections.profile {
        None => return all(Level::default()),
        Some(Spanned { value: Profile::Level(level), .. }) => return all(*level),
        Some(Spanned { value: Profile::Map(map), at }) => (map, at.in_file(&rules.path)),
    };
    let mut wants = vec![map.level.map_or_else(Wants::default, Wants::of); schema.fields().len()];
    wants.iter_mut().for_each(|w| w.thorough = map.correlations == Some(true));
    let mut faults = Faults::default();
    let mut each = |columns: &Option<ColumnSelection>, set: &dyn Fn(&mut Wants)| {
        let Some(columns) = columns else { return };
        for name in faults
            .take(select(columns, prepare, prepare, None).map_err(|what| Fault::told(Code::UnknownColumn, what).at(at.clone())))
            .unwrap_or_default()
        {
            match prepare.schema_index_of(&name) {
                Some(index) => {
                    wants[index].counted = true;
                    set(&mut wants[index]);
                }
                None => {
                    let known = schema.fields().iter().map(|f| f.name().as_str());
                    faults.push(
                        Fault::new(Code::UnknownColumn, format!("unknown column `{name}`")).at(at.clone()).hint_nearest(&name, known),
                    );
                }
            }
        }
    };
    each(&map.basic, &|w| w.basic = true);
    each(&map.full, &|w| *w = Wants { log: w.log, thorough: w.thorough, ..Wants::of(Level::Full) });
    each(&map.distinct, &|w| w.distinct = true);
    each(&map.quantiles, &|w| w.quantiles = true);
    each(&map.histogram, &|w| w.histogram = true);
    each(&map.top_values, &|w| w.top_values = true);
    each(&map.log, &|w| (w.histogram, w.log) = (true, true));
    faults.or_ok(wants)
}
