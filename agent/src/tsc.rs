//! `tsc`: the host's TSC frequency in kHz, which a guest under emulation can't measure reliably.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_millis(12);
const ROUNDS: usize = 5;

/// Err: this CPU's counter has no constant rate.
pub fn measure() -> Result<u64, String> {
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !flags.lines().any(|line| line.starts_with("flags") && line.contains("constant_tsc")) {
        return Err("the CPU has no constant TSC".to_string());
    }
    let mut rates: Vec<u64> = (0..ROUNDS).map(|_| one_round()).collect();
    rates.sort_unstable();
    Ok(rates[ROUNDS / 2])
}

fn one_round() -> u64 {
    let (start_tsc, start) = both();
    std::thread::sleep(WINDOW);
    let (end_tsc, end) = both();
    let nanos = end.duration_since(start).as_nanos().max(1);
    (u128::from(end_tsc - start_tsc) * 1_000_000 / nanos) as u64
}

/// Counter and clock at one moment: the closest of several readings.
fn both() -> (u64, Instant) {
    let read = || {
        let before = crate::sys::tsc::now();
        let clock = Instant::now();
        let after = crate::sys::tsc::now();
        (after - before, before + (after - before) / 2, clock)
    };
    let (_, counter, clock) = (0..8).map(|_| read()).min_by_key(|(spread, _, _)| *spread).unwrap_or_else(read);
    (counter, clock)
}
