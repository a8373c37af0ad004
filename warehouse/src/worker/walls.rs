//! What a process that works on what others sent may reach of the machine, enforced by the kernel (Landlock): a worker tables and contracts to read
//! and its own scratch folder to write, an examiner nothing, once it has read its files. Accounts, the vault and its key, other files and
//! processes belong to the same user of the system; whoever should break out of a query or a document finds them shut all the same.

use std::path::{Path, PathBuf};

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules};

/// What the program itself and the system's library read while they run: processors, limits, memory, time zones.
const SYSTEM: [&str; 5] = ["/proc/self", "/sys/devices/system/cpu", "/sys/fs/cgroup", "/usr/share/zoneinfo", "/dev/null"];
/// What it takes to reach a bucket by its name and to check its certificate.
const NETWORK: [&str; 12] = [
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/lib",
    "/lib",
    "/run/systemd/resolve",
];

/// What is left to a process.
#[derive(Debug, Default)]
pub struct Reach {
    pub reads: Vec<PathBuf>,
    pub writes: Vec<PathBuf>,
    /// The tables are in a bucket.
    pub network: bool,
}

/// Shuts everything else for this thread and those it starts, for good: before there is another. True if the kernel does all of it; older ones
/// do a part or nothing.
pub fn raise(reach: &Reach) -> Result<bool, RulesetError> {
    let abi = ABI::V6;
    let mut rules = Ruleset::default().handle_access(AccessFs::from_all(abi))?.scope(Scope::from_all(abi))?;
    if !reach.network {
        rules = rules.handle_access(AccessNet::from_all(abi))?;
    }
    let system = SYSTEM.iter().chain(NETWORK.iter().filter(|_| reach.network)).map(Path::new);
    let reads = system.chain(reach.reads.iter().map(PathBuf::as_path));
    let rules = rules.create()?.add_rules(path_beneath_rules(reads, AccessFs::ReadFile | AccessFs::ReadDir))?;
    let status = rules.add_rules(path_beneath_rules(&reach.writes, AccessFs::from_all(abi)))?.restrict_self()?;
    Ok(status.ruleset == RulesetStatus::FullyEnforced)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn behind_walls_only_what_is_left_is_reached() {
        let folder = tempfile::tempdir().expect("folder");
        let inside = |name: &str| folder.path().join(name);
        for name in ["tables", "vault", "scratch"] {
            fs::create_dir(inside(name)).expect("folder");
            fs::write(inside(name).join("file"), "x").expect("file");
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
        let address = listener.local_addr().expect("address");
        let reach = Reach { reads: vec![inside("tables")], writes: vec![inside("scratch")], network: false };
        // Walls are of a thread: those of the test stand as they were.
        let (whole, found) = std::thread::scope(|scope| {
            let walled = scope.spawn(|| {
                let whole = raise(&reach).expect("walls");
                let denied = |done: std::io::Result<()>| done.is_err_and(|e| e.kind() == ErrorKind::PermissionDenied);
                let found = [
                    fs::read(inside("tables").join("file")).is_ok(),
                    fs::write(inside("scratch").join("other"), "y").is_ok(),
                    fs::read("/proc/self/status").is_ok(),
                    denied(fs::read(inside("vault").join("file")).map(drop)),
                    denied(fs::write(inside("tables").join("file"), "y")),
                    denied(fs::read("/etc/passwd").map(drop)),
                    denied(fs::read("/proc/1/status").map(drop)),
                    denied(TcpStream::connect(address).map(drop)),
                ];
                (whole, found)
            });
            walled.join().expect("thread")
        });
        if !whole {
            eprintln!("skipped: this kernel has no Landlock, or an old one");
            return;
        }
        assert_eq!(found, [true; 8]);
        assert!(fs::read(inside("vault").join("file")).is_ok());
    }
}
