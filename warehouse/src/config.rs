//! What an installation may set: where the data is and how much a query may cost.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lake::StoreOptions;

/// How a warehouse is opened.
#[derive(Clone, Debug)]
pub struct Config {
    /// Root of the lake: a folder, `file:///…` or `s3://bucket/prefix`.
    pub data: String,
    /// Folder of the contracts (`datasets/`).
    pub contracts: PathBuf,
    pub store: StoreOptions,
    pub limits: Limits,
    /// Memory for rows that everybody may see and that are asked for again and again; 0 holds none.
    pub kept_bytes: usize,
    /// Memory of one of the service's own questions (`inside.rs`), such as a rule over a whole delivery.
    pub rule_bytes: usize,
}

/// What one query, and all together, may use. Past a limit the author gets an error and nobody else notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of SQL text.
    pub text_bytes: usize,
    /// Tokens of SQL text; literals and commas are free, so that long IN lists pass.
    pub tokens: usize,
    /// UNION, INTERSECT and EXCEPT in one query.
    pub set_operations: usize,
    pub joins: usize,
    pub ctes: usize,
    /// Length of a chain of one operator (`a OR b OR c …`): long ones recurse deeply in planner and kernels.
    pub chain: usize,
    /// Nodes of all expressions together.
    pub nodes: usize,
    pub in_list: usize,
    /// Sets that GROUPING SETS, CUBE and ROLLUP expand to.
    pub grouping_sets: usize,
    /// Nodes of the logical plan, counted as often as a CTE is used.
    pub plan_nodes: usize,
    /// Wall-clock time of planning.
    #[serde(with = "seconds")]
    pub planning: Duration,
    /// Wall-clock time a query may keep its reader waiting, planning included; time spent waiting for the reader is free.
    #[serde(with = "seconds")]
    pub time: Duration,
    /// How long a reader may leave an answer lying before it is cancelled.
    #[serde(with = "seconds")]
    pub reader: Duration,
    /// Memory pool of one query. The worker's hard limit (`RLIMIT_DATA`) stands above it, see `worker::limits`.
    pub memory_bytes: usize,
    /// Disk for sorts and aggregates that do not fit the pool.
    pub spill_bytes: u64,
    /// Worker processes, hence queries running at once: more than cores, since a query that runs for long yields to short ones.
    pub workers: usize,
    /// Threads and partitions of one query.
    pub threads: usize,
    /// Queries waiting at most; past it the answer is "busy".
    pub queue: usize,
    /// How long a query waits for a worker at most.
    #[serde(with = "seconds")]
    pub queue_time: Duration,
    /// Queries of one account running at once; one worker is always left to the others.
    pub per_principal: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, |n| n.get());
        Self {
            text_bytes: 64 * 1024,
            tokens: 4_000,
            set_operations: 64,
            joins: 16,
            ctes: 32,
            chain: 300,
            nodes: 5_000,
            in_list: 10_000,
            grouping_sets: 256,
            plan_nodes: 2_000,
            planning: Duration::from_secs(10),
            time: Duration::from_secs(60),
            reader: Duration::from_secs(60),
            memory_bytes: 768 << 20,
            spill_bytes: 4 << 30,
            workers: (2 * cores).clamp(4, 16),
            threads: cores.clamp(1, 8),
            queue: 64,
            queue_time: Duration::from_secs(20),
            per_principal: 2,
        }
    }
}

/// Durations as seconds, with a fraction.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(value.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}
