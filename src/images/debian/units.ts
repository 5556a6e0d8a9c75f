/**
 * Which of the image's systemd units run at boot. Units that only cost boot time in a disposable VM are removed from
 * their targets; they stay installed and can be started by hand or on demand.
 */

/** `target.wants/unit` links that are removed from the image, in any of systemd's unit folders. */
const unwanted: ReadonlySet<string> = new Set([
  // Started by their sockets on the first connection.
  "multi-user.target.wants/ssh.service",
  "multi-user.target.wants/docker.service",
  "multi-user.target.wants/containerd.service",
  "multi-user.target.wants/dbus.service",
  // Logins, consoles, passwords typed at boot: users enter through the agent.
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
  // Disks, encryption and firmware that a VM does not have.
  "multi-user.target.wants/e2scrub_reap.service",
  "multi-user.target.wants/remote-fs.target",
  "sysinit.target.wants/systemd-pstore.service",
  "sysinit.target.wants/systemd-repart.service",
  "sysinit.target.wants/systemd-pcrphase.service",
  "sysinit.target.wants/systemd-pcrphase-sysinit.service",
  "sysinit.target.wants/cryptsetup.target",
  "sysinit.target.wants/integritysetup.target",
  "sysinit.target.wants/veritysetup.target",
  // Rarely used file systems; each can be mounted when needed.
  "sysinit.target.wants/dev-hugepages.mount",
  "sysinit.target.wants/dev-mqueue.mount",
  "sysinit.target.wants/proc-sys-fs-binfmt_misc.automount",
  "sysinit.target.wants/sys-fs-fuse-connections.mount",
  "sysinit.target.wants/sys-kernel-config.mount",
  "sysinit.target.wants/sys-kernel-debug.mount",
  "sysinit.target.wants/sys-kernel-tracing.mount",
  "sysinit.target.wants/systemd-binfmt.service",
  // Done by the agent before systemd starts, or by our tmpfiles.d file (device nodes).
  "sysinit.target.wants/systemd-firstboot.service",
  "sysinit.target.wants/systemd-machine-id-commit.service",
  "sysinit.target.wants/systemd-random-seed.service",
  "sysinit.target.wants/kmod-static-nodes.service",
  // The journal stays in memory.
  "sysinit.target.wants/systemd-journal-flush.service",
  // Maintenance of long-lived machines.
  "timers.target.wants/apt-daily-upgrade.timer",
  "timers.target.wants/apt-daily.timer",
  "timers.target.wants/dpkg-db-backup.timer",
  "timers.target.wants/e2scrub_all.timer",
  "timers.target.wants/fstrim.timer",
]);

/** True for such a link in any of systemd's unit folders. */
export function isUnwanted(name: string): boolean {
  const unit = /^(?:etc|(?:usr\/)?lib)\/systemd\/system\/([^/]+\.wants\/[^/]+)$/.exec(name)?.[1];
  return unit !== undefined && unwanted.has(unit);
}

/** Units that others pull in; linked to `/dev/null`. */
export const maskedUnits: readonly string[] = ["systemd-remount-fs.service"];

/** Generators that systemd runs at each boot for things that a VM does not have. */
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

/** Sockets that listen after boot; their services start on the first connection. */
export const enabledSockets: readonly string[] = ["ssh.socket", "docker.socket"];
