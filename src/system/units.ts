/** The two units of system mode as text: systemd.service(5), systemd.exec(5), systemd.resource-control(5). Pure. */
import type { Owner } from "../model/install.ts";
import type { SystemPaths } from "../model/paths.ts";

export const daemonUnit = "bangerd.service";
export const helperUnit = "bangerd-root.service";

export type UnitFacts = {
  owner: Owner;
  /** the owner's; it holds the configuration. One that `isUnitPath` accepts */
  home: string;
  paths: Pick<SystemPaths, "current">;
  /** whether the host has a group `kvm`; systemd starts no unit with a group that does not exist */
  hasKvmGroup: boolean;
};

/** Whether a path can stand in a unit as it is, without quotes, specifiers or separators: systemd.syntax(7). */
export function isUnitPath(path: string): boolean {
  return /^\/[\p{L}\p{N}_./@+-]+$/u.test(path) && !path.split("/").includes("..");
}

type Section = readonly (readonly [key: string, value: string])[];

/** The owner's daemon: no privileges but the ports below 1024, and of the file system it writes its three folders alone. */
export function daemonUnitText({ owner, home, paths, hasKvmGroup }: UnitFacts): string {
  const service: Section = [
    ["Type", "notify"],
    ["NotifyAccess", "main"],
    ["User", owner.name],
    ["Group", String(owner.gid)],
    ...(hasKvmGroup ? ([["SupplementaryGroups", "kvm"]] as const) : []),
    ["ExecStart", `${paths.current}/bangerd --system`],
    // however it ends, while its VMs run on: then the next main process may be put into the unit's group
    ["ExecStopPost", `-${paths.current}/bangerd release-cgroup`],
    ["Restart", "on-failure"],
    ["RestartSec", "1s"],
    ["TimeoutStartSec", "2min"],
    ["KillMode", "process"],
    ["OOMPolicy", "continue"],
    ["Delegate", "yes"],
    ["TasksMax", "infinity"],
    ["LimitNOFILE", "65536"],
    ["UMask", "0077"],
    ...folders("RuntimeDirectory", "banger", "0700"),
    ["RuntimeDirectoryPreserve", "restart"],
    ...folders("StateDirectory", "banger", "0700"),
    ...folders("CacheDirectory", "banger", "0700"),
    ["AmbientCapabilities", "CAP_NET_BIND_SERVICE"],
    ["CapabilityBoundingSet", "CAP_NET_BIND_SERVICE"],
    ["DevicePolicy", "closed"],
    ["DeviceAllow", "/dev/kvm rw"],
    ["DeviceAllow", "/dev/net/tun rw"],
    // no home but the owner's
    ["ProtectHome", "tmpfs"],
    ["BindReadOnlyPaths", `-${home}`],
    ["ProtectKernelTunables", "yes"],
    // what the cage of a VMM and passt's own take: agent/src/host/confine/root.rs, isolation.c of passt
    ["RestrictNamespaces", "user mnt net ipc uts pid"],
    ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
    // mincore(2): Firecracker finds with it what it saves of a guest's memory, and no group of systemd's has it
    [
      "SystemCallFilter",
      "@system-service @mount @pkey mincore seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self",
    ],
    ["SystemCallFilter", "~@clock @cpu-emulation @debug @module @obsolete @raw-io @reboot @resources @swap"],
    ...hardening,
  ];
  return unitText({
    unit: [
      ["Description", `banger: the virtual machines of ${owner.name}`],
      ["Wants", helperUnit],
      ["After", `${helperUnit} network.target systemd-resolved.service`],
    ],
    service,
  });
}

/** The helper: root, with nothing of root but the network, and no network of its own. */
export function helperUnitText({ owner, paths }: UnitFacts): string {
  const service: Section = [
    ["Type", "notify"],
    ["NotifyAccess", "main"],
    ["User", "root"],
    // so that the socket can belong to root and the owner's group without CAP_CHOWN
    ["Group", String(owner.gid)],
    ["ExecStart", `${paths.current}/bangerd root-helper`],
    ["Restart", "on-failure"],
    ["RestartSec", "1s"],
    ["UMask", "0077"],
    ...folders("RuntimeDirectory", "banger-root", "0750"),
    ["CapabilityBoundingSet", "CAP_NET_ADMIN"],
    ["DevicePolicy", "closed"],
    ["DeviceAllow", "/dev/net/tun rw"],
    ["ProtectHome", "yes"],
    ["ProtectControlGroups", "yes"],
    ["RestrictNamespaces", "yes"],
    ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
    ["IPAddressDeny", "any"],
    ["SystemCallFilter", "@system-service"],
    ["SystemCallFilter", "~@privileged @resources"],
    ...hardening,
  ];
  return unitText({
    unit: [
      ["Description", "banger: bridge and firewall of the virtual machines"],
      ["After", "network-pre.target"],
    ],
    service,
  });
}

/** What both do without. MemoryDenyWriteExecute is not among it: the runtime compiles code as it runs. */
const hardening: Section = [
  ["NoNewPrivileges", "yes"],
  ["ProtectSystem", "strict"],
  ["ProtectClock", "yes"],
  ["ProtectHostname", "yes"],
  ["ProtectKernelLogs", "yes"],
  ["ProtectKernelModules", "yes"],
  ["PrivateMounts", "yes"],
  ["PrivateTmp", "yes"],
  ["RemoveIPC", "yes"],
  ["KeyringMode", "private"],
  ["LockPersonality", "yes"],
  ["RestrictRealtime", "yes"],
  ["RestrictSUIDSGID", "yes"],
  ["SystemCallArchitectures", "native"],
  ["SystemCallErrorNumber", "EPERM"],
];

function folders(key: string, name: string, mode: string): Section {
  return [
    [key, name],
    [`${key}Mode`, mode],
  ];
}

function unitText({ unit, service }: { unit: Section; service: Section }): string {
  const install: Section = [["WantedBy", "multi-user.target"]];
  const sections = [
    ["Unit", unit],
    ["Service", service],
    ["Install", install],
  ] as const;
  const texts = sections.map(
    ([name, rows]) => `[${name}]\n${rows.map(([key, value]) => `${key}=${value}\n`).join("")}`,
  );
  return `# Written by \`banger system install\`; use \`systemctl edit\` for changes of your own.\n${texts.join("\n")}`;
}
