//! From the optimized plan to one that runs, with what this service's tables let be done once for many rows: patterns once per text, parts of
//! dates once per day, groups by numbers instead of texts. Here and not among the optimizer's rules, so that a plan that is shown says what was
//! asked.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use crate::session::{coded, days, patterns};

#[derive(Debug)]
pub struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, state: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.clone().transform_up_with_subqueries(|node| functions(node)?.transform_data(coded::groups))?.data;
        DefaultPhysicalPlanner::default().create_physical_plan(&plan, state).await
    }
}

fn functions(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    // A scan's filters only leave out files and pages.
    if matches!(plan, LogicalPlan::TableScan(_)) {
        return Ok(Transformed::no(plan));
    }
    let names = NamePreserver::new(&plan);
    let schema: DFSchema = merge_schema(&plan.inputs());
    plan.map_expressions(|expression| {
        let name = names.save(&expression);
        let once = expression.transform_up(|part| patterns::once(part).transform_data(|part| Ok(days::once(part, &schema))))?;
        Ok(once.update_data(|expression| name.restore(expression)))
    })
}
