//! `tsc`: measures the frequency of this CPU's time stamp counter, in kHz.

use crate::sys::clock::{read_both, Reading};
use std::thread;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_millis(25);
/// Allowed difference between the two halves of a measurement, in parts per million.
const TOLERANCE: f64 = 200.0;

pub fn run() -> Result<(), String> {
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !has_constant_tsc(&flags) {
        return Err("tsc: this CPU's counter has no constant rate".to_string());
    }
    println!("{}", measure()?);
    Ok(())
}

fn has_constant_tsc(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|line| line.split_whitespace().any(|flag| flag == "constant_tsc"))
}

/// Measures over two intervals, and repeats that until they agree.
fn measure() -> Result<u64, String> {
    for _ in 0..5 {
        let first = read_both();
        thread::sleep(INTERVAL);
        let middle = read_both();
        thread::sleep(INTERVAL);
        let last = read_both();
        let (a, b, whole) = (khz(first, middle), khz(middle, last), khz(first, last));
        if whole > 0.0 && (a - b).abs() / whole * 1e6 < TOLERANCE {
            return Ok(whole.round() as u64);
        }
    }
    Err("tsc: the counter and the clock do not agree".to_string())
}

fn khz(from: Reading, to: Reading) -> f64 {
    let nanos = to.nanos.saturating_sub(from.nanos).max(1);
    to.ticks.saturating_sub(from.ticks) as f64 * 1e6 / nanos as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilohertz_are_ticks_per_millisecond() {
        let reading = |ticks, nanos| Reading { ticks, nanos };
        assert_eq!(khz(reading(1000, 0), reading(2_601_000, 1_000_000)), 2_600_000.0);
        assert_eq!(khz(reading(9, 9), reading(1, 1)), 0.0);
    }

    #[test]
    fn the_flag_is_a_whole_word() {
        assert!(has_constant_tsc("flags\t\t: fpu tsc constant_tsc nopl\n"));
        assert!(!has_constant_tsc("flags\t\t: fpu tsc nonconstant_tsc\nbugs: constant_tsc\n"));
    }
}
