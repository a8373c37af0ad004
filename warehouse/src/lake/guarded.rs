//! A table provider whose filters are never believed to be applied in full.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;

/// Answers `Inexact` where the inner provider says `Exact`, so that every filter stays in the plan.
/// Delta's provider drops a filter without columns (`d = 'a' AND NULL`), which would show rows instead of hiding them.
#[derive(Debug)]
pub struct Guarded(pub Arc<dyn TableProvider>);

#[async_trait]
impl TableProvider for Guarded {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        self.0.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let inner = self.0.supports_filters_pushdown(filters)?;
        let guard = |p| if p == TableProviderFilterPushDown::Exact { TableProviderFilterPushDown::Inexact } else { p };
        Ok(inner.into_iter().map(guard).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.scan(state, projection, filters, limit).await
    }
}
