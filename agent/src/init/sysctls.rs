//! Kernel settings that development tools need more of than a kernel gives by itself. An image's own sysctl.d comes after.

use std::fs;

const SETTINGS: [(&str, &str); 5] = [
    // editors and test runners watch whole trees: inotify(7). Memory is taken for watches that exist, not for the limit
    ("fs/inotify/max_user_watches", "1048576"),
    ("fs/inotify/max_user_instances", "1024"),
    // Elasticsearch and others with many mapped files
    ("vm/max_map_count", "1048576"),
    // as container engines set them: ping(8) and servers on low ports without a capability
    ("net/ipv4/ping_group_range", "0 2147483647"),
    ("net/ipv4/ip_unprivileged_port_start", "0"),
];

/// A kernel without one of them does without.
pub fn apply() {
    for (name, value) in SETTINGS {
        let _ = fs::write(format!("/proc/sys/{name}"), value);
    }
}
