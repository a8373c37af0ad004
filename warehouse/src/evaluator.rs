//! Evaluates a contract's conditions over batches that are not in any table yet: planned once, run batch by batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::DFSchema;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionContext;

use crate::error::{Error, Kind, Result};

/// Conditions compiled against one batch schema.
#[derive(Clone)]
pub struct Evaluator {
    expressions: Vec<Arc<dyn PhysicalExpr>>,
}

impl Evaluator {
    /// Compiles SQL expressions over the columns of `schema`. The error names the expression by its text.
    pub fn new<S: AsRef<str>>(schema: SchemaRef, sql: &[S]) -> Result<Self> {
        let context = SessionContext::new();
        let state = context.state();
        let columns = DFSchema::try_from(schema).map_err(|e| Error::internal("evaluator.schema", e))?;
        let context = SimplifyContext::builder().with_schema(Arc::new(columns.clone())).with_config_options(Arc::clone(state.config_options())).build();
        let simplifier = ExprSimplifier::new(context);
        let compile = |text: &str| {
            let expression = state.create_logical_expr(text, &columns)?;
            // Some functions (coalesce, nullif) exist in the plan only: simplifying turns them into what can run.
            let expression = simplifier.simplify(simplifier.coerce(expression, &columns)?)?;
            state.create_physical_expr(expression, &columns)
        };
        let expressions = sql
            .iter()
            .map(|text| compile(text.as_ref()).map_err(|e| Error::new(Kind::Invalid, "contract.sql", format!("'{}': {}", text.as_ref(), e.strip_backtrace()))))
            .collect::<Result<_>>()?;
        Ok(Self { expressions })
    }

    /// One array per expression, each as long as the batch.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let one = |e: &Arc<dyn PhysicalExpr>| e.evaluate(batch).and_then(|v| v.into_array(batch.num_rows()));
        self.expressions.iter().map(|e| one(e).map_err(|e| Error::internal("evaluator.evaluate", e))).collect()
    }

    /// As [`Self::evaluate`] for boolean expressions.
    pub fn booleans(&self, batch: &RecordBatch) -> Result<Vec<BooleanArray>> {
        let boolean = |a: ArrayRef| match a.as_any().downcast_ref::<BooleanArray>() {
            Some(b) => Ok(b.clone()),
            None => Err(Error::new(Kind::Invalid, "contract.sql", format!("a condition answers {} instead of a boolean", a.data_type()))),
        };
        self.evaluate(batch)?.into_iter().map(boolean).collect()
    }
}
