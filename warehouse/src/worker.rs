//! SQL that users wrote runs in worker processes of the same binary: capped by the system, killed past their limits.
//! In-process timeouts do not hold (security.md A2.3): kernels cannot be interrupted and a deep plan ends the process.

mod admission;
mod child;
mod conduct;
pub mod limits;
mod pool;
mod process;
mod record;
mod scratch;
pub mod walls;
mod wire;

pub use self::child::serve;
pub use self::pool::{Load, Pool, PoolConfig};
pub use self::record::{QueryLog, QueryRecord};
