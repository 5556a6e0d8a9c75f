//! Reads the time stamp counter and the kernel's raw clock together.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    pub ticks: u64,
    /// CLOCK_MONOTONIC_RAW
    pub nanos: u64,
}

/// Both at the same moment: of many attempts, the one with the fewest ticks between its two readings of the counter.
pub fn read_both() -> Reading {
    let one = |_| {
        let before = ticks();
        let nanos = raw_nanos();
        let width = ticks().saturating_sub(before);
        (width, Reading { ticks: before + width / 2, nanos })
    };
    (0..200).map(one).min_by_key(|(width, _)| *width).map_or(Reading { ticks: 0, nanos: 0 }, |(_, reading)| reading)
}

#[cfg(target_arch = "x86_64")]
fn ticks() -> u64 {
    // SAFETY: every x86-64 CPU has it.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
fn ticks() -> u64 {
    0
}

fn raw_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: one timespec to be filled.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_RAW, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
