//! What a query does, step by step, for its own asker to read. Made from the query's logical plan, which holds the asker's own words and
//! the tables as they may see them: no policy, no file, no count of hidden rows. Rows are counted as the asker would count them.

use std::collections::BTreeMap;

use datafusion::execution::SessionState;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Distinct, Expr, FetchType, Join, JoinType, LogicalPlan, LogicalPlanBuilder, SkipType, TableScan, lit};
use datafusion::sql::unparser::Unparser;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use crate::error::Result;
use crate::gate::{big_stack, errors, parameters};
use crate::session::Session;
use crate::session::ask::{Ready, check};
use crate::statement::Statement;

/// One step; steps stand in the order in which they happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Numbers of the steps, from 1, whose rows this one takes.
    pub from: Vec<usize>,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// Rows of a table that meet the conditions, of those that the asker may see. `rows` is absent where they could not be counted.
    Read {
        table: String,
        columns: Vec<String>,
        conditions: Vec<String>,
        rows: Option<u64>,
    },
    /// Rows written in the query itself.
    Given {
        rows: u64,
    },
    /// Rows that meet the conditions.
    Keep {
        conditions: Vec<String>,
    },
    /// Two inputs: `kind` is inner, left, right, full, semi or anti; without conditions each row meets each.
    Join {
        kind: String,
        conditions: Vec<String>,
    },
    Group {
        by: Vec<String>,
        computes: Vec<String>,
    },
    Window {
        computes: Vec<String>,
    },
    Sort {
        by: Vec<String>,
    },
    First {
        skip: usize,
        rows: Option<usize>,
    },
    Distinct,
    Union,
    Unnest,
    Compute {
        columns: Vec<String>,
    },
}

/// Most expressions and columns of a step that are told.
const TOLD: usize = 40;

impl Session {
    /// The steps of a statement. The tables' visible rows are counted, under the same limits as a query.
    pub async fn outline(&self, statement: &Statement) -> Result<Vec<Step>> {
        let (session, statement) = (self.clone(), statement.clone());
        let made = big_stack::run(self.limits().planning, move |handle| {
            let planned = session.plan(&statement, handle)?;
            let bound = parameters::bind(planned.plan, &statement.parameters)?;
            check(&bound, &session, planned.scope, &planned.state)?;
            let best = planned.state.optimize(&bound).map_err(errors::planning)?;
            let mut outline = Outline { steps: Vec::new(), counts: BTreeMap::new(), state: &planned.state, handle };
            outline.walk(&best);
            let Outline { steps, counts, .. } = outline;
            let counts: Vec<_> = counts.into_iter().map(|(at, plan)| (at, Ready { plan, state: planned.state.clone(), versions: BTreeMap::new() })).collect();
            Ok((steps, counts))
        });
        let (mut steps, counts) = made.await?;
        for (at, ready) in counts {
            let counted = self.counted(ready).await?;
            if let What::Read { rows, .. } = &mut steps[at].what {
                *rows = counted;
            }
        }
        Ok(steps)
    }

    /// The one number of a counting plan; `None` where the asker's own condition fails on some row.
    async fn counted(&self, ready: Ready) -> Result<Option<u64>> {
        use arrow::array::AsArray;
        use arrow::datatypes::Int64Type;
        let mut rows = self.run(ready)?;
        let mut total = 0;
        while let Some(batch) = rows.batches.next().await {
            match batch {
                Ok(batch) => total += batch.column(0).as_primitive::<Int64Type>().values().iter().sum::<i64>(),
                Err(error) if error.kind == crate::error::Kind::Limit => return Err(error),
                Err(_) => return Ok(None),
            }
        }
        Ok(u64::try_from(total).ok())
    }
}

struct Outline<'a> {
    steps: Vec<Step>,
    /// Plans that count the rows of the step at an index.
    counts: BTreeMap<usize, std::sync::Arc<dyn datafusion::physical_plan::ExecutionPlan>>,
    state: &'a SessionState,
    handle: &'a Handle,
}

impl Outline<'_> {
    /// Adds the steps of a plan; gives the number of its last one.
    fn walk(&mut self, plan: &LogicalPlan) -> usize {
        let what = match plan {
            LogicalPlan::TableScan(scan) => return self.read(scan),
            LogicalPlan::EmptyRelation(empty) => What::Given { rows: u64::from(empty.produce_one_row) },
            LogicalPlan::Values(values) => What::Given { rows: values.values.len() as u64 },
            LogicalPlan::Filter(filter) => {
                // What the table below has told already is not told again.
                let known = match filter.input.as_ref() {
                    LogicalPlan::TableScan(scan) => scan.filters.clone(),
                    _ => Vec::new(),
                };
                let rest: Vec<&Expr> = split_conjunction(&filter.predicate).into_iter().filter(|e| !known.contains(e)).collect();
                if rest.is_empty() {
                    return self.walk(&filter.input);
                }
                What::Keep { conditions: told(rest) }
            }
            LogicalPlan::Join(join) => What::Join { kind: kind(join).into(), conditions: met(join) },
            LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.is_empty() => What::Distinct,
            LogicalPlan::Aggregate(aggregate) => What::Group { by: told(&aggregate.group_expr), computes: told(&aggregate.aggr_expr) },
            LogicalPlan::Window(window) => What::Window { computes: told(&window.window_expr) },
            LogicalPlan::Sort(sort) => {
                let by = sort.expr.iter().take(TOLD).map(|s| format!("{}{}", text(&s.expr), if s.asc { "" } else { " DESC" })).collect();
                let number = self.after(plan, What::Sort { by });
                return match sort.fetch {
                    Some(rows) => self.add(vec![number], What::First { skip: 0, rows: Some(rows) }),
                    None => number,
                };
            }
            LogicalPlan::Limit(limit) => {
                let skip = if let Ok(SkipType::Literal(skip)) = limit.get_skip_type() { skip } else { 0 };
                let rows = if let Ok(FetchType::Literal(rows)) = limit.get_fetch_type() { rows } else { None };
                match limit.input.as_ref() {
                    // The sort below has told of it.
                    LogicalPlan::Sort(sort) if skip == 0 && sort.fetch == rows => return self.walk(&limit.input),
                    _ => What::First { skip, rows },
                }
            }
            LogicalPlan::Distinct(Distinct::All(_) | Distinct::On(_)) => What::Distinct,
            LogicalPlan::Union(_) => What::Union,
            LogicalPlan::Unnest(_) => What::Unnest,
            LogicalPlan::Projection(projection) => {
                let computed: Vec<&Expr> = projection.expr.iter().filter(|e| !matches!(bare(e), Expr::Column(_))).collect();
                if computed.is_empty() {
                    return self.walk(&projection.input);
                }
                What::Compute { columns: told(computed) }
            }
            // Names and descriptions of the same rows.
            other => match other.inputs().first() {
                Some(input) => return self.walk(input),
                None => What::Given { rows: 0 },
            },
        };
        self.after(plan, what)
    }

    fn after(&mut self, plan: &LogicalPlan, what: What) -> usize {
        let from = plan.inputs().into_iter().map(|input| self.walk(input)).collect();
        self.add(from, what)
    }

    fn add(&mut self, from: Vec<usize>, what: What) -> usize {
        self.steps.push(Step { from, what });
        self.steps.len()
    }

    fn read(&mut self, scan: &TableScan) -> usize {
        let columns = scan.projected_schema.fields().iter().take(TOLD).map(|f| f.name().clone()).collect();
        let table = match scan.table_name.schema() {
            Some(area) => format!("{area}.{}", scan.table_name.table()),
            None => scan.table_name.table().to_owned(),
        };
        let number = self.add(Vec::new(), What::Read { table, columns, conditions: told(&scan.filters), rows: None });
        // A condition that cannot be counted by itself leaves the count out, not the step.
        if let Ok(plan) = counting(scan).and_then(|plan| self.handle.block_on(self.state.create_physical_plan(&plan))) {
            self.counts.insert(number - 1, plan);
        }
        number
    }
}

/// `SELECT count(*)` of what a scan gives, through the same table, hence the same policy.
fn counting(scan: &TableScan) -> datafusion::error::Result<LogicalPlan> {
    let mut plan = LogicalPlanBuilder::scan(scan.table_name.clone(), scan.source.clone(), None)?;
    if let Some(condition) = conjunction(scan.filters.iter().cloned()) {
        plan = plan.filter(condition)?;
    }
    plan.aggregate(Vec::<Expr>::new(), [count(lit(1_i64))])?.build()
}

fn kind(join: &Join) -> &'static str {
    match join.join_type {
        JoinType::Inner => "inner",
        JoinType::Left => "left",
        JoinType::Right => "right",
        JoinType::Full => "full",
        JoinType::LeftSemi | JoinType::RightSemi | JoinType::LeftMark | JoinType::RightMark => "semi",
        JoinType::LeftAnti | JoinType::RightAnti => "anti",
    }
}

fn met(join: &Join) -> Vec<String> {
    let pairs = join.on.iter().map(|(left, right)| format!("{} = {}", text(left), text(right)));
    pairs.chain(join.filter.iter().map(text)).take(TOLD).collect()
}

fn told<'a>(expressions: impl IntoIterator<Item = &'a Expr>) -> Vec<String> {
    expressions.into_iter().take(TOLD).map(text).collect()
}

/// The expression below its alias.
fn bare(e: &Expr) -> &Expr {
    match e {
        Expr::Alias(alias) => bare(&alias.expr),
        other => other,
    }
}

/// An expression as SQL, where it has that form.
fn text(e: &Expr) -> String {
    let sql = Unparser::default().with_pretty(true).expr_to_sql(bare(e)).map_or_else(|_| bare(e).to_string(), |sql| sql.to_string());
    match e {
        Expr::Alias(alias) if !sql.ends_with(&alias.name) => format!("{sql} AS {}", alias.name),
        _ => sql,
    }
}
