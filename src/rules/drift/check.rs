//! Judges one column, and chooses the test.

use arrow::datatypes::DataType;

use super::Test;
use super::moving::Different;
use super::sides::Sides;
use super::words::Limits;
use crate::diagnostic::Fault;
use crate::findings::{Finding, Outcome};
use crate::metric::cells::{Cells, CellsKind};
use crate::metric::distinct::Distinct;
use crate::metric::moments::Moments;
use crate::rules::facts::SinglePass;
use crate::rules::{Answer, Beside, GroupFacts, Handle, Judgement};

#[derive(Clone)]
pub(super) struct DriftCheck {
    pub test: Test,
    pub limits: Limits,
    /// What the batch is compared with, in words.
    pub against: String,
    pub data_type: DataType,
    /// Whether the values have no order that means anything.
    pub is_category: bool,
    pub require_evidence: bool,
    pub ours: Handle<Cells>,
    pub theirs: Beside<Cells>,
    /// Of the baseline, where distances are counted in its standard deviations.
    pub moments: Option<Beside<Moments>>,
    pub distinct: Option<(Handle<Distinct>, Beside<Distinct>)>,
}

impl SinglePass for DriftCheck {
    fn judge(&self, facts: &GroupFacts<'_>) -> Result<Judgement, Fault> {
        let Some(ours) = facts.get(self.ours)? else { return Ok(Judgement::NoData("no rows in scope".into())) };
        let theirs = match facts.beside(self.theirs)? {
            Answer::There(theirs) => theirs,
            Answer::NotThere(why) => return Ok(why.into()),
        };
        if ours.kind != theirs.kind {
            let what = |kind| match kind {
                CellsKind::Numbers => "numbers, dates or times",
                CellsKind::Texts => "text",
            };
            let (here, there) = (what(ours.kind), what(theirs.kind));
            return Ok(Judgement::Unfit(format!("its values are {here}, and {there} in {}", self.against)));
        }
        if self.test == Test::NullShare {
            return Ok(self.null_share(ours, theirs));
        }
        if ours.count == 0 {
            return Ok(Judgement::NoData(if ours.missing == 0 { "no rows in scope" } else { "all values in scope are missing" }.into()));
        }
        if theirs.count == 0 {
            return Ok(Judgement::NoData(format!("there are no values to compare with in {}", self.against)));
        }
        let sides = Sides::of(ours, theirs);
        match self.test {
            Test::NewValues => return Ok(self.new_values(&sides)),
            Test::Cardinality => return self.cardinality(&sides, facts),
            Test::Auto
            | Test::Ks
            | Test::Chi2
            | Test::Psi
            | Test::Js
            | Test::Hellinger
            | Test::Linf
            | Test::Wasserstein
            | Test::NullShare => {}
        }
        if let Some(why) = self.moves_on(&sides, facts)? {
            let message = format!("not judged: these are {why}; `test: ks` compares them all the same");
            return Ok(Judgement::measured(Finding { outcome: Outcome::NotJudged, message: message.into(), ..Finding::default() }));
        }
        if sides.is_constant() {
            return Ok(Judgement::NoData(format!("all values in {} are equal: there is no spread to compare with", self.against)));
        }
        Ok(match self.test {
            Test::Auto if self.is_category => self.chi2(&sides),
            Test::Auto | Test::Ks => self.ks(&sides),
            Test::Chi2 => self.chi2(&sides),
            Test::Psi => self.psi(&sides),
            Test::Js | Test::Hellinger => self.binned_distance(&sides),
            Test::Linf => self.linf(&sides),
            Test::Wasserstein | Test::NullShare | Test::Cardinality | Test::NewValues => self.wasserstein(&sides, facts)?,
        })
    }
}

impl DriftCheck {
    /// Why `auto` does not judge the column, if so.
    fn moves_on(&self, sides: &Sides, facts: &GroupFacts<'_>) -> Result<Option<&'static str>, Fault> {
        if self.test != Test::Auto {
            return Ok(None);
        }
        let mut different = None;
        if let Some((ours, theirs)) = self.distinct
            && let Answer::There(theirs) = facts.beside(theirs)?
        {
            different = facts.get(ours)?.map(|ours| Different { ours: ours.count, theirs: theirs.count });
        }
        Ok(sides.moves_on(self.data_type.is_temporal(), different))
    }

    /// Why `auto` compares as it does.
    pub(super) fn choice(&self) -> Option<String> {
        let why = match (self.test, self.is_category) {
            (Test::Auto, true) => "`chi2`, since the baseline's values are categories",
            (Test::Auto, false) => "`ks`, since the baseline's values have an order",
            (
                Test::Ks
                | Test::Chi2
                | Test::Psi
                | Test::Js
                | Test::Hellinger
                | Test::Linf
                | Test::Wasserstein
                | Test::NullShare
                | Test::Cardinality
                | Test::NewValues,
                _,
            ) => return None,
        };
        Some(why.to_owned())
    }

    /// What comes of too little evidence.
    pub(super) fn insufficient(&self) -> Outcome {
        if self.require_evidence { Outcome::Fail } else { Outcome::InsufficientEvidence }
    }
}
