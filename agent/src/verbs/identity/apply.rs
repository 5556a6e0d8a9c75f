//! Applies one identity.

use super::request::Request;
use super::{certificates, environment, journal, keys, machine, names, network, Applied};
use crate::guest::{Guest, Phase};
use crate::sys::{device, errno_name};
use crate::wire::json::{Answer, Refusal};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The request, and the state that it changes.
pub struct Apply<'a> {
    request: &'a Request,
    guest: &'a Guest,
    root: &'a Path,
    applied: &'a mut Applied,
    /// a new generation: what the request leaves out is unset
    pub is_new: bool,
    /// a new generation in phase `up`: this guest is a copy of the VM that had the previous one
    is_copy: bool,
    /// what failed, and why
    skipped: Vec<String>,
}

impl<'a> Apply<'a> {
    pub fn new(request: &'a Request, guest: &'a Guest, root: &'a Path, applied: &'a mut Applied) -> Apply<'a> {
        let is_new = request.generation > guest.generation();
        let is_copy = is_new && guest.phase() == Phase::Up;
        Apply { request, guest, root, applied, is_new, is_copy, skipped: Vec::new() }
    }

    /// Returns what was skipped. A failure of entropy, clock or network is a refusal, because the VM is of no use without them.
    pub fn run(mut self, session: u64) -> Answer<Vec<String>> {
        if self.guest.is_vm() {
            self.reseed()?;
        }
        if self.is_copy {
            self.guest.connections.end_others(session);
            self.guest.resumable.invalidate_others(session);
            self.guest.running.end_others(session);
        }
        if self.guest.is_vm() {
            self.name_kernel();
            self.connect()?;
            self.number_boot();
            self.prepare_journal();
        }
        self.write_names();
        self.write_number();
        self.write_keys();
        self.write_certificates();
        self.write_environment();
        self.set_exec_defaults();
        Ok(self.skipped)
    }

    fn attempt(&mut self, what: &str, result: io::Result<()>) {
        if let Err(error) = result {
            self.skipped.push(format!("{what}: {}", errno_name(&error)));
        }
    }

    /// Comes first, before anything asks for a random number or the time.
    fn reseed(&self) -> Answer<()> {
        if let Some(entropy) = &self.request.entropy {
            device::add_entropy(entropy).map_err(|error| Refusal::io("entropy", &error))?;
        }
        if let Some((seconds, nanos)) = self.request.clock {
            device::set_clock(seconds, nanos).map_err(|error| Refusal::io("clock", &error))?;
        }
        Ok(())
    }

    fn name_kernel(&mut self) {
        if let Some(hostname) = &self.request.hostname {
            self.attempt("hostname", device::set_hostname(hostname));
        }
    }

    fn connect(&mut self) -> Answer<()> {
        let Some(network) = &self.request.network else { return Ok(()) };
        let configured = self.applied.interface.configure(network, self.is_new);
        configured.map_err(|error| Refusal::io("network", &error))
    }

    fn number_boot(&mut self) {
        let boot_id = &mut self.applied.boot_id;
        let result = match self.guest.phase() {
            Phase::Boot if self.request.template => boot_id.cover(self.guest.init == "systemd"),
            Phase::Up if self.is_copy && !self.request.keep_boot_id => boot_id.renew(),
            _ => Ok(()),
        };
        self.attempt("boot id", result);
    }

    /// Only in a template.
    fn prepare_journal(&mut self) {
        if self.request.template && self.guest.init == "systemd" && self.guest.phase() == Phase::Boot {
            self.attempt("journald's settings", journal::prepare());
        }
    }

    fn write_names(&mut self) {
        if let Some(hostname) = &self.request.hostname {
            self.attempt("hostname", names::write_hostname(self.root, hostname, self.request.host_address));
        }
        if let Some(network) = &self.request.network {
            self.attempt("resolv.conf", network::write_resolver(self.root, network));
        }
        if self.is_new {
            self.attempt("random seed", machine::renew_seed(self.root));
        }
    }

    /// Writes the machine-id. journald has read it, and the boot id, when it started.
    fn write_number(&mut self) {
        let before = self.is_copy.then(|| machine::current_id(self.root)).flatten();
        let mut is_other = !self.request.keep_boot_id;
        if let Some(id) = &self.request.machine_id {
            self.attempt("machine-id", machine::write(self.root, id));
            if let Some(before) = before.as_ref().filter(|before| *before != id) {
                self.attempt("journal", machine::refile_journal(self.root, before, id));
                is_other = true;
            }
        }
        if let Some(before) = before.filter(|_| is_other) {
            self.applied.deferred.restart_journald(before);
        }
    }

    fn write_keys(&mut self) {
        if let Some(lines) = &self.request.authorized_keys {
            self.attempt("authorized keys", keys::authorize(self.root, lines));
        }
        self.attempt("host keys", keys::write_host_keys(self.root, &self.request.host_keys));
        if self.is_copy && self.guest.is_vm() && !self.request.host_keys.is_empty() {
            keys::reload_sshd();
        }
    }

    fn write_environment(&mut self) {
        let requested = match &self.request.environment {
            Some(environment) => environment.clone(),
            None if self.is_new => environment::Variables::new(),
            None => return,
        };
        let mut now = certificates::variables(self.root, &self.applied.certificates);
        for (name, value) in requested {
            now.insert(name, value);
        }
        if self.applied.environment.as_ref() == Some(&now) {
            return;
        }
        let before = self.applied.environment.replace(now.clone()).unwrap_or_default();
        self.attempt("environment", environment::write(self.root, &now));
        if self.guest.is_vm() && self.guest.init == "systemd" && self.guest.phase() == Phase::Up {
            self.attempt("environment of services", environment::update_manager(&before, &now));
            if environment::removed(&before, &now).next().is_some() {
                self.applied.deferred.reload_systemd();
            }
            self.applied.deferred.update_root_manager(before);
        }
        self.guest.set_environment(now);
    }

    fn write_certificates(&mut self) {
        let now = match &self.request.certificates {
            Some(certificates) => certificates.clone(),
            None if self.is_new => Vec::new(),
            None => return,
        };
        let before = std::mem::take(&mut self.applied.certificates);
        if self.guest.phase() == Phase::Boot || before != now {
            self.attempt("certificates", certificates::trust(self.root, &before, &now));
        }
        self.applied.certificates = now;
    }

    fn set_exec_defaults(&mut self) {
        let Some(defaults) = self.request.exec_defaults.clone().or(self.is_new.then(Default::default)) else { return };
        // as in container engines: if the folder can't be created, the first exec reports it
        if let Some(workdir) = &defaults.workdir {
            let below: &[u8] = &workdir[workdir.iter().take_while(|byte| **byte == b'/').count()..];
            let _ = fs::create_dir_all(self.root.join(OsStr::from_bytes(below)));
        }
        self.guest.set_exec_defaults(defaults);
    }
}
