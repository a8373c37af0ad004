//! Nested-loop joins stay in memory. One that runs out of it would read its left side a second time (DataFusion 55.2):
//! a repartition below it can be read only once, and panics or has no rows left, so that the answer is wrong; rows of a left
//! join would come for each partition of the right side. Such a query gets the error of every other that is too large.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::config::ConfigOptions;
use datafusion::common::resources_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, ReplaceChildrenOptions};

/// The last rule of planning: the left side of each nested-loop join can be read once.
#[derive(Debug)]
pub struct NestedLoopsInMemory;

impl PhysicalOptimizerRule for NestedLoopsInMemory {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() else { return Ok(Transformed::no(node)) };
            let left: Arc<dyn ExecutionPlan> = Arc::new(ReadOnceExec { input: join.left().clone(), is_read: AtomicBool::new(false) });
            let right = join.right().clone();
            node.replace_children(vec![left, right], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep)).map(Transformed::yes)
        })
        .data()
    }

    fn name(&self) -> &str {
        "nested_loops_in_memory"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Its input, of one partition; a second reading is refused as a query that needs too much memory.
struct ReadOnceExec {
    input: Arc<dyn ExecutionPlan>,
    is_read: AtomicBool,
}

impl fmt::Debug for ReadOnceExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadOnceExec")
    }
}

impl DisplayAs for ReadOnceExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadOnceExec")
    }
}

impl ExecutionPlan for ReadOnceExec {
    fn name(&self) -> &str {
        "ReadOnceExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().unwrap_or_else(|| self.input.clone());
        Ok(Arc::new(Self { input, is_read: AtomicBool::new(false) }))
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if self.is_read.swap(true, Ordering::Relaxed) {
            return resources_err!("the left side of a nested-loop join does not fit into memory");
        }
        self.input.execute(partition, context)
    }
}
