//! DataFusion's engine, so that what it computes depends on the tables alone.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use datafusion::common::{Result, internal_err};
use datafusion::execution::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::optimizer::Optimizer;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::sums;
use super::tables::ROWS_MAX;

/// A context with the functions that queries may use.
pub(super) fn context() -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1).with_batch_size(ROWS_MAX);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    // Conditions stay where they stand in the query: one that is moved may be computed on rows that another one holds back.
    let kept = Optimizer::new().rules.into_iter().filter(|rule| rule.name() != "push_down_filter");
    let kept_of_engine = PhysicalOptimizer::new().rules.into_iter().filter(|rule| !rule.name().starts_with("FilterPushdown"));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_optimizer_rules(kept.collect())
        .with_physical_optimizer_rules(kept_of_engine.collect())
        .build();
    let context = SessionContext::new_with_state(state);
    sums::functions().into_iter().for_each(|function| context.register_udaf(function));
    context
}

/// With what a query is computed: so many bytes, and no disk.
pub(super) fn task(state: &SessionState, memory: u64) -> Result<Arc<TaskContext>> {
    let pool = GreedyMemoryPool::new(usize::try_from(memory).unwrap_or(usize::MAX));
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime: Arc<RuntimeEnv> = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).with_disk_manager_builder(disk).build_arc()?;
    Ok(Arc::new(TaskContext::from(state).with_runtime(runtime)))
}

/// The result of what never waits: the tables are there.
pub(super) fn at_once<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => internal_err!("planning waits for something"),
    }
}
