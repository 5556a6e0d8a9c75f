/**
 * Which of the image's systemd units run at its start. What only costs boot time in a disposable virtual machine is not
 * wanted by any target any more; the units themselves stay, so that each can still be started by hand or on demand.
 */

/** `target.wants/unit` links of the packages that the image goes without, wherever systemd keeps them. */
const unwanted: ReadonlySet<string> = new Set([
  // Started by their sockets when somebody connects.
  "multi-user.target.wants/ssh.service",
  "multi-user.target.wants/docker.service",
  "multi-user.target.wants/containerd.service",
  "multi-user.target.wants/dbus.service",
  // Sessions, consoles, passwords typed at boot: the way in is the agent.
  "multi-user.target.wants/getty.target",
  "multi-user.target.wants/systemd-logind.service",
  "multi-user.target.wants/systemd-user-sessions.service",
  "multi-user.target.wants/systemd-ask-password-wall.path",
  "sysinit.target.wants/systemd-ask-password-console.path",
  "getty.target.wants/getty@tty1.service",
  "sysinit.target.wants/systemd-update-utmp.service",
  "multi-user.target.wants/systemd-update-utmp-runlevel.service",
  "graphical.target.wants/systemd-update-utmp-runlevel.service",
  "sockets.target.wants/systemd-initctl.socket",
  "sockets.target.wants/systemd-journald-audit.socket",
  // Disks, encryption and firmware that the machine doesn't have.
  "multi-user.target.wants/e2scrub_reap.service",
  "multi-user.target.wants/remote-fs.target",
  "sysinit.target.wants/systemd-pstore.service",
  "sysinit.target.wants/systemd-repart.service",
  "sysinit.target.wants/systemd-pcrphase.service",
  "sysinit.target.wants/systemd-pcrphase-sysinit.service",
  "sysinit.target.wants/cryptsetup.target",
  "sysinit.target.wants/integritysetup.target",
  "sysinit.target.wants/veritysetup.target",
  // File systems for few; each can be mounted when needed.
  "sysinit.target.wants/dev-hugepages.mount",
  "sysinit.target.wants/dev-mqueue.mount",
  "sysinit.target.wants/proc-sys-fs-binfmt_misc.automount",
  "sysinit.target.wants/sys-fs-fuse-connections.mount",
  "sysinit.target.wants/sys-kernel-config.mount",
  "sysinit.target.wants/sys-kernel-debug.mount",
  "sysinit.target.wants/sys-kernel-tracing.mount",
  "sysinit.target.wants/systemd-binfmt.service",
  // Done by the agent before systemd starts, or by a file of ours (device nodes).
  "sysinit.target.wants/systemd-firstboot.service",
  "sysinit.target.wants/systemd-machine-id-commit.service",
  "sysinit.target.wants/systemd-random-seed.service",
  "sysinit.target.wants/kmod-static-nodes.service",
  // The journal stays in memory.
  "sysinit.target.wants/systemd-journal-flush.service",
  // Upkeep of machines that live for months.
  "timers.target.wants/apt-daily-upgrade.timer",
  "timers.target.wants/apt-daily.timer",
  "timers.target.wants/dpkg-db-backup.timer",
  "timers.target.wants/e2scrub_all.timer",
  "timers.target.wants/fstrim.timer",
]);

/** True for a path below one of systemd's unit folders that is such a link. */
export function isUnwanted(name: string): boolean {
  const unit = /^(?:etc|(?:usr\/)?lib)\/systemd\/system\/([^/]+\.wants\/[^/]+)$/.exec(name)?.[1];
  return unit !== undefined && unwanted.has(unit);
}

/** Units that others pull in by themselves; linked to `/dev/null`. */
export const maskedUnits: readonly string[] = ["systemd-remount-fs.service"];

/** Programs that systemd runs at each start to make units of what this machine doesn't have. */
export const maskedGenerators: readonly string[] = [
  "systemd-cryptsetup-generator",
  "systemd-debug-generator",
  "systemd-getty-generator",
  "systemd-gpt-auto-generator",
  "systemd-hibernate-resume-generator",
  "systemd-integritysetup-generator",
  "systemd-run-generator",
  "systemd-system-update-generator",
  "systemd-veritysetup-generator",
];

/** Sockets that are listening after boot; their services start with the first connection. */
export const enabledSockets: readonly string[] = ["ssh.socket", "docker.socket"];
