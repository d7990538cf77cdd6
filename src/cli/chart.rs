//! A figure over time, drawn in characters.

/// Characters of a line.
const WIDTH: usize = 40;

/// The scale of a figure over time: one line a run, with a point where its value lies.
pub(super) struct Chart {
    low: f64,
    high: f64,
}

impl Chart {
    /// For these values; a run may have none.
    pub(super) fn of(values: &[Option<f64>]) -> Self {
        let finite = || values.iter().flatten().copied().filter(|x| x.is_finite());
        let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        if low > high { Self { low: 0.0, high: 0.0 } } else { Self { low, high } }
    }

    /// What stands over the lines: the smallest and the largest value.
    pub(super) fn axis(&self, shown: impl Fn(f64) -> String) -> String {
        let (low, high) = (shown(self.low), shown(self.high));
        let blanks = (WIDTH + 2).saturating_sub(low.chars().count() + high.chars().count()).max(1);
        format!("{low}{}{high}", " ".repeat(blanks))
    }

    pub(super) fn line(&self, value: Option<f64>) -> String {
        let Some(x) = value else { return String::new() };
        let share = match self.high - self.low {
            width if width > 0.0 && x.is_finite() => (x - self.low) / width,
            _ if x == f64::INFINITY => 1.0,
            _ if x == f64::NEG_INFINITY => 0.0,
            _ => 0.5,
        };
        let at = (share * (WIDTH - 1) as f64).round() as usize;
        format!("│{}●{}│", " ".repeat(at), " ".repeat(WIDTH - 1 - at.min(WIDTH - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_lies_where_its_value_does() {
        let chart = Chart::of(&[Some(10.0), None, Some(20.0), Some(f64::INFINITY)]);
        let at = |x: f64| chart.line(Some(x)).chars().position(|c| c == '●');
        assert_eq!([10.0, 15.0, 20.0, f64::INFINITY, f64::NEG_INFINITY].map(at), [Some(1), Some(21), Some(40), Some(40), Some(1)]);
        assert!([10.0, 15.0, 20.0].iter().all(|x| chart.line(Some(*x)).chars().count() == WIDTH + 2));
        assert_eq!(chart.axis(|x| x.to_string()).chars().count(), WIDTH + 2);
        assert_eq!(Chart::of(&[Some(5.0)]).line(Some(5.0)).chars().position(|c| c == '●'), Some(21));
        assert_eq!(chart.line(None), "");
    }
}
