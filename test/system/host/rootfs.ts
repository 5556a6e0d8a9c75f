/** The system test host's root: Debian with systemd, from packages, kept as a folder that is only ever read. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootstrap } from "../../hosts/bootstrap.ts";
import { kept, keyOf } from "../../hosts/kept.ts";
import { versionsOfToday } from "../../hosts/versions.ts";

/** What a Debian server has, what `scripts/setup` would install, and what the tests look at the host with. */
const packages: readonly string[] = [
  ...["systemd", "systemd-sysv", "systemd-resolved", "libnss-resolve", "dbus", "udev", "sudo"],
  ...[
    "procps",
    "kmod",
    "qemu-system-x86",
    "passt",
    "e2fsprogs",
    "iproute2",
    "nftables",
    "openssh-client",
    "ca-certificates",
  ],
  ...["squashfs-tools", "uidmap", "git", "xz-utils", "zstd"],
  ...["iptables", "curl", "bind9-dnsutils", "iperf3", "python3-minimal", "strace"],
];

/** Packages whose version decides what is tested. */
const decisive: readonly string[] = ["systemd", "nftables", "qemu-system-x86", "passt"];

/** Who banger is installed for; not in the group kvm. `sudo` asks for no password. */
export const owner = { name: "owner", uid: 1000 } as const;
/** Another user, without any rights. */
export const other = { name: "other", uid: 1001 } as const;

/** What the host says on its console once it is up. */
export const upMark = "test host: up";

/** Other firewalls, none of which runs until a test starts it. */
const firewalls = {
  packages: ["ufw", "firewalld", "docker.io"],
  units: ["ufw", "firewalld", "docker.socket", "docker"],
};

/** Path of the tree. @throws when the archive is out of reach and none was made before */
export async function ensureRoot({ hasFirewalls = false } = {}): Promise<string> {
  const versions = await versionsOfToday("system", decisive);
  const all = [...packages, ...(hasFirewalls ? firewalls.packages : [])];
  const folder = await kept(`system-root-${keyOf([...versions, ...all], [import.meta.path])}`, (making) =>
    make(making, all, hasFirewalls ? firewalls.units : []),
  );
  return join(folder, "root");
}

async function make(folder: string, all: readonly string[], disabled: readonly string[]): Promise<void> {
  const root = join(folder, "root");
  mkdirSync(root, { mode: 0o755 });
  await bootstrap(all, ["tar", "--numeric-owner", "--xattrs", "-xpf", "-", "-C", root], folder);
  inRoot(root, ["groupadd", "--system", "--force", "kvm"]);
  for (const { name, uid } of [owner, other])
    inRoot(root, ["useradd", "--create-home", "--shell=/bin/bash", `--uid=${uid}`, name]);
  put(root, "etc/sudoers.d/owner", `${owner.name} ALL=(ALL:ALL) NOPASSWD: ALL\n`, 0o440);
  put(root, "etc/hostname", "testhost\n");
  put(root, "etc/hosts", "127.0.0.1 localhost testhost\n");
  inRoot(root, ["systemctl", "mask", "--quiet", "console-getty.service", ...periodic]);
  if (disabled.length > 0) inRoot(root, ["systemctl", "disable", "--quiet", ...disabled]);
  put(root, "etc/systemd/system/test-host-up.service", upUnit);
  inRoot(root, ["systemctl", "enable", "--quiet", "test-host-up.service"]);
}

/** What would run at some moment of a test. */
const periodic = ["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"];

const upUnit = `[Unit]
Description=Says that the test host is up

[Service]
Type=idle
ExecStart=/bin/echo ${upMark}
StandardOutput=tty
TTYPath=/dev/console

[Install]
WantedBy=multi-user.target
`;

function put(root: string, name: string, text: string, mode = 0o644): void {
  writeFileSync(join(root, name), text);
  chmodSync(join(root, name), mode);
}

function inRoot(root: string, argv: string[]): void {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
  const done = Bun.spawnSync(["chroot", root, ...argv], { env });
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")} in the root failed: ${done.stderr}`);
}
