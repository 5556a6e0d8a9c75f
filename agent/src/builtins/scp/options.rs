//! What the client's scp asks for.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Source,
    Sink,
}

#[derive(Debug, PartialEq)]
pub struct Options {
    pub mode: Mode,
    pub recursive: bool,
    /// keep modes and times
    pub preserve: bool,
    /// the sink's target must be a folder
    pub into_folder: bool,
    pub paths: Vec<PathBuf>,
}

impl Options {
    /// Letters can be in one word, as libssh2 sends them. None: not what a client's scp asks for.
    pub fn parse(arguments: Vec<OsString>) -> Option<Options> {
        let mut options = Options { mode: Mode::Sink, recursive: false, preserve: false, into_folder: false, paths: Vec::new() };
        let mut mode = None;
        let mut words = arguments.into_iter().peekable();
        while let Some(word) = words.next_if(|word| word.len() > 1 && word.as_bytes()[0] == b'-') {
            if word == "--" {
                break;
            }
            for letter in &word.as_bytes()[1..] {
                match letter {
                    b'f' => mode = Some(Mode::Source),
                    b't' => mode = Some(Mode::Sink),
                    b'r' => options.recursive = true,
                    b'p' => options.preserve = true,
                    b'd' => options.into_folder = true,
                    b'q' | b'v' => {}
                    _ => return None,
                }
            }
        }
        options.mode = mode?;
        options.paths = words.map(PathBuf::from).collect();
        let is_complete = match options.mode {
            Mode::Source => !options.paths.is_empty(),
            Mode::Sink => options.paths.len() == 1,
        };
        is_complete.then_some(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Option<Options> {
        Options::parse(words.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn a_sink_has_one_target_and_a_source_some_files() {
        let options = parse("-v -r -p -d -t -- -odd").unwrap();
        assert_eq!((options.mode, options.recursive, options.preserve, options.into_folder), (Mode::Sink, true, true, true));
        assert_eq!(options.paths, [PathBuf::from("-odd")]);
        assert_eq!(parse("-pf a b").unwrap().paths.len(), 2);
        assert_eq!(parse("-t -").unwrap().paths, [PathBuf::from("-")]);
        for bad in ["-t", "-t a b", "-f", "a b", "-r a", "-x -t a", "-t a -r"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
