//! The gate from outside: rights that hold against every query, refusals, workers that die alone.

#[path = "gate/support.rs"]
mod support;

#[path = "gate/hostile.rs"]
mod hostile;
#[path = "gate/interference.rs"]
mod interference;
#[path = "gate/joins.rs"]
mod joins;
#[path = "gate/kept.rs"]
mod kept;
#[path = "gate/leaks.rs"]
mod leaks;
#[path = "gate/once.rs"]
mod once;
#[path = "gate/order.rs"]
mod order;
#[path = "gate/pruning.rs"]
mod pruning;
#[path = "gate/rights.rs"]
mod rights;
#[path = "gate/summary.rs"]
mod summary;
#[path = "gate/system.rs"]
mod system;
#[path = "gate/workers.rs"]
mod workers;
