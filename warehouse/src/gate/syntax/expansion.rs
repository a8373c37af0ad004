//! How many tables a query reads once each WITH query stands where it is used: doubling one fifteen times reads 32 768.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ObjectName, Query, Statement, Visit, Visitor};

/// Reads of tables after expansion, counted without expanding. Never too low.
pub fn reads(statement: &Statement) -> usize {
    let mut count = Count::default();
    // The visitor never breaks.
    let _ = statement.visit(&mut count);
    count.reads
}

#[derive(Default)]
struct Count {
    /// Reads of one use of each WITH query that is in sight.
    weights: HashMap<String, usize>,
    reads: usize,
}

impl Visitor for Count {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let mut inner = Self { weights: self.weights.clone(), reads: 1 };
            let _ = cte.query.visit(&mut inner);
            self.weights.insert(cte.alias.name.value.to_ascii_lowercase(), inner.reads);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = relation.to_string().replace('"', "").to_ascii_lowercase();
        let weight = self.weights.get(&name).copied().unwrap_or(1);
        self.reads = self.reads.saturating_add(weight);
        ControlFlow::Continue(())
    }
}
