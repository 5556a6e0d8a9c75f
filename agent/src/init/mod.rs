//! The agent as `/init` of the initramfs: `protocol/agent.md`, "Boot".

mod devices;
mod handover;
mod mounts;
mod words;

use crate::line::{Line, Port};
use crate::session::serve_line;
use crate::sys::process::{fork, Forked};
use crate::sys::{argv0, mount, power, process, signal};
use crate::world::World;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use words::Words;

/// without an identity by then the guest goes on with what it has
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(30);

/// PID 1 of the initramfs; never comes back.
pub fn run() -> ! {
    if let Err(why) = boot() {
        eprintln!("banger-agent: {why}");
        say(&why);
    }
    power::end_machine(power::Power::Off);
    loop {
        std::thread::park();
    }
}

/// One line on the console, whatever stderr is.
fn say(text: &str) {
    let _ = std::fs::write("/dev/console", format!("banger-agent: {text}\n"));
}

fn at<T>(what: &str, result: io::Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

fn boot() -> Result<(), String> {
    mounts::early()?;
    let words = Words::parse(&at("kernel command line", std::fs::read_to_string("/proc/cmdline"))?);
    let watch = at("uevents", devices::Watch::new())?;
    devices::load_modules()?;
    let found = watch.find(&words)?;
    let (data, init) = mounts::make_root(&words, &found)?;
    mounts::enter(&found)?;
    let (mut gate, go) = at("pipe", crate::sys::poll::pipe())?;
    match at("fork", fork())? {
        Forked::Child => {
            drop(gate);
            let mut world = World::new(PathBuf::from("/"), init.name.clone(), Some(go));
            world.is_guest = true;
            world.data = Some(data);
            world.data_device = Some(found.data.clone());
            serve(world, &found.port);
        }
        Forked::Parent => {
            drop((go, data));
            // ends when the identity is in force, or when the serving half is gone
            let _ = gate.read(&mut [0]);
            drop(gate);
            handover::run(init)
        }
    }
}

fn serve(world: World, port: &str) -> ! {
    signal::block(&[libc::SIGIO]);
    process::new_session();
    argv0::spare_at_shutdown();
    let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
    let world = Arc::new(world);
    let late = world.clone();
    let _ = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        std::thread::sleep(IDENTITY_TIMEOUT);
        late.go_up();
    });
    match Port::open(port) {
        Ok(line) => {
            let line: Arc<dyn Line> = Arc::new(line);
            serve_line(&world, &line);
            say("the line to the host is broken");
        }
        Err(error) => say(&format!("{port}: {error}")),
    }
    world.go_up();
    loop {
        std::thread::park();
    }
}

/// Copies the running program to `path`.
fn copy_self(path: &str) -> io::Result<()> {
    let mut from = File::open("/proc/self/exe")?;
    let mut to = File::create(path)?;
    io::copy(&mut from, &mut to)?;
    use std::os::unix::fs::PermissionsExt;
    to.set_permissions(std::fs::Permissions::from_mode(0o755))
}

/// Ends the machine in an orderly way; for the half that is PID 1 itself.
fn end_in_order(power: power::Power) -> ! {
    let _ = signal::kill(-1, libc::SIGTERM);
    let _ = signal::kill(-1, libc::SIGCONT);
    // what has ended by itself is reaped meanwhile; nobody left means that there is nothing to wait for
    for _ in 0..40 {
        process::reap_all();
        if signal::kill(-1, 0).is_err() || !handover::has_children() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = signal::kill(-1, libc::SIGKILL);
    mount::sync();
    power::end_machine(power);
    loop {
        std::thread::park();
    }
}
