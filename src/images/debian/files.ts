/** Files that the image gets besides its packages, and files of the packages that it must not have. */
import type { DebianArchive } from "../../artifacts/debian/archive.ts";
import { debianKeyring } from "../../artifacts/debian/archive.ts";
import { aptConf, lastingOptions } from "../../artifacts/debian/options.ts";
import { sourcesFile } from "../../artifacts/debian/sources.ts";
import { composePlugin, composeScript, dockerDaemon } from "./docker.ts";
import { swapNames, swapScript } from "./swap.ts";
import { enabledSockets, isUnwanted, maskedGenerators, maskedUnits } from "./units.ts";

export type ImageFile = { name: string; mode: number; text: string } | { name: string; link: string };

const sshd = `# Keys only; the key of the user who started the machine is in root's authorized_keys.
PermitRootLogin prohibit-password
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile /root/.ssh/authorized_keys
StrictModes yes
UseDNS no
`;

const hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

const profile = `# Tools that mise installed are found by their names, in any folder.
PATH="\${HOME:-/root}/.local/share/mise/shims:\${HOME:-/root}/.local/bin:$PATH"
export PATH
if [ -n "$BASH_VERSION" ] && [ -n "$PS1" ]; then
  case "$TERM" in
    *color*|xterm*|screen*|tmux*|linux)
      PS1='\\[\\e[1;32m\\]\\u@\\h\\[\\e[0m\\]:\\[\\e[1;34m\\]\\w\\[\\e[0m\\]\\$ '
      alias ls='ls --color=auto' grep='grep --color=auto'
      ;;
  esac
fi
`;

/** Device nodes that make the kernel load their module when opened: tmpfiles.d(5). */
const deviceNodes = `c! /dev/fuse 0666 root root - 10:229
c! /dev/loop-control 0660 root disk - 10:237
d  /dev/net 0755 root root -
c! /dev/net/tun 0666 root root - 10:200
c! /dev/vhost-net 0660 root root - 10:238
d  /dev/mapper 0755 root root -
c! /dev/mapper/control 0600 root root - 10:236
`;

const aptDefaults = 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n';

/** Parents come before their children. */
export function imageFiles(archive: DebianArchive): ImageFile[] {
  const text = (name: string, content: string, mode = 0o644): ImageFile => ({ name, mode, text: content });
  return [
    text("etc/hostname", "debian\n"),
    text("etc/hosts", hosts),
    text("etc/machine-id", "", 0o444),
    text("etc/default/locale", "LANG=C.UTF-8\n"),
    text("etc/locale.conf", "LANG=C.UTF-8\n"),
    text("etc/profile.d/banger.sh", profile),
    text("etc/mise/config.toml", '[settings]\ndisable_hints = ["*"]\n'),
    text("etc/selinux/config", "SELINUX=disabled\n"),
    text("etc/systemd/journald.conf.d/banger.conf", "[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n"),
    text("etc/tmpfiles.d/banger-devices.conf", deviceNodes),
    // Newer than /usr, so that systemd runs no update jobs at the first boot (ConditionNeedsUpdate=).
    text("etc/.updated", ""),
    text("var/.updated", ""),
    text("etc/ssh/sshd_config.d/10-banger.conf", sshd),
    text("etc/docker/daemon.json", dockerDaemon),
    text(composePlugin, composeScript, 0o755),
    ...swapNames.map((name) => text(name, swapScript, 0o755)),
    text("etc/systemd/system.conf.d/10-limits.conf", "[Manager]\nDefaultLimitNOFILE=65536:1048576\n"),
    text(
      "etc/security/limits.d/banger.conf",
      "* soft nofile 65536\n* hard nofile 1048576\nroot soft nofile 65536\nroot hard nofile 1048576\n",
    ),
    text("etc/apt/sources.list.d/debian.sources", sourcesFile(archive.mirrors, debianKeyring)),
    text("etc/apt/apt.conf.d/90banger", aptDefaults + aptConf(lastingOptions(archive.options))),
    ...links(),
  ];
}

function links(): ImageFile[] {
  const units = "etc/systemd/system";
  const generators = "etc/systemd/system-generators";
  const socket = (name: string) => ({
    name: `${units}/sockets.target.wants/${name}`,
    link: `/lib/systemd/system/${name}`,
  });
  return [
    { name: `${units}/default.target`, link: "/lib/systemd/system/multi-user.target" },
    ...enabledSockets.map(socket),
    ...maskedUnits.map((name) => ({ name: `${units}/${name}`, link: "/dev/null" })),
    ...maskedGenerators.map((name) => ({ name: `${generators}/${name}`, link: "/dev/null" })),
  ];
}

const replaced = new Set([
  "etc/apt/sources.list",
  "etc/apt/apt.conf.d/99mmdebstrap",
  "etc/modules-load.d/modules.conf",
  "etc/resolv.conf",
  "etc/systemd/system/sshd.service",
  "usr/lib/tmpfiles.d/systemd-nologin.conf",
]);

/** True for what the packages install and the image must not have: host keys, host names, logs, unwanted links. */
export function isDropped(name: string, added: ReadonlySet<string>): boolean {
  if (added.has(name) || replaced.has(name) || isUnwanted(name)) return true;
  if (name.startsWith("etc/ssh/ssh_host_")) return true;
  if (name.startsWith("etc/apt/sources.list.d/")) return true;
  if (name.startsWith("var/log/")) return name.endsWith(".log") || name.startsWith("var/log/journal");
  return /^var\/(?:cache\/debconf|lib\/dpkg|lib\/ucf)\/[^/]*-old$/.test(name);
}
