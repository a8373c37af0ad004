//! The order of rows is not concluded from what is unique in groups. DataFusion 55.2 keeps the claim "these columns are unique" of an aggregation
//! under a projection that puts other columns in their places (`EquivalenceProperties::projected_constraints` takes the places of the output for
//! those of the input). Sorts that are needed then fall away: `ORDER BY` came out in another order, and a window over such rows would number them
//! anyhow. So nobody gets to see the claim.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Constraints, Statistics, internal_datafusion_err};
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, StatisticsArgs};
use datafusion::prelude::{SessionConfig, SessionContext};

/// The rule that puts in sorts, and leaves out those it takes for needless.
const SORTS: &str = "EnsureRequirements";

/// The engine's own rules on physical plans, with the claims hidden from the one that would believe them, and when the plan runs: a sort looks again
/// whether it is needed. Rules in between know groups by their kind, and see them.
pub fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let place = rules.iter().position(|rule| rule.name() == SORTS);
    // Without it no claim would be hidden, and nobody would notice.
    let place = place.expect("the engine has a rule of this name");
    rules.insert(place + 1, Arc::new(Show));
    rules.insert(place, Arc::new(Hide));
    rules.push(Arc::new(Hide));
    rules
}

/// An engine of its own, with nothing but what the caller puts in.
pub fn context(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> SessionContext {
    let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
    SessionContext::new_with_state(state.with_physical_optimizer_rules(rules()).build())
}

#[derive(Debug)]
struct Hide;

impl PhysicalOptimizerRule for Hide {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match node.downcast_ref::<AggregateExec>() {
            // The first of two steps is read by the second alone.
            Some(groups) if *groups.mode() != AggregateMode::Partial => Ok(Transformed::yes(Arc::new(HiddenExec::new(node)))),
            _ => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "hide_uniqueness"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Show;

impl PhysicalOptimizerRule for Show {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let shown = |node: Arc<dyn ExecutionPlan>| match node.downcast_ref::<HiddenExec>() {
            Some(hidden) => Ok(Transformed::yes(hidden.input.clone())),
            None => Ok(Transformed::no(node)),
        };
        plan.transform_up(shown).data()
    }

    fn name(&self) -> &str {
        "show_uniqueness"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Its input, of which nothing is said to be unique.
#[derive(Debug)]
struct HiddenExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl HiddenExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let known = input.properties().as_ref().clone();
        let equal = known.equivalence_properties().clone().with_constraints(Constraints::default());
        Self { input, properties: Arc::new(known.with_eq_properties(equal)) }
    }
}

impl DisplayAs for HiddenExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HiddenExec")
    }
}

impl ExecutionPlan for HiddenExec {
    fn name(&self) -> &str {
        "HiddenExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        inputs.first().cloned().ok_or_else(|| internal_datafusion_err!("it has one input"))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(children.into_iter().next().unwrap_or_else(|| self.input.clone()))))
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}
