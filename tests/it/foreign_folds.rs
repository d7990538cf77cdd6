//! Folds that do not belong to what is being judged: of other rules, another clock, other data, or data cut otherwise. None of
//! them decides on anything.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sluicegate::audit::{self, Fold, Job, Means, Order, PlanText, Runner};
use sluicegate::diagnostic::Faults;
use sluicegate::engine::Cancel;
use sluicegate::metric::Budget;
use sluicegate::rows::RowSet;
use sluicegate::ruleset::RuleFile;
use sluicegate::source::{self, Cut, Source, Spool};

use crate::support::Place;

const RULES: &str = "dataset: t
rules:
  - range: { column: a, max: 50, on_fail: warn }
  - statistic: { column: a, of: median, min: 0, on_fail: warn }
";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).expect("a time")
}

/// A file, and how it is cut.
struct Data {
    path: PathBuf,
    rules: RuleFile,
    unit_bytes: usize,
    place: Place,
}

impl Data {
    fn new(rules: &str, csv: &str, unit_bytes: usize) -> Self {
        let place = Place::new();
        place.write("d.csv", csv);
        let rules = RuleFile::parse(rules, "r.yaml").unwrap_or_else(|f| panic!("{f}"));
        Self { path: place.path("d.csv"), rules, unit_bytes, place }
    }

    fn open(&self) -> Arc<dyn Source> {
        let mut options = self.rules.sections.read_options("r.yaml").expect("options");
        options.cut = Cut { unit_bytes: self.unit_bytes, batch_rows: 17 };
        let paths = [self.path.display().to_string()];
        source::open(&paths, &options, &[], &Spool::new(self.place.path(""))).unwrap_or_else(|f| panic!("{f}"))
    }

    fn budget(&self) -> Arc<Budget> {
        Arc::new(Budget::new(1 << 30, self.place.path("")))
    }

    fn fold(&self, order: &Order) -> Result<Fold, Faults> {
        order.fold(self.open(), &Means { threads: 1, budget: self.budget(), cancel: Cancel::default() })
    }

    /// What is wrong when `fold` does what is ordered; none if all is well.
    fn wrong(&self, fold: &dyn Fn(&Order) -> Result<Fold, Faults>) -> Option<String> {
        let job = Job::new(&self.rules, self.open(), now(), self.budget());
        audit::audit_by(&job, &By(fold)).err().map(|faults| faults.to_string())
    }
}

struct By<'a>(&'a dyn Fn(&Order) -> Result<Fold, Faults>);

impl Runner for By<'_> {
    fn run(&self, order: &Order) -> Result<Fold, Faults> {
        (self.0)(order)
    }
}

fn csv(rows: u32) -> String {
    (0..rows).fold(String::from("a,b\n"), |text, i| text + &format!("{},{i:05}\n", 10 + i % 60))
}

fn changed(order: &Order, change: &dyn Fn(&mut PlanText)) -> Order {
    let mut order = order.clone();
    let (Order::FirstPass { plan, .. } | Order::SecondPass { plan, .. }) = &mut order;
    change(plan);
    order
}

#[test]
fn a_fold_by_other_rules_or_another_clock_is_not_judged() {
    let data = Data::new(RULES, &csv(500), 200);
    assert_eq!(data.wrong(&|order| data.fold(order)), None);
    let others = [RULES.replace("max: 50", "max: 5"), "dataset: t\n".to_owned(), format!("{RULES}  - missing: {{ column: b }}\n")];
    // In the first pass, and in the looks that follow.
    for first in [true, false] {
        let is_meant = |order: &Order| matches!(order, Order::FirstPass { .. }) == first;
        let foreign = |change: &dyn Fn(&mut PlanText)| {
            let wrong = data.wrong(&|order| match is_meant(order) {
                true => data.fold(&changed(order, change)),
                false => data.fold(order),
            });
            let wrong = wrong.expect("a fault");
            assert!(wrong.contains("these folds are of different plans"), "{wrong}");
        };
        for rules in &others[..if first { 3 } else { 1 }] {
            foreign(&|plan| plan.rules.clone_from(rules));
        }
        foreign(&|plan| plan.now = "2020-01-01T00:00:00Z".into());
        foreign(&|plan| plan.statistics = false);
    }
}

#[test]
fn a_fold_of_some_units_or_of_none_is_not_judged() {
    let data = Data::new(RULES, &csv(500), 200);
    let wrong = data.wrong(&|order| match order {
        Order::FirstPass { plan, .. } => data.fold(&Order::FirstPass { plan: plan.clone(), units: 0..3 }),
        look @ Order::SecondPass { .. } => data.fold(look),
    });
    assert!(wrong.expect("a fault").contains("not all of the"));
    // A look that asks for nothing gives an empty fold; it is none of data without a unit.
    let wrong = data.wrong(&|order| {
        let (Order::FirstPass { plan, .. } | Order::SecondPass { plan, .. }) = order;
        let (unsound, malformed) = (RowSet::default(), RowSet::default());
        data.fold(&Order::SecondPass {
            plan: plan.clone(),
            questions: Vec::new(),
            units: Vec::new(),
            unsound,
            malformed,
            asked_by: Vec::new(),
        })
    });
    assert!(wrong.is_some());
}

#[test]
fn folds_of_other_data_or_cut_otherwise_do_not_merge() {
    let data = Data::new(RULES, &csv(215), 200);
    let with = |other: &Data| {
        data.wrong(&|order| match order {
            Order::FirstPass { plan, .. } => {
                let mut fold = data.fold(&Order::FirstPass { plan: plan.clone(), units: 0..5 })?;
                fold.merge(other.fold(&Order::FirstPass { plan: plan.clone(), units: 5..u32::MAX })?)?;
                Ok(fold)
            }
            look @ Order::SecondPass { .. } => data.fold(look),
        })
    };
    assert_eq!(with(&data), None);
    // As many units as here, of longer rows.
    let longer = with(&Data::new(RULES, &csv(215).replace("\n11,", "\n1111111,"), 217));
    assert!(longer.expect("a fault").contains("these folds are of different plans"));
    // The same data, cut in as many units that lie elsewhere.
    let lines = Data::new(RULES, &csv(215), 207);
    let (here, there) = (units(&data), units(&lines));
    assert!(here.len() == there.len() && here != there, "{here:?} {there:?}");
    assert!(with(&lines).expect("a fault").contains("does not begin where unit 4 ends"));
}

/// Where the units begin.
fn units(data: &Data) -> Vec<u64> {
    let (source, mut starts, mut last) = (data.open(), Vec::new(), None);
    while let Some((unit, _)) = source.next_unit(last.as_ref()).expect("units") {
        starts.push(unit.start);
        last = Some(unit);
    }
    starts
}

#[test]
fn too_many_groups_are_named_alike_in_one_unit_and_in_several() {
    let rules = "dataset: t\nrules:\n  - range: { id: mine, column: a, max: 50, by: [b], on_fail: warn }\n";
    let text = csv(10_001);
    for unit_bytes in [1 << 24, 40_000] {
        let data = Data::new(rules, &text, unit_bytes);
        let wrong = data.wrong(&|order| data.fold(order)).expect("a fault");
        assert!(wrong.contains("`mine`: `by` makes more than 10000 groups"), "{wrong}");
    }
}
