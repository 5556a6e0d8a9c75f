/** The Debian image's packages besides the essential ones. */

export const packages: readonly string[] = [
  "systemd",
  "systemd-sysv",
  "dbus",
  // for `systemctl --user` and anything else that needs a session: /run/user, a manager and a bus for each user
  "libpam-systemd",
  "dbus-user-session",
  "kmod",
  "iproute2",
  "iptables",
  "procps",
  "less",
  "openssh-server",
  "ca-certificates",
  "curl",
  "git",
  "jq",
  "rsync",
  "make",
  "build-essential",
  "python3",
  "python3-pip",
  "python3-venv",
  "docker.io",
  "docker-compose",
  // what people expect on a machine they work on
  "nano",
  "vim-tiny",
  "sudo",
  "wget",
  "zip",
  "unzip",
  "file",
  "strace",
  "tmux",
  "ncurses-term",
  "iputils-ping",
  "gpg",
  "gpg-agent",
  "dirmngr",
  // for rootless containers in user namespaces with many ids
  "uidmap",
];

/** Files of packages that a disposable machine does not need: manuals and translations. */
export const excludedPaths: readonly string[] = [
  "path-exclude=/usr/share/man/*",
  "path-exclude=/usr/share/info/*",
  "path-exclude=/usr/share/locale/*",
  "path-include=/usr/share/locale/locale.alias",
  "path-exclude=/usr/share/doc/*",
  "path-include=/usr/share/doc/*/copyright",
];
