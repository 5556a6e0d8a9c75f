//! Both sides, byte by byte.

use crate::testing::TempFolder;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

/// What it sends, and its status. `options`: without the path.
fn scp(options: &str, path: &Path, input: &[u8]) -> (String, ExitCode) {
    let mut output = Vec::new();
    let arguments = options.split(' ').map(Into::into).chain([path.into()]).collect();
    let status = super::run(arguments, input, &mut output);
    (String::from_utf8(output).unwrap(), status)
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_sink_takes_a_file_under_its_own_name_or_that_of_the_target() {
    let folder = TempFolder::new("scp-file");
    let input = b"C0666 5 sent\nhello\0";
    assert_eq!(scp("-t", &folder, input), ("\0\0\0".into(), ExitCode::SUCCESS));
    assert_eq!(scp("-v -t", &folder.join("other"), input), ("\0\0\0".into(), ExitCode::SUCCESS));
    for name in ["sent", "other"] {
        assert_eq!(fs::read(folder.join(name)).unwrap(), b"hello");
        assert_eq!(mode_of(&folder.join(name)), 0o644);
    }
    assert_eq!(scp("-t", &folder, b"C0755 0 sent\n\0").1, ExitCode::SUCCESS);
    assert_eq!((fs::read(folder.join("sent")).unwrap().len(), mode_of(&folder.join("sent"))), (0, 0o755));
}

#[test]
fn a_sink_takes_folders_with_modes_and_times() {
    let folder = TempFolder::new("scp-folders");
    let input = b"T100 0 200 0\nD0500 0 d\nT300 0 400 0\nC4711 1 f\nx\0D0777 0 e\nE\nE\nC0600 1 g\ny\0";
    assert_eq!(scp("-r -p -d -t", &folder, input), ("\0".repeat(11), ExitCode::SUCCESS));
    let found = fs::metadata(folder.join("d")).unwrap();
    assert_eq!((found.mode() & 0o7777, found.mtime(), found.atime()), (0o500, 100, 200));
    let file = fs::metadata(folder.join("d/f")).unwrap();
    assert_eq!((file.mode() & 0o7777, file.mtime(), file.atime()), (0o4711, 300, 400));
    assert_eq!((mode_of(&folder.join("d/e")), mode_of(&folder.join("g"))), (0o777, 0o600));
    fs::set_permissions(folder.join("d"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(scp("-r -t", &folder, b"D2777 0 new\nE\n").1, ExitCode::SUCCESS);
    assert_eq!(mode_of(&folder.join("new")) & 0o1777, 0o755);
}

#[test]
fn a_sink_refuses_names_that_leave_its_folder() {
    let folder = TempFolder::new("scp-names");
    fs::create_dir(folder.join("in")).unwrap();
    for name in ["", ".", "..", "../out", "/tmp/x", "a/b", "a/../../out"] {
        for input in [format!("C0644 1 {name}\nx\0"), format!("D0755 0 {name}\nC0644 1 out\nx\0E\n"), format!("D0755 0 d\nC0644 1 {name}\nx\0E\n")] {
            let (output, status) = scp("-r -t", &folder.join("in"), input.as_bytes());
            assert!(output.ends_with("\x02scp: unexpected filename\n"), "{input:?}: {output:?}");
            assert_eq!(status, ExitCode::FAILURE);
        }
    }
    assert_eq!(fs::read_dir(&*folder).unwrap().count(), 1);
}

#[test]
fn a_sink_ends_at_what_is_not_the_protocol() {
    let folder = TempFolder::new("scp-garbage");
    for input in ["X\n", "C0644 1\n", "E\n", "D0755 0 d\nE x\n", "T1 2\n", "\n", "C0644 5 cut\nhe", "no line end", "C0644 1 f\nx\x07", "\x02away\n"] {
        assert_eq!(scp("-r -t", &folder, input.as_bytes()).1, ExitCode::FAILURE, "{input:?}");
    }
    let long = [b"C0644 1 ".as_slice(), &vec![b'a'; 100_000], b"\nx\0"].concat();
    assert_eq!(scp("-t", &folder, &long).1, ExitCode::FAILURE);
    assert!(scp("-t", &folder, b"D0755 0 d\nE\n").0.contains("\x02scp: a folder without -r"));
    assert!(scp("-d -t", &folder.join("none"), b"").0.starts_with("\x02scp: "));
    let deep = b"D0755 0 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".repeat(1000);
    let (output, status) = scp("-r -t", &folder, &deep);
    assert!(output.contains("File name too long") && status == ExitCode::FAILURE);
}

#[test]
fn a_sink_reports_a_file_that_it_cannot_write_and_goes_on() {
    let folder = TempFolder::new("scp-report");
    fs::create_dir(folder.join("taken")).unwrap();
    let (output, status) = scp("-t", &folder, b"C0644 3 taken\nC0644 1 f\nx\0");
    assert_eq!(output, format!("\0\x01scp: {}/taken: Is a directory\n\0\0", folder.display()));
    assert_eq!((status, fs::read(folder.join("f")).unwrap()), (ExitCode::FAILURE, b"x".to_vec()));
    // the client could not read its file: it says so after the content
    assert_eq!(scp("-t", &folder, b"C0644 1 f\n\0\x01scp: f: I/O error\n").1, ExitCode::FAILURE);
}

#[test]
fn a_source_sends_a_file_with_its_mode_and_times() {
    let folder = TempFolder::new("scp-source");
    let path = folder.join("f");
    fs::write(&path, "hello").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(scp("-f", &path, &[0; 3]), ("C0640 5 f\nhello\0".into(), ExitCode::SUCCESS));
    crate::sys::path::set_times(&path, (20, 10), true).unwrap();
    assert_eq!(scp("-p -f", &path, &[0; 4]), ("T10 0 20 0\nC0640 5 f\nhello\0".into(), ExitCode::SUCCESS));
    // the client does not take it
    assert_eq!(scp("-f", &path, b"\0\x01no\n"), ("C0640 5 f\n".into(), ExitCode::FAILURE));
    assert_eq!(scp("-f", &path, b"\0\x02no\n").1, ExitCode::FAILURE);
}

#[test]
fn a_source_sends_a_folder_and_follows_links() {
    let folder = TempFolder::new("scp-tree");
    let top = folder.join("d");
    fs::create_dir(&top).unwrap();
    fs::create_dir(top.join("e")).unwrap();
    fs::write(top.join("e/f"), "x").unwrap();
    symlink("f", top.join("e/l")).unwrap();
    let (output, status) = scp("-r -f", &top.join(""), &[0; 20]);
    let tails = ["C0644 1 f\nx\0C0644 1 l\nx\0", "C0644 1 l\nx\0C0644 1 f\nx\0"].map(|files| format!("D0755 0 d\nD0755 0 e\n{files}E\nE\n"));
    assert!(tails.contains(&output), "{output:?}");
    assert_eq!(status, ExitCode::SUCCESS);
    let (output, status) = scp("-f", &top, &[0; 20]);
    assert_eq!((output, status), (format!("\x01scp: {}: not a regular file\n", top.display()), ExitCode::FAILURE));
}

#[test]
fn a_source_reports_what_it_cannot_send_and_goes_on() {
    let folder = TempFolder::new("scp-odd");
    let top = folder.join("d");
    fs::create_dir(&top).unwrap();
    symlink("nowhere", top.join("broken")).unwrap();
    symlink(".", top.join("round")).unwrap();
    assert!(scp("-f", &folder.join("none"), &[0; 4]).0.ends_with("No such file or directory\n"));
    let (output, status) = scp("-r -f", &top, &[0; 20_000]);
    assert!(output.contains("broken: No such file or directory\n") && output.contains("Too many levels of symbolic links\n"));
    assert_eq!(status, ExitCode::FAILURE);
    let odd = folder.join(std::ffi::OsStr::from_bytes(b"a\nb"));
    fs::write(&odd, "x").unwrap();
    assert!(scp("-f", &odd, &[0; 4]).0.contains("its name has a line break"));
    let fifo = std::ffi::CString::new(top.join("fifo").as_os_str().as_bytes()).unwrap();
    crate::sys::open::make_node(libc::AT_FDCWD, fifo.to_bytes(), libc::S_IFIFO | 0o600, 0).unwrap();
    assert!(scp("-f", &top.join("fifo"), &[0; 4]).0.ends_with("not a regular file\n"));
}

#[test]
fn the_protocols_files_of_the_kernel_have_no_size_and_are_sent_as_empty() {
    assert_eq!(scp("-f", Path::new("/proc/version"), &[0; 3]), ("C0444 0 version\n\0".into(), ExitCode::SUCCESS));
}
