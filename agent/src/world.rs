//! What every verb may need to know: where the guest's root is, its phase, who is connected.

use crate::session::{Session, FEATURES};
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

pub struct World {
    /// `/`, or a folder where `identity` writes in tests
    pub root: PathBuf,
    /// `systemd`, `none`, or the name of another init
    pub init: String,
    /// mount point of the data disk; None on the host
    pub data: Option<File>,
    /// block device of the data disk
    pub data_device: Option<String>,
    /// true only in a VM: what changes the machine itself is served
    pub is_guest: bool,
    /// environment of every command, as `identity` set it
    pub environment: Mutex<BTreeMap<String, String>>,
    state: Mutex<State>,
}

struct State {
    up: bool,
    generation: u64,
    /// written once the identity is in force, to let the other half go on to the init
    go: Option<File>,
    session: Option<Arc<Session>>,
}

impl World {
    pub fn new(root: PathBuf, init: String, go: Option<File>) -> World {
        World {
            root,
            init,
            data: None,
            data_device: None,
            is_guest: false,
            environment: Mutex::default(),
            state: Mutex::new(State { up: go.is_none(), generation: 0, go, session: None }),
        }
    }

    pub fn hello(&self) -> Value {
        let state = self.state.lock().unwrap();
        json!({
            "protocol": 1,
            "agent": env!("CARGO_PKG_VERSION"),
            "phase": if state.up { "up" } else { "boot" },
            "generation": state.generation,
            "init": self.init,
            "bootId": std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim(),
            "features": FEATURES,
        })
    }

    pub fn is_up(&self) -> bool {
        self.state.lock().unwrap().up
    }

    pub fn generation(&self) -> u64 {
        self.state.lock().unwrap().generation
    }

    pub fn set_generation(&self, generation: u64) {
        self.state.lock().unwrap().generation = generation;
    }

    pub fn enter(&self, session: &Arc<Session>) {
        self.state.lock().unwrap().session = Some(session.clone());
    }

    pub fn leave(&self, session: &Arc<Session>) {
        let mut state = self.state.lock().unwrap();
        if state.session.as_ref().is_some_and(|present| Arc::ptr_eq(present, session)) {
            state.session = None;
        }
    }

    /// Lets the init run, once; told to whoever is connected.
    pub fn go_up(&self) {
        let mut state = self.state.lock().unwrap();
        if state.up {
            return;
        }
        state.up = true;
        drop(state.go.take());
        if let Some(session) = state.session.clone() {
            drop(state);
            session.notice(&json!({ "notice": "up" }));
        }
    }
}
