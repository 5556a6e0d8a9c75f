//! `exec`: a command with pipes or on a terminal, or detached with a log.

use super::output::{pump_pipe, pump_terminal, Finish};
use super::{bad, io_refused, number, pairs, text, texts, Refused};
use crate::stream::Stream;
use crate::sys::{poll, process, signal, tty};
use crate::users::{self, User};
use crate::world::World;
use serde_json::{json, Value};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MAX_ARGS: usize = 4096;
/// how long a command may live on after its line dropped
const HANGUP_GRACE: Duration = Duration::from_secs(5);

pub fn exec(world: &Arc<World>, stream: &Arc<Stream>, request: &Value) -> Result<(), Refused> {
    let user = users::find(&world.root, text(request, "user")?.unwrap_or("root"))
        .ok_or_else(|| ("no_user", format!("there is no user {}", request["user"])))?;
    let size = terminal_size(request)?;
    let mut command = command_of(world, request, &user, size.is_some())?;
    if !request["detach"].is_null() {
        return detached(stream, &request["detach"], command, user);
    }
    match size {
        Some((cols, rows)) => on_terminal(stream, &mut command, user, cols, rows),
        None => on_pipes(stream, &mut command, user),
    }
}

fn terminal_size(request: &Value) -> Result<Option<(u16, u16)>, Refused> {
    let size = &request["tty"];
    if size.is_null() {
        return Ok(None);
    }
    let side = |name| number(size, name, 10_000).map(|n| n.unwrap_or(0) as u16);
    Ok(Some((side("cols")?, side("rows")?)))
}

fn command_of(world: &World, request: &Value, user: &User, terminal: bool) -> Result<Command, Refused> {
    let argv = texts(request, "argv", MAX_ARGS)?;
    let shell = request["shell"].as_bool().unwrap_or(false);
    let mut command = match argv.split_first() {
        None if shell => login_shell(user),
        Some((program, arguments)) if !shell && !program.is_empty() => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
        _ => return Err(bad("give argv or shell")),
    };
    set_environment(&mut command, world, request, user, terminal)?;
    command.current_dir(working_folder(request, user)?);
    Ok(command)
}

/// The user's shell, told by a `-` before its name that it is a login shell: bash(1), INVOCATION.
fn login_shell(user: &User) -> Command {
    let candidates = [user.shell.as_str(), "/bin/bash", "/bin/sh"];
    let path = candidates.into_iter().find(|path| Path::new(path).is_file()).unwrap_or("/bin/sh");
    let mut command = Command::new(path);
    command.arg0(format!("-{}", path.rsplit('/').next().unwrap_or("sh")));
    command
}

fn set_environment(command: &mut Command, world: &World, request: &Value, user: &User, terminal: bool) -> Result<(), Refused> {
    let shell = if user.shell.is_empty() { "/bin/sh" } else { &user.shell };
    command.env_clear();
    command.envs([("PATH", PATH), ("LANG", "C.UTF-8"), ("SHELL", shell)]);
    command.envs([("HOME", &user.home), ("USER", &user.name), ("LOGNAME", &user.name)]);
    if terminal {
        command.env("TERM", "xterm-256color");
    }
    command.envs(world.environment.lock().unwrap().iter());
    command.envs(pairs(request, "env")?);
    Ok(())
}

fn working_folder(request: &Value, user: &User) -> Result<String, Refused> {
    match text(request, "cwd")? {
        Some(folder) if Path::new(folder).is_dir() => Ok(folder.to_string()),
        Some(folder) => Err(("bad_cwd", format!("{folder} is no folder"))),
        None if Path::new(&user.home).is_dir() => Ok(user.home.clone()),
        None => Ok("/".to_string()),
    }
}

/// 126 and 127 of the shell, told apart by what exec said.
fn start_refused(command: &Command, error: &io::Error) -> Refused {
    let program = command.get_program().to_string_lossy().into_owned();
    let code = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => "not_found",
        Some(libc::EACCES | libc::ENOEXEC | libc::EISDIR | libc::ETXTBSY | libc::ELIBBAD) => "not_executable",
        _ => return io_refused(&program, error),
    };
    // a script whose interpreter is missing exists, but can't be executed
    let exists = program.contains('/') && Path::new(&program).exists();
    (if exists { "not_executable" } else { code }, format!("{program}: {error}"))
}

fn detached(stream: &Arc<Stream>, detach: &Value, mut command: Command, user: User) -> Result<(), Refused> {
    let path = text(detach, "log")?.ok_or_else(|| bad("detach needs a log"))?;
    if let Some(folder) = Path::new(path).parent() {
        std::fs::create_dir_all(folder).map_err(|error| io_refused(path, &error))?;
    }
    let log = File::options().create(true).append(true).open(path).map_err(|error| io_refused(path, &error))?;
    let copy = log.try_clone().map_err(|error| io_refused(path, &error))?;
    command.stdin(Stdio::null()).stdout(copy).stderr(log);
    process::prepare(&mut command, user.ids, false);
    let mut child = command.spawn().map_err(|error| start_refused(&command, &error))?;
    stream.accept(json!({ "pid": child.id() }));
    stream.close();
    let _ = child.wait();
    Ok(())
}

fn on_pipes(stream: &Arc<Stream>, command: &mut Command, user: User) -> Result<(), Refused> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    process::prepare(command, user.ids, false);
    let mut child = command.spawn().map_err(|error| start_refused(command, &error))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let over = Finish::new().map_err(|error| io_refused("pipe", &error))?;
    stream.accept(json!({ "pid": child.id() }));
    let running = Running::watch(stream, &child, None);
    let mut pumps = Vec::new();
    if let Some(out) = stdout {
        pumps.push(pump_pipe(stream, 1, OwnedFd::from(out), &over));
    }
    if let Some(err) = stderr {
        pumps.push(pump_pipe(stream, 2, OwnedFd::from(err), &over));
    }
    if let Some(input) = stdin {
        feed(stream, File::from(OwnedFd::from(input)), &over);
    }
    let status = child.wait();
    running.ended();
    over.finish();
    for pump in pumps.into_iter().flatten() {
        let _ = pump.join();
    }
    stream.end_of(1);
    stream.end_of(2);
    report(stream, status);
    Ok(())
}

fn on_terminal(stream: &Arc<Stream>, command: &mut Command, user: User, cols: u16, rows: u16) -> Result<(), Refused> {
    let terminal = |error: io::Error| io_refused("terminal", &error);
    let (master, slave) = tty::open_pty(cols, rows).map_err(terminal)?;
    command.stdin(slave.try_clone().map_err(terminal)?).stdout(slave.try_clone().map_err(terminal)?).stderr(slave);
    process::prepare(command, user.ids, true);
    let mut child = command.spawn().map_err(|error| start_refused(command, &error))?;
    // our copies of the slave would keep the terminal open
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let over = Finish::new().map_err(terminal)?;
    let input = master.try_clone().map_err(terminal)?;
    let control = master.try_clone().map_err(terminal)?;
    stream.accept(json!({ "pid": child.id() }));
    let running = Running::watch(stream, &child, Some(control));
    let output = pump_terminal(stream, master, &over);
    feed(stream, input, &over);
    let status = child.wait();
    running.ended();
    over.finish();
    if let Some(output) = output {
        let _ = output.join();
    }
    stream.end_of(1);
    stream.end_of(2);
    report(stream, status);
    Ok(())
}

/// Input from the host, until it ends or the command does. What nobody reads is dropped.
fn feed(stream: &Arc<Stream>, mut to: File, over: &Finish) {
    let (stream, over) = (stream.clone(), over.reader());
    let body = move || {
        if poll::set_nonblocking(&to).is_err() {
            return;
        }
        let mut buffer = vec![0u8; 32 * 1024];
        let mut broken = false;
        while let Ok(count @ 1..) = stream.read_input(&mut buffer) {
            broken = broken || write_all(&mut to, &buffer[..count], over.as_raw_fd()).is_err();
        }
    };
    let _ = std::thread::Builder::new().stack_size(64 * 1024).spawn(body);
}

fn write_all(to: &mut File, mut data: &[u8], over: RawFd) -> io::Result<()> {
    while !data.is_empty() {
        match to.write(data) {
            Ok(count) => data = &data[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if poll::either(to.as_raw_fd(), poll::WRITE, over, -1)? != poll::Ready::First {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn report(stream: &Stream, status: io::Result<ExitStatus>) {
    match status {
        Ok(status) => match status.signal() {
            Some(number) => {
                let name = signal::name_of(number);
                let dumped = status.core_dumped();
                stream.event(&json!({ "event": "exit", "signal": name, "number": number, "coreDumped": dumped }));
            }
            None => stream.event(&json!({ "event": "exit", "code": status.code().unwrap_or(255) })),
        },
        Err(error) => return stream.close_error("io", &error.to_string()),
    }
    stream.close();
}

/// A command that runs: takes the host's signals, and is hung up when its stream is over.
struct Running {
    pid: Arc<Mutex<Option<i32>>>,
}

impl Running {
    fn watch(stream: &Arc<Stream>, child: &Child, terminal: Option<File>) -> Running {
        let pid = Arc::new(Mutex::new(Some(child.id() as i32)));
        let for_hangup = pid.clone();
        stream.when_over(move || hang_up(&for_hangup));
        let (stream, for_events) = (stream.clone(), pid.clone());
        let body = move || {
            while let Some(event) = stream.next_event() {
                take_event(&event, &for_events, terminal.as_ref());
            }
        };
        let _ = std::thread::Builder::new().stack_size(64 * 1024).spawn(body);
        Running { pid }
    }

    /// Its pid may belong to another from now on.
    fn ended(&self) {
        self.pid.lock().unwrap().take();
    }
}

fn take_event(event: &Value, pid: &Mutex<Option<i32>>, terminal: Option<&File>) {
    let Some(leader) = *pid.lock().unwrap() else { return };
    match (event["event"].as_str(), terminal) {
        (Some("resize"), Some(master)) => {
            let side = |name: &str| event[name].as_u64().unwrap_or(0).min(10_000) as u16;
            let _ = tty::resize(master.as_raw_fd(), side("cols"), side("rows"));
        }
        (Some("signal"), _) => {
            let Some(number) = event["signal"].as_str().and_then(signal::number_of) else { return };
            let foreground = terminal.and_then(|master| tty::foreground_group(master.as_raw_fd()).ok());
            let group = foreground.filter(|group| *group > 0).unwrap_or(leader);
            let _ = signal::kill(-group, number);
        }
        _ => {}
    }
}

fn hang_up(pid: &Arc<Mutex<Option<i32>>>) {
    let Some(leader) = *pid.lock().unwrap() else { return };
    let _ = signal::kill(-leader, libc::SIGHUP);
    let _ = signal::kill(-leader, libc::SIGCONT);
    let pid = pid.clone();
    let body = move || {
        std::thread::sleep(HANGUP_GRACE);
        if let Some(leader) = *pid.lock().unwrap() {
            let _ = signal::kill(-leader, libc::SIGKILL);
        }
    };
    let _ = std::thread::Builder::new().stack_size(64 * 1024).spawn(body);
}
