//! Messages on the guest's console, for finding out why a VM does not start.

use std::fs::OpenOptions;
use std::io::Write;

/// Writes one line; a newline in `text` becomes a space.
pub fn log(text: &str) {
    let line = format!("banger-agent: {}\n", text.replace('\n', " "));
    // the terminal turns \n into \r\n
    let written = OpenOptions::new().write(true).open("/dev/console").and_then(|mut console| console.write_all(line.as_bytes()));
    if written.is_err() {
        eprint!("{line}");
    }
}
