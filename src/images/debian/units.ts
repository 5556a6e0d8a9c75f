/** Which of the image's systemd units run. What only costs boot time in a virtual machine is taken away. */

/** Links that packages make when they are installed, and that the image does without: below `etc/systemd/system`. */
export const droppedLinks: ReadonlySet<string> = new Set([
  "sshd.service",
  // Started by their sockets instead.
  "multi-user.target.wants/ssh.service",
  "multi-user.target.wants/docker.service",
  "multi-user.target.wants/containerd.service",
  // Disks, consoles and firmware that the machine doesn't have.
  "multi-user.target.wants/e2scrub_reap.service",
  "multi-user.target.wants/remote-fs.target",
  "getty.target.wants/getty@tty1.service",
  "sysinit.target.wants/systemd-pstore.service",
  // Upkeep of machines that live for months.
  "timers.target.wants/apt-daily-upgrade.timer",
  "timers.target.wants/apt-daily.timer",
  "timers.target.wants/dpkg-db-backup.timer",
  "timers.target.wants/e2scrub_all.timer",
  "timers.target.wants/fstrim.timer",
]);

/** Units that others pull in by themselves; linked to `/dev/null`. */
export const maskedUnits: readonly string[] = [
  "getty.target",
  "serial-getty@.service",
  "console-getty.service",
  "systemd-networkd.service",
  "systemd-networkd-wait-online.service",
  "systemd-timesyncd.service",
];

/** Programs that systemd runs at each start to make units of what this machine doesn't have. */
export const maskedGenerators: readonly string[] = [
  "systemd-cryptsetup-generator",
  "systemd-getty-generator",
  "systemd-gpt-auto-generator",
  "systemd-hibernate-resume-generator",
  "systemd-integritysetup-generator",
  "systemd-veritysetup-generator",
];

/** Sockets that are listening after boot; their services start with the first connection. */
export const enabledSockets: readonly string[] = ["ssh.socket", "docker.socket"];
