//! One line on the console for whoever looks why a machine does not come up.

use std::fs::OpenOptions;
use std::io::Write;

pub fn log(text: &str) {
    let line = format!("banger-agent: {}\n", text.replace('\n', " "));
    // the terminal turns \n into \r\n by itself
    let written = OpenOptions::new().write(true).open("/dev/console").and_then(|mut console| console.write_all(line.as_bytes()));
    if written.is_err() {
        eprint!("{line}");
    }
}
