//! Memory that this process can still have, and work that takes more.
//!
//! Linux says what is free, what its control groups leave, and what `ulimit` leaves; other systems are not asked.

use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Work that does not fit into the memory that is left.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{work} takes about {needed} of memory, {available} are available ({limit}): {advice}")]
pub struct TooMuch {
    /// The work.
    pub work: String,
    /// Its memory.
    pub needed: String,
    /// Memory that is left.
    pub available: String,
    /// The limit that leaves so little.
    pub limit: &'static str,
    /// A way to need less.
    pub advice: &'static str,
}

/// Memory that a limit leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    bytes: u64,
    limit: &'static str,
}

/// Memory that a processor of today can address, where the system is not asked for what is left.
const ADDRESSABLE: Left = Left { bytes: 1 << 47, limit: "address space of the processor" };

/// Refuses work that takes more memory than is left.
///
/// # Errors
/// When it does not fit, with both figures and the advice.
pub fn require(work: impl Into<String>, needed: f64, advice: &'static str) -> Result<(), TooMuch> {
    fits(work, needed, advice, left().unwrap_or(ADDRESSABLE))
}

fn fits(work: impl Into<String>, needed: f64, advice: &'static str, left: Left) -> Result<(), TooMuch> {
    let Left { bytes, limit } = left;
    if needed <= bytes as f64 {
        return Ok(());
    }
    let (needed, available) = (size(needed), size(bytes as f64));
    Err(TooMuch { work: work.into(), needed, available, limit, advice })
}

/// Refuses a file that takes more memory than is left, at so many times its size. What cannot be found is left to its
/// reader to report.
///
/// # Errors
/// When it does not fit.
pub fn require_file(path: &Path, copies: f64) -> Result<(), TooMuch> {
    let length = fs::metadata(path).map_or(0, |file| file.len());
    require(format!("using {}", path.display()), copies * length as f64, "expected a smaller file")
}

/// Bytes that can be had: the least that any limit leaves.
#[must_use]
pub fn available() -> Option<u64> {
    left().map(|left| left.bytes)
}

fn left() -> Option<Left> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let free = read("/proc/meminfo").and_then(|text| kilobytes(&text, "MemAvailable:"));
    let free = free.map(|bytes| Left { bytes, limit: "free memory of the machine" });
    let limits = read("/proc/self/limits").zip(read("/proc/self/status"));
    let limits = limits.map(|(limits, status)| of_limits(&limits, &status)).unwrap_or_default();
    let groups = read("/proc/self/mountinfo").zip(read("/proc/self/cgroup"));
    let group = groups.and_then(|(mounts, own)| of_groups(&mounts, &own));
    free.into_iter().chain(limits).chain(group).min_by_key(|left| left.bytes)
}

/// A line such as `VmSize:   1234 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Bytes that resource limits leave, of the texts of `/proc/self/limits` and `/proc/self/status`.
fn of_limits(limits: &str, status: &str) -> Vec<Left> {
    let kinds = [
        ("Max address space", "VmSize:", "limit of the address space, ulimit -v"),
        ("Max data size", "VmData:", "limit of the data size, ulimit -d"),
    ];
    let left = kinds.into_iter().filter_map(|(name, used, limit)| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        // `unlimited` is no number.
        let most: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(Left { bytes: most.saturating_sub(kilobytes(status, used)?), limit })
    });
    left.collect()
}

/// Files of a control group's memory.
struct GroupFiles {
    limits: &'static [&'static str],
    usage: &'static str,
    /// The line of `memory.stat` with the page cache that is given back when memory runs short.
    cache: &'static str,
}

const VERSION_1: GroupFiles = GroupFiles {
    limits: &["memory.limit_in_bytes"],
    usage: "memory.usage_in_bytes",
    cache: "total_inactive_file ",
};
const VERSION_2: GroupFiles =
    GroupFiles { limits: &["memory.max", "memory.high"], usage: "memory.current", cache: "inactive_file " };

/// Bytes that this process's control groups leave, of the texts of `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn of_groups(mounts: &str, own: &str) -> Option<Left> {
    let left = mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, PathBuf::from(place.next()?));
        let mut kind = kind.split(' ');
        let files = match (kind.next()?, kind.nth(1)?) {
            ("cgroup2", _) => &VERSION_2,
            ("cgroup", options) if options.split(',').any(|option| option == "memory") => &VERSION_1,
            _ => return None,
        };
        let path = own.lines().find_map(|line| {
            let (_, group) = line.split_once(':')?;
            let (controllers, path) = group.split_once(':')?;
            let memory = controllers.split(',').any(|controller| controller == "memory");
            (memory || controllers.is_empty() && files.usage == VERSION_2.usage).then_some(path)
        })?;
        // In a container, the root of the mount may be the group itself.
        let below = path.strip_prefix(root).unwrap_or("");
        let group = point.join(below.trim_start_matches('/'));
        // Groups above limit this one, too.
        group
            .ancestors()
            .take_while(|group| group.starts_with(&point))
            .filter_map(|group| of_group(group, files))
            .min()
    });
    left.min().map(|bytes| Left { bytes, limit: "limit of the control group" })
}

/// Bytes that one control group leaves; none where it has no limit.
fn of_group(group: &Path, files: &GroupFiles) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let most = files.limits.iter().filter_map(|name| number(name)).min()?;
    let cache = read("memory.stat").and_then(|stat| {
        stat.lines().find_map(|line| line.strip_prefix(files.cache)?.trim().parse::<u64>().ok())
    });
    Some(most.saturating_sub(number(files.usage)?.saturating_sub(cache.unwrap_or(0))))
}

/// Bytes as people read them.
#[must_use]
pub fn size(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut size = bytes / f64::from(1 << 20);
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_figures() {
        let left = Left { bytes: 3 << 30, limit: "ulimit -v" };
        let advice = "take less";
        assert_eq!(fits("a walk", f64::from(3 << 29), advice, left), Ok(()));
        assert!(fits("a walk", 1e15, advice, ADDRESSABLE).is_err());
        let error = fits("a walk", 2e20, advice, left).unwrap_err().to_string();
        let expected = "a walk takes about 173.5 EiB of memory, 3.0 GiB are available (ulimit -v): take less";
        assert_eq!(error, expected);
    }

    #[test]
    fn sizes_have_their_units() {
        for (bytes, expected) in [
            (0.0, "0.0 MiB"),
            (24.0 * 1_048_576.0, "24.0 MiB"),
            (f64::from(3 << 29), "1.5 GiB"),
            (2_f64.powi(43), "8.0 TiB"),
            (2_f64.powi(80), "1048576.0 EiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn linux_says_what_is_free() {
        assert_eq!(
            kilobytes("MemTotal:  99 kB\nMemAvailable:   1234 kB\n", "MemAvailable:"),
            Some(1234 << 10)
        );
        assert_eq!(kilobytes("MemTotal:  99 kB\n", "MemAvailable:"), None);
    }

    #[test]
    fn resource_limits_leave_what_is_not_used() {
        let limits = |address: &str, data: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max data size             {data:<20} unlimited            bytes     \n\
                 Max address space         {address:<20} unlimited            bytes     \n"
            )
        };
        let status = "VmPeak:\t   9000 kB\nVmSize:\t   3000 kB\nVmData:\t   1000 kB\n";
        let left = |address, data| -> Vec<u64> {
            of_limits(&limits(address, data), status).into_iter().map(|left| left.bytes).collect()
        };
        assert!(left("unlimited", "unlimited").is_empty());
        assert_eq!(left("4096000", "unlimited"), [1000 << 10]);
        assert_eq!(left("unlimited", "2048000"), [1000 << 10]);
        assert_eq!(left("1024", "unlimited"), [0], "more is used than is allowed");
    }

    /// Control groups in a folder: those above count, the page cache does not.
    #[test]
    fn control_groups_leave_what_is_not_used() {
        let folder = TempDir::new().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let point = folder.path().display();
        let second = format!("30 23 0:26 / {point}/v2 rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
        let first = format!(
            "31 23 0:27 / {point}/cpu rw - cgroup cgroup rw,cpu\n\
             32 23 0:28 /docker/abc {point}/v1 rw - cgroup cgroup rw,memory\n"
        );
        let bytes = |mounts: &str, own: &str| of_groups(mounts, own).map(|left| left.bytes);
        let job = "0::/slurm/job\n";
        assert_eq!(bytes(&second, job), None, "no limit is written anywhere");
        write("v2/slurm/job/memory.max", "max\n");
        write("v2/slurm/job/memory.high", "max\n");
        write("v2/slurm/job/memory.current", "700\n");
        assert_eq!(bytes(&second, job), None);
        write("v2/slurm/memory.max", "1000\n");
        write("v2/slurm/memory.current", "900\n");
        write("v2/slurm/memory.stat", "anon 5\nactive_file 9\ninactive_file 200\n");
        assert_eq!(bytes(&second, job), Some(300));
        write("v2/slurm/job/memory.high", "800\n");
        assert_eq!(bytes(&second, job), Some(100));
        assert_eq!(bytes(&second, "0::/elsewhere\n"), None);

        // The container's own group is the root of its mount.
        write("v1/memory.limit_in_bytes", "5000\n");
        write("v1/memory.usage_in_bytes", "4000\n");
        write("v1/memory.stat", "inactive_file 1\ntotal_inactive_file 500\n");
        let own = "12:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n";
        assert_eq!(bytes(&first, own), Some(1500));
        assert_eq!(bytes(&[first, second].concat(), own), Some(1500));
        assert_eq!(bytes("", own), None);
    }
}
