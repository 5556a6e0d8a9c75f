/** Tests that need more than this process: each names what it needs, and gives the reason when it is skipped. */
import { test } from "bun:test";
import { accessSync, constants, existsSync } from "node:fs";

export type Need =
  | "vm"
  | "nested"
  | "root"
  | "ordinary-user"
  | "systemd"
  | "registry"
  | "user-namespaces"
  | "firecracker"
  | `tool:${string}`;

/**
 * Why a test can't run here, or should not (`BANGER_SKIP`, a list like the one below); null when it can.
 * @throws when `BANGER_REQUIRE` (a comma list; `tools` stands for every `tool:…`) says that it must run
 */
export function gate(need: Need): string | null {
  const reason = isListed(need, "BANGER_SKIP") ? `BANGER_SKIP has ${need}` : reasonAgainst(need);
  if (reason !== null && isListed(need, "BANGER_REQUIRE")) throw new Error(`BANGER_REQUIRE has ${need}, but ${reason}`);
  return reason;
}

/** A test that is skipped with the reason in its name. */
export function gatedTest(need: Need, name: string, body: () => void | Promise<void>, timeoutMs?: number): void {
  const reason = gate(need);
  if (reason === null) test(name, body, timeoutMs);
  else test.skip(`${name} (skipped: ${reason})`, body);
}

function isListed(need: Need, variable: string): boolean {
  const listed = (process.env[variable] ?? "").split(",").map((word) => word.trim());
  return listed.includes(need) || (need.startsWith("tool:") && listed.includes("tools"));
}

function reasonAgainst(need: Need): string | null {
  switch (need) {
    case "vm":
      if (!onPath("qemu-system-x86_64")) return "qemu-system-x86_64 is not installed";
      return agentBinary() ? null : agentMissing;
    case "nested":
      return reasonAgainstNested();
    case "root":
      return process.getuid?.() === 0 ? null : "it needs root";
    case "ordinary-user":
      return process.getuid?.() === 0 ? "root may do what is tested here" : null;
    case "systemd":
      return reasonAgainstSystemd();
    case "registry":
      return onPath("docker-registry") ? null : "docker-registry is not installed";
    case "user-namespaces":
      return mayMakeNamespaces() ? null : "no user namespaces for this user";
    case "firecracker":
      return firecrackerMissing();
    default: {
      const tool = need.slice("tool:".length);
      if (tool === "banger-vsock-agent") return agentBinary() ? null : agentMissing;
      return onPath(tool) ? null : `${tool} is not installed`;
    }
  }
}

/** Why no test host with KVM can be made (`test/nested/`). */
function reasonAgainstNested(): string | null {
  for (const tool of ["qemu-system-x86_64", "mmdebstrap", "sqfstar", "apt-get", "mkfs.ext4"])
    if (!onPath(tool)) return `${tool} is not installed`;
  if (agentBinary() === null) return agentMissing;
  return process.getuid?.() === 0 || mayMakeNamespaces() ? null : "neither root nor user namespaces for this user";
}

/** Why no host with systemd can be made (`test/system/`). */
function reasonAgainstSystemd(): string | null {
  if (process.getuid?.() !== 0) return "it needs root";
  for (const tool of ["systemd-nspawn", "mmdebstrap", "apt-get", "nsenter", "unshare", "tar"])
    if (!onPath(tool)) return `${tool} is not installed`;
  return agentBinary() ? null : agentMissing;
}

const agentMissing = "banger-vsock-agent is not built (`make build`)";

/** Path of the guest agent's latest build; null when there is none. */
export function agentBinary(): string | null {
  const root = new URL("../../../", import.meta.url).pathname;
  const places = [
    process.env["BANGER_AGENT"],
    `${root}build/bin/banger-vsock-agent`,
    `${root}agent/target/x86_64-unknown-linux-gnu/release/banger-vsock-agent`,
  ];
  return places.find((path) => path !== undefined && existsSync(path)) ?? null;
}

function firecrackerMissing(): string | null {
  const program = process.env["BANGER_FIRECRACKER"];
  if (!program || !existsSync(program)) return "BANGER_FIRECRACKER does not name a Firecracker";
  if (!mayUse("/dev/kvm")) return "/dev/kvm can't be used";
  return agentBinary() ? null : agentMissing;
}

function mayUse(device: string): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function mayMakeNamespaces(): boolean {
  const argv = ["unshare", "--user", "--map-current-user", "--net", "--keep-caps", "ip", "link", "set", "lo", "up"];
  return onPath("unshare") && onPath("ip") && Bun.spawnSync(argv, { stderr: "ignore" }).exitCode === 0;
}

function onPath(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(`${folder}/${program}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
