//! The state of the guest that the agent serves, shared by all sessions.

use crate::listeners::Listeners;
use crate::running::Running;
use crate::session::{lock, Output};
use crate::verbs::exec::resumable::Resumable;
use crate::verbs::exec::Attempts;
use crate::verbs::identity::Applied;
use crate::wire::frame::Kind;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What this agent supports, as in HELLO.
pub const FEATURES: [&str; 16] = [
    "exec", "shell", "sftp", "scp", "resume", "put", "get", "dial", "listen", "ports", "identity", "grow", "stats", "services", "settle", "poweroff",
];

/// Phase of the guest's start, as in HELLO.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phase {
    /// file systems are mounted, the image's init has not run
    Boot,
    Up,
}

/// Where the agent runs.
#[derive(Debug, PartialEq)]
pub enum Place {
    Vm,
    /// a VM that boots no image but reads a disk for the host
    Reader,
    /// `serve` on a host: the agent changes nothing but files below `root`
    Host { root: Option<PathBuf> },
}

/// The data disk.
pub struct Data {
    pub folder: File,
    pub device: PathBuf,
}

/// Pipes between this process and PID 1 during boot.
pub struct Handover {
    /// PID 1 writes a byte when the device nodes exist
    pub prepared: File,
    /// a byte tells PID 1 to start the image's init
    pub identified: File,
}

/// Shared by all connections; everything that changes is behind a lock.
pub struct Guest {
    pub place: Place,
    /// `systemd`, `none`, or another init's name
    pub init: String,
    pub data: Option<Data>,
    /// the VMM ends on a reset only: after a power-off it would keep running
    pub ends_by_reset: bool,
    pub connections: Connections,
    /// programs that were started in sessions
    pub running: Arc<Running>,
    /// those of them that another connection can resume
    pub resumable: Arc<Resumable>,
    pub listeners: Arc<Listeners>,
    pub identity: Mutex<Applied>,
    pub user_managers: Attempts,
    /// Some until PID 1 has been told to continue
    pub handover: Mutex<Option<Handover>>,
    state: Mutex<State>,
}

/// What `exec` uses where the request leaves it out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecDefaults {
    pub user: Option<Vec<u8>>,
    pub workdir: Option<Vec<u8>>,
}

struct State {
    exec_defaults: ExecDefaults,
    phase: Phase,
    generation: u64,
    /// the host will make copies of this VM
    is_template: bool,
    environment: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Guest {
    pub fn new(place: Place, init: &str, phase: Phase) -> Guest {
        let state = State { exec_defaults: ExecDefaults::default(), phase, generation: 0, is_template: false, environment: BTreeMap::new() };
        Guest {
            place,
            init: init.to_string(),
            data: None,
            ends_by_reset: false,
            connections: Connections::default(),
            running: Arc::default(),
            resumable: Arc::default(),
            listeners: Arc::default(),
            identity: Mutex::default(),
            user_managers: Attempts::default(),
            handover: Mutex::default(),
            state: Mutex::new(state),
        }
    }

    pub fn phase(&self) -> Phase {
        lock(&self.state).phase
    }

    pub fn generation(&self) -> u64 {
        lock(&self.state).generation
    }

    pub fn set_generation(&self, generation: u64) {
        lock(&self.state).generation = generation;
    }

    pub fn is_template(&self) -> bool {
        lock(&self.state).is_template
    }

    pub fn set_template(&self, is_template: bool) {
        lock(&self.state).is_template = is_template;
    }

    pub fn environment(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        lock(&self.state).environment.clone()
    }

    pub fn set_environment(&self, environment: BTreeMap<Vec<u8>, Vec<u8>>) {
        lock(&self.state).environment = environment;
    }

    pub fn exec_defaults(&self) -> ExecDefaults {
        lock(&self.state).exec_defaults.clone()
    }

    pub fn set_exec_defaults(&self, exec_defaults: ExecDefaults) {
        lock(&self.state).exec_defaults = exec_defaults;
    }

    /// Passes HELLO to `send`. The phase cannot change meanwhile, so the NOTICE of a change comes after HELLO.
    pub fn with_hello<T>(&self, send: impl FnOnce(Value) -> T) -> T {
        let state = lock(&self.state);
        // reading it makes the kernel generate it, which must not happen before the identity says whether this is a template
        let boot_id = match state.phase {
            Phase::Boot => String::new(),
            Phase::Up => std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        };
        send(json!({
            "protocol": 1,
            "agent": env!("CARGO_PKG_VERSION"),
            "phase": if state.phase == Phase::Boot { "boot" } else { "up" },
            "generation": state.generation,
            "init": self.init,
            "bootId": boot_id.trim(),
            "features": FEATURES,
        }))
    }

    /// Waits until PID 1 has created the device nodes; the guest must not be reported as ready before that.
    pub fn wait_until_prepared(&self) {
        if let Some(handover) = lock(&self.handover).as_mut() {
            let _ = handover.prepared.read(&mut [0]);
        }
    }

    /// The identity is in force: lets PID 1 continue, and enters phase `up`.
    pub fn hand_over(&self) {
        if let Some(mut handover) = lock(&self.handover).take() {
            let _ = handover.identified.write_all(&[1]);
        }
        self.mark_up();
    }

    /// Enters phase `up` and notifies every session.
    pub fn mark_up(&self) {
        let mut state = lock(&self.state);
        if state.phase != Phase::Up {
            state.phase = Phase::Up;
            self.connections.notice(&json!({ "notice": "up" }));
        }
    }

    /// Root folder of the files that `identity` writes; None where `identity` is not supported.
    pub fn root(&self) -> Option<&Path> {
        match &self.place {
            Place::Vm => Some(Path::new("/")),
            Place::Reader => None,
            Place::Host { root } => root.as_deref(),
        }
    }

    pub fn is_vm(&self) -> bool {
        self.place == Place::Vm
    }
}

/// All connections, each with a session or without.
#[derive(Default)]
pub struct Connections(Mutex<Vec<Arc<Output>>>);

impl Connections {
    pub fn add(&self, output: &Arc<Output>) {
        lock(&self.0).push(Arc::clone(output));
    }

    pub fn remove(&self, output: &Arc<Output>) {
        lock(&self.0).retain(|other| !Arc::ptr_eq(other, output));
    }

    /// Ends every session except `session`.
    pub fn end_others(&self, session: u64) {
        for output in lock(&self.0).iter() {
            output.abort_other(session, "the VM has another generation");
        }
    }

    /// Sends a NOTICE to every session; returns those that it was queued for.
    pub fn notice(&self, notice: &Value) -> Vec<(Arc<Output>, u64)> {
        let payload = notice.to_string();
        let deliver = |output: &Arc<Output>| {
            let session = output.send_to_current(Kind::Notice, payload.as_bytes())?;
            Some((Arc::clone(output), session))
        };
        lock(&self.0).iter().filter_map(deliver).collect()
    }
}
