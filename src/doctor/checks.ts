/** What the facts about a host mean: one pure function for each check. */
import { count } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import { type Cage, type Gap, gapsOf } from "../model/cage.ts";
import { acceleration, restartOf } from "./acceleration.ts";
import { dns } from "./dns.ts";
import type { CheckFacts } from "./facts.ts";
import { services } from "./services.ts";
import { system } from "./system.ts";
import { userDns } from "./user-dns.ts";
import { vmms } from "./vmm.ts";

export type Finding = {
  name: string;
  status: "ok" | "warning" | "failure";
  text: string;
  /** what to type or do about it */
  fix?: string;
};

const gib = 1024 ** 3;

export function checkAll(facts: CheckFacts): Finding[] {
  return [
    architecture(facts),
    ...vmms(facts),
    accelerated(facts),
    ...tools(facts),
    network(facts),
    ...services(facts),
    ...system(facts),
    ...dns(facts),
    ...userDns(facts),
    ...confinement(facts),
    ...memoryIsolation(facts),
    user(facts),
    ...space(facts),
    config(facts),
    ...catalogs(facts),
    daemon(facts),
    ...contents(facts),
    ...leftovers(facts),
    ...uncaught(facts),
  ];
}

function architecture({ arch, kernel }: CheckFacts): Finding {
  const name = "architecture";
  if (arch === "x64") return { name, status: "ok", text: `x86-64, Linux ${kernel}` };
  return { name, status: "failure", text: `${arch} is not supported`, fix: "use an x86-64 host" };
}

/** In system mode each daemon has the rights that its unit gives it, whatever those of this process are. */
function accelerated({ accel: { own, daemon: running }, system: service }: CheckFacts): Finding {
  const next = service && running ? running : own;
  return acceleration({ accel: { own: next, daemon: running }, system: service });
}

function tools({ tools: list }: CheckFacts): Finding[] {
  return list
    .filter(({ program }) => program !== "qemu-system-x86_64" && program !== "passt")
    .map(({ program, path, failure, why, install, needed }): Finding => {
      if (path && failure === null) return { name: program, status: "ok", text: path };
      const problem = path ? `${path} ${failure}` : `${program} is not installed`;
      const fix = path ? `${install}, or repair it: \`${path} --version\` shows what is wrong` : install;
      const status = needed === "always" ? "failure" : "warning";
      return { name: program, status, text: `${problem}; it is needed ${why}`, fix };
    });
}

function network({ network: { failure, fix, mayFallBack } }: CheckFacts): Finding {
  const name = "network";
  if (failure === null && !mayFallBack)
    return { name, status: "ok", text: "passt starts, and VMs reach the network through it" };
  if (failure === null)
    return {
      name,
      status: "warning",
      text: "passt starts, and VMs reach the network through it; should it fail, they get QEMU's own network, which lets them reach this host's loopback",
      fix: "remove network_fallback from the config",
    };
  const what = mayFallBack
    ? "VMs get QEMU's own network, as network_fallback allows, and can reach this host's loopback"
    : "VMs with a network do not start";
  return { name, status: mayFallBack ? "warning" : "failure", text: `passt can't be used: ${failure}; ${what}`, fix };
}

/** One finding for each layer of the cage. */
function confinement({ cage, agentFailure }: CheckFacts): Finding[] {
  if (cage === null) {
    const fix = "install it beside banger, or set BANGER_AGENT";
    return [
      {
        name: "confinement",
        status: "failure",
        text: `banger-vsock-agent ${agentFailure ?? "does not report the layers of this host: it has another version"}`,
        fix,
      },
    ];
  }
  const gaps = gapsOf(cage);
  return layers.map(({ layer, present, fix }): Finding => {
    const gap = gaps.find((one) => one.layer === layer);
    if (!gap) return { name: layer, status: "ok", text: `VMMs have ${present(cage)}` };
    const text = `VMMs run without this layer (${gap.why}); if a guest takes one over, ${gap.leavesOpen}`;
    return { name: layer, status: "warning", text, fix };
  });
}

/** Not a layer of the cage: it depends on QEMU, and matters only for VMs that share the memory of a template or a snapshot. */
function memoryIsolation({ qemu, cage, sharing, confinement: wish }: CheckFacts): Finding[] {
  const name: Gap["layer"] = "memory isolation";
  if (qemu === null || cage === null) return [];
  if (sharing === null) return [{ name, status: "ok", text: "VMMs can't write to memory that VMs share" }];
  if (wish === "required") {
    const text = `VMs do not share memory (${sharing.why}): they boot cold, and forks and snapshots are refused`;
    return [{ name, status: "ok", text }];
  }
  const text = `VMMs run without this layer (${sharing.why}); if a guest takes one over, ${sharing.leavesOpen}`;
  const fix =
    'install QEMU 8.2 or later; until then `--cold`, or `confinement = "required"` in the config, starts VMs without shared memory';
  return [{ name, status: "warning", text, fix }];
}

const userNamespaces =
  "allow ordinary users to create user namespaces: `sysctl user.max_user_namespaces kernel.unprivileged_userns_clone kernel.apparmor_restrict_unprivileged_userns` shows what forbids it";

const layers: { layer: Gap["layer"]; present: (cage: Cage) => string; fix: string }[] = [
  {
    layer: "landlock",
    present: ({ landlock }) => `Landlock version ${landlock}`,
    fix: "boot Linux 5.13 or later with landlock among its security modules (`lsm=landlock,...`)",
  },
  {
    layer: "seccomp",
    present: () => "a system call filter",
    fix: "boot a kernel built with CONFIG_SECCOMP_FILTER",
  },
  { layer: "namespaces", present: () => "their own user, mount, IPC and host name namespaces", fix: userNamespaces },
  { layer: "network namespace", present: () => "their own network namespace", fix: userNamespaces },
  {
    layer: "process limit",
    present: () => "a limit on processes and threads",
    fix: "run as an ordinary user on Linux 5.14 or later, where that user can create user namespaces",
  },
];

function user({ uid, subordinateIds }: CheckFacts): Finding {
  const name = "user";
  if (uid === 0)
    return {
      name,
      status: "warning",
      text: "you are root: VMMs are confined, but run as root",
      fix: "run code that you don't trust as an ordinary user",
    };
  if (subordinateIds)
    return { name, status: "ok", text: "you have subordinate ids, so images can be built without root" };
  return {
    name,
    status: "warning",
    text: "you have no subordinate ids, so images can't be built",
    fix: "ask an administrator for `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`",
  };
}

function space({ free, system: service }: CheckFacts): Finding[] {
  const larger = service
    ? "free some space, or move the folder to a larger disk"
    : "free some space, or set XDG_CACHE_HOME and XDG_STATE_HOME to a larger disk";
  return free.map((fact): Finding => {
    const name = "disk space";
    const { path } = fact;
    if ("failure" in fact)
      return {
        name,
        status: "failure",
        text: `${path} can't be written: ${fact.failure}`,
        fix: service
          ? "`sudo banger system install` makes the service's folders again"
          : "set HOME, or XDG_STATE_HOME and XDG_CACHE_HOME, to folders that you can write to",
      };
    const { bytes } = fact;
    const text = `${formatSize(bytes)} free at ${path}`;
    if (bytes >= 4 * gib) return { name, status: "ok", text };
    return {
      name,
      status: bytes < gib / 2 ? "failure" : "warning",
      text,
      fix: `an image and a few VMs take 4 GiB: ${larger}`,
    };
  });
}

function config({ config: { file, problems } }: CheckFacts): Finding {
  const name = "config";
  if (problems.length === 0) return { name, status: "ok", text: file };
  const text = `${file}: ${problems.join("; ")}`;
  return { name, status: "failure", text, fix: `edit ${file}; docs/config.md lists every key` };
}

function catalogs({ catalogs: all }: CheckFacts): Finding[] {
  return all.map(({ url, entries, failure, isKept }): Finding => {
    const name = "catalog";
    if (!failure) return { name, status: "ok", text: `${url}: signed, ${count(entries, "entry", "entries")}` };
    const kept = isKept ? `; the last good copy is used, with ${count(entries, "entry", "entries")}` : "";
    // the built-in entries and local images keep working
    const status = failure.isOutOfReach ? "warning" : "failure";
    return { name, status, text: `${failure.message}${kept}`, fix: failure.hint };
  });
}

function contents({ contents: all }: CheckFacts): Finding[] {
  const name = "images";
  const text = "not checked: the daemon is not running; `banger image ls` starts it and checks them";
  if (all === null) return [{ name, status: "ok", text }];
  if (all.damaged.length === 0)
    return [{ name, status: "ok", text: `${count(all.count, "image or kernel", "images and kernels")}, all complete` }];
  return all.damaged.map(({ message, hint }) => ({ name, status: "failure", text: message, fix: hint }));
}

function daemon({ daemon: one, version, system: service }: CheckFacts): Finding {
  const name = "daemon";
  if (one.state === "none" && service)
    return {
      name,
      status: "failure",
      text: "the service's daemon does not run",
      fix: "run `sudo banger system restart`",
    };
  if (one.state === "none") return { name, status: "ok", text: "not running; banger starts it when needed" };
  if (one.state === "unreachable")
    return { name, status: "failure", text: one.reason, fix: `run ${restartOf(service)}, or read its log` };
  if (one.version === version) return { name, status: "ok", text: `version ${one.version}, pid ${one.pid}` };
  return {
    name,
    status: "warning",
    text: `version ${one.version}, but this banger is version ${version}`,
    fix: service
      ? "run `sudo banger system install` with the newer one; VMs keep running"
      : "run `banger daemon stop`; VMs keep running",
  };
}

function leftovers({ daemon: one, system: service }: CheckFacts): Finding[] {
  if (one.state !== "running") return [];
  return one.leftovers.map(({ path, reason, next }): Finding => {
    const text = `${path} should have been removed, but can't be: ${reason}`;
    return {
      name: "leftover",
      status: "warning",
      text,
      fix: `${next}; then run ${restartOf(service)}: the next daemon removes it`,
    };
  });
}

function uncaught({ daemon: one }: CheckFacts): Finding[] {
  if (one.state !== "running" || one.uncaught.count === 0) return [];
  const text = `${count(one.uncaught.count, "uncaught exception")}, the last one: ${one.uncaught.last}`;
  const fix = "this is a bug: please report it with the lines of the daemon's log that contain `uncaught`";
  return [{ name: "exceptions", status: "warning", text, fix }];
}
