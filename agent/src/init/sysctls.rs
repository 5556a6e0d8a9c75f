//! Kernel settings for development tools, which need more than the defaults. The image's own sysctl.d is applied later.

use std::fs;

const SETTINGS: [(&str, &str); 5] = [
    // editors and test runners watch whole trees: inotify(7). Only existing watches use memory, the limit does not
    ("fs/inotify/max_user_watches", "1048576"),
    ("fs/inotify/max_user_instances", "1024"),
    // Elasticsearch and other programs map many files
    ("vm/max_map_count", "1048576"),
    // as in container engines: ping(8) and low ports without a capability
    ("net/ipv4/ping_group_range", "0 2147483647"),
    ("net/ipv4/ip_unprivileged_port_start", "0"),
];

/// Ignores settings that the kernel does not have.
pub fn apply() {
    for (name, value) in SETTINGS {
        let _ = fs::write(format!("/proc/sys/{name}"), value);
    }
}
