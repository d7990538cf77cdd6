//! Intervals, tests and distances, each from its published definition.
//!
//! Where two samples are compared, the first is the batch and the second the baseline.

mod adjusted;
mod association;
mod binomial;
mod concentration;
mod distances;
mod fisher;
mod fit;
mod homogeneity;
mod intervals;
mod kolmogorov;
mod ks;
mod proportions;
mod psi;
mod robust;
mod samples;
mod smirnov;
mod wasserstein;

pub use adjusted::benjamini_hochberg;
pub use association::cramers_v;
pub use concentration::{Counts, Lift};
pub use distances::{hellinger, jensen_shannon, linf, shares, total_variation};
pub use fisher::{fisher_exact, fisher_greater};
pub use fit::{GoodnessOfFit, goodness_of_fit};
pub use homogeneity::{Homogeneity, homogeneity};
pub use intervals::{newcombe_interval, normal_upper, normal_z, score_p_value, wilson_interval};
pub use kolmogorov::kolmogorov_sf;
pub use ks::{KsDistance, ks_distance, ks_p_value};
pub use proportions::{katz_interval, two_proportions_p_value};
pub use psi::{CategoryBin, binned, category_bins, decile_bins, expected_unseen, noise, psi, rows_for};
pub use robust::{median, robust_z};
pub use samples::Cell;
pub use wasserstein::{Bounded, wasserstein, wasserstein_noise};
