//! What the system enforces on a worker process, whatever the query does: memory, processor time, no core files.

use std::io;
use std::time::Duration;

use crate::config::Limits;

/// Memory beside the pool: code paths that do not account (scans, kernels, IPC), the stack of the planning thread.
const BESIDE_POOL: u64 = 512 << 20;

/// Processor time beyond the wall-clock limit of all threads, before the kernel ends the process.
const CPU_GRACE: u64 = 5;

/// For the life of the process. Allocation past the limit fails, which aborts the process and nothing else.
pub fn apply(limits: &Limits) -> io::Result<()> {
    set(libc::RLIMIT_CORE, 0)?;
    let pool = limits.memory_bytes as u64;
    set(libc::RLIMIT_DATA, data_bytes()? + pool + pool / 2 + BESIDE_POOL)
}

/// For a process that reads one hostile file and then ends: memory beside what it holds, processor time, no files.
pub fn confine(memory: u64, processor: Duration) -> io::Result<()> {
    set(libc::RLIMIT_CORE, 0)?;
    set(libc::RLIMIT_FSIZE, 0)?;
    set(libc::RLIMIT_CPU, processor.as_secs())?;
    set(libc::RLIMIT_DATA, data_bytes()? + memory)
}

/// More memory in use than a fresh worker should keep: it is replaced after its query.
pub fn is_bloated(limits: &Limits, fresh: u64) -> bool {
    data_bytes().is_ok_and(|now| now > fresh + limits.memory_bytes as u64)
}

/// Gives the next query its processor time: the wall-clock limit on every thread.
pub fn allow_cpu(limits: &Limits) -> io::Result<()> {
    let query = limits.time + limits.planning;
    set_soft(libc::RLIMIT_CPU, used_cpu().as_secs() + query.as_secs() * limits.threads as u64 + CPU_GRACE)
}

/// Processor time of all threads of this process so far.
pub fn used_cpu() -> Duration {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a rusage that lives through the call; RUSAGE_SELF cannot fail with it.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1_000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Threads that work for a query; the loop that hears "cancel" keeps its priority.
pub const QUERY_THREAD: &str = "query";

/// Niceness of a query that runs for long: short ones of others go first.
const LONG: libc::c_int = 10;

/// Sets the priority of the threads that work for the query. Lowering it always succeeds; raising it again needs a right
/// that a worker usually lacks: then false.
pub fn set_query_priority(is_long: bool) -> bool {
    let nice = if is_long { LONG } else { 0 };
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return false };
    let mut done = true;
    for task in tasks.flatten() {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let Some(id) = task.file_name().to_str().and_then(|id| id.parse::<libc::id_t>().ok()).filter(|_| name.trim_end() == QUERY_THREAD) else { continue };
        // SAFETY: takes three integers; on Linux a thread's id names that thread alone.
        done &= unsafe { libc::setpriority(libc::PRIO_PROCESS, id, nice) } == 0;
    }
    done
}

/// Ends this process when the thread that started it ends. The socket's end says the same a little later.
pub fn die_with_parent() {
    // SAFETY: takes two integers and touches no memory of ours.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Private writable memory of this process, as `RLIMIT_DATA` counts it.
pub fn data_bytes() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmData:")).unwrap_or_default();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().map_err(|_| io::Error::other("no VmData"))?;
    Ok(kilobytes * 1024)
}

fn set(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    raw(resource, value, value)
}

/// Keeps the hard limit, so that the soft one can rise again for the next query.
fn set_soft(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    raw(resource, value, libc::RLIM_INFINITY)
}

fn raw(resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointers are to rlimits that live through the calls.
    unsafe {
        if libc::getrlimit(resource, &mut now) != 0 {
            return Err(io::Error::last_os_error());
        }
        let wanted = libc::rlimit { rlim_cur: soft.min(now.rlim_max), rlim_max: hard.min(now.rlim_max) };
        if libc::setrlimit(resource, &wanted) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
