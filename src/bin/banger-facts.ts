/** The facts about this host that `banger doctor` checks. */
import { dirname, join } from "node:path";
import { type CatalogSource, loadCatalog } from "../artifacts/catalog/load.ts";
import { toBangerError } from "../base/errors/error.ts";
import { version } from "../base/version.ts";
import type { Api } from "../client/api.ts";
import { configOrDefault, loadConfig } from "../config/load.ts";
import { firecrackerProgram } from "../config/vmm-choice.ts";
import type { AccelFact } from "../doctor/acceleration.ts";
import type { CatalogFact, CheckFacts } from "../doctor/facts.ts";
import { errnoOf } from "../host/errno.ts";
import { hostFacts, which } from "../host/facts.ts";
import { ensureFolder, exists, freeBytes, readTextIfAny, realPath } from "../host/files/files.ts";
import { probeKvm } from "../host/kvm/probe.ts";
import { missingTool } from "../host/packages.ts";
import { probeCage } from "../host/process/cage.ts";
import { createExec } from "../host/process/exec-node.ts";
import { askProgram } from "../host/process/try-program.ts";
import { type Paths, type Roots, systemRoots } from "../model/paths.ts";
import { loopbackNetwork } from "../network/dns/user-dns.ts";
import { FirecrackerProber } from "../vmm/firecracker/probe.ts";
import { chooseAccel } from "../vmm/qemu/accel.ts";
import { parseVersion, qemuProblem, sharingGap } from "../vmm/qemu/version.ts";
import { installed, placeOf } from "./banger-place.ts";
import { systemWorld } from "./banger-system.ts";
import { servicesFact, systemFact } from "./banger-system-facts.ts";
import { tryDns } from "./try-dns.ts";
import { tryNetwork } from "./try-network.ts";
import { type Tool, tryTool } from "./try-tool.ts";
import { catalogTimeoutMs, webOf } from "./web.ts";

/** a resolver that is told of a server which does not answer tries for some seconds itself */
const dnsTimeoutMs = 3000;

type Env = Record<string, string | undefined>;

const tools: Tool[] = [
  { program: "qemu-system-x86_64", needed: "always", asks: "--version", judge: qemuProblem },
  { program: "mkfs.ext4", needed: "always", asks: "-V" },
  { program: "sqfstar", needed: "build", asks: "-version" },
  { program: "mksquashfs", needed: "build", asks: "-version" },
  { program: "mmdebstrap", needed: "build", asks: "--version" },
  { program: "git", needed: "build", asks: "--version" },
  { program: "dpkg-deb", needed: "build", asks: "--version" },
  { program: "xz", needed: "build", asks: "--version" },
  { program: "depmod", needed: "build", asks: "--version" },
  { program: "zstd", needed: "build", asks: "--version" },
];

/** for ordinary users: to unpack packages with more than one owner. It has no option that only prints something. */
const rootlessTools: Tool[] = [{ program: "newuidmap", needed: "build", asks: null }];

export async function gatherFacts(paths: Paths, env: Env, running: () => Promise<Api | null>): Promise<CheckFacts> {
  const facts = await hostFacts();
  const wanted = facts.uid === 0 ? tools : [...tools, ...rootlessTools];
  const [tried, cage] = await Promise.all([
    Promise.all(wanted.map((tool) => tryTool(exec, tool))),
    probeCage(exec, agentOf(env)),
  ]);
  const isServed = servesUser(paths, env, facts.uid);
  const qemu = tried.find(({ fact }) => fact.program === "qemu-system-x86_64")?.said ?? null;
  return {
    arch: facts.arch,
    kernel: facts.kernel,
    uid: facts.uid,
    version,
    accel: { own: await ownAccel(env), daemon: await daemonAccel(running) },
    firecracker: await firecrackerFact(paths, env, facts.home),
    qemu,
    sharing: sharingGap(parseVersion(qemu ?? "")),
    tools: tried.map(({ fact }) => fact),
    network: await tryNetwork({
      exec,
      which,
      agent: agentOf(env),
      folder: `${dirname(paths.socket)}/doctor`,
      mayFallBack: async () => (await loadConfig({ file: paths.configFile })).networkFallback,
    }),
    dns: await dnsFact(paths, facts.uid),
    userDns: await userDnsFact(paths, running),
    services: await servicesFact(systemWorld(env)),
    system: isServed ? await systemFact({ exec, configFile: paths.configFile, running }) : null,
    cage,
    agentFailure: cage === null ? (await askProgram(exec, [agentOf(env), "confine", "--check"])).failure : null,
    subordinateIds: await hasSubordinateIds(facts.user, facts.uid),
    free: await freeSpace(isServed ? systemRoots(facts.home) : paths.roots),
    ...(await configFacts(paths, env)),
    daemon: await daemonState(running),
    contents: await contentFacts(running),
  };
}

/** For the owner of system mode alone, whose config says where the bridge is. */
async function dnsFact({ configFile }: Paths, uid: number): Promise<CheckFacts["dns"]> {
  if (installed()?.owner.uid !== uid) return null;
  const { network } = await configOrDefault({ file: configFile });
  return tryDns({ exec, network: network.bridge, timeoutMs: dnsTimeoutMs });
}

async function userDnsFact({ configFile }: Paths, running: () => Promise<Api | null>): Promise<CheckFacts["userDns"]> {
  // the check of the daemon reports why it can't be asked
  const api = await running().catch(() => null);
  const reported = await api?.json("host").then(
    ({ dns }) => dns,
    () => null,
  );
  if (!reported) return null;
  const { port } = reported;
  const asked = { exec, network: loopbackNetwork, timeoutMs: dnsTimeoutMs };
  return {
    reported,
    configured: (await configOrDefault({ file: configFile })).dnsPort,
    tried: port === null ? null : await tryDns({ ...asked, port }),
    usesResolved: await exists(resolvedSocket),
  };
}

/** where libnss-resolve asks systemd-resolved */
const resolvedSocket = "/run/systemd/resolve/io.systemd.Resolve";

/** Whether the daemon that is asked is the service, and this user its owner. */
function servesUser(paths: Paths, env: Env, uid: number): boolean {
  return placeOf(paths, env).owner?.uid === uid;
}

async function firecrackerFact({ configFile }: Paths, env: Env, home: string): Promise<CheckFacts["firecracker"]> {
  const { install } = missingTool("firecracker");
  const config = await configOrDefault({ file: configFile });
  const program = async () => firecrackerProgram(config, home);
  const prober = new FirecrackerProber({ exec, which, realPath, env, agent: agentOf(env), program, install });
  const probe = await prober.probe();
  if (!probe.usable) return { why: probe.why, fix: probe.fix };
  return { program: probe.program, version: probe.version, caution: probe.caution ?? null, install };
}

async function ownAccel(env: Env): Promise<AccelFact> {
  const kvm = await probeKvm();
  try {
    return chooseAccel({ requested: env["BANGER_VMM_ACCEL"], kvm });
  } catch (error) {
    return failed(error);
  }
}

async function daemonAccel(running: () => Promise<Api | null>): Promise<AccelFact | null> {
  const api = await running().catch(() => null);
  if (!api) return null;
  // null: it has no VMM, which another check reports
  return api.json("host").then(({ vmm }) => vmm, failed);
}

function failed(error: unknown): AccelFact {
  const { message, hint } = toBangerError(error);
  return { failure: message, fix: hint };
}

const exec = createExec(process.env as Record<string, string>);

function agentOf(env: Env): string {
  return env["BANGER_AGENT"] || join(dirname(process.execPath), "banger-vsock-agent");
}

/** Whether both files have a range of 65536 ids, as Debian's packages need it. */
async function hasSubordinateIds(user: string, uid: number): Promise<boolean> {
  if (uid === 0) return true;
  const files = await Promise.all(["/etc/subuid", "/etc/subgid"].map((path) => readTextIfAny(path)));
  const isRange = (line: string) => {
    const [owner, start, count] = line.trim().split(":");
    return (owner === user || owner === String(uid)) && /^\d+$/.test(start ?? "") && Number(count) >= 65_536;
  };
  return files.every((text) => text?.split("\n").some(isRange));
}

async function configFacts(
  paths: Paths,
  env: Env,
): Promise<Pick<CheckFacts, "config" | "catalogs" | "confinement" | "vmm">> {
  const file = paths.configFile;
  try {
    const { catalogs, confinement, vmm } = await loadConfig({ file });
    return { config: { file, problems: [] }, confinement, vmm, catalogs: await catalogFacts(catalogs, paths, env) };
  } catch (error) {
    const { problems } = toBangerError(error).details;
    return {
      config: { file, problems: Array.isArray(problems) ? problems : [toBangerError(error).message] },
      catalogs: [],
      confinement: "auto",
      vmm: "auto",
    };
  }
}

async function catalogFacts(sources: readonly CatalogSource[], paths: Paths, env: Env): Promise<CatalogFact[]> {
  const deps = { web: webOf(env), paths, timeoutMs: catalogTimeoutMs };
  const loaded = await Promise.all(sources.map((one) => loadCatalog(deps, one, new AbortController().signal)));
  return loaded.map(({ url, entries, failure, keptSince }) => ({
    url,
    entries: entries.length,
    isKept: keptSince !== null,
    failure: failure && {
      message: failure.message,
      hint: failure.hint,
      isOutOfReach: failure.code === "CATALOG_UNREACHABLE",
    },
  }));
}

async function freeSpace({ state, cache }: Roots): Promise<CheckFacts["free"]> {
  return Promise.all(
    [state, cache].map(async (path) => {
      try {
        await ensureFolder(path);
        return { path, bytes: await freeBytes(path) };
      } catch (error) {
        // the text of a system error, which is not a bug
        return { path, failure: errnoOf(error) ? (error as Error).message : toBangerError(error).message };
      }
    }),
  );
}

async function contentFacts(running: () => Promise<Api | null>): Promise<CheckFacts["contents"]> {
  try {
    const api = await running();
    if (!api) return null;
    const all = [...(await api.json("listImages")), ...(await api.json("listKernels"))];
    const problems = all.flatMap(({ problem }) => problem ?? []);
    return { count: all.length, damaged: [...new Map(problems.map((one) => [one.message, one])).values()] };
  } catch {
    // the result of `daemonState`
    return null;
  }
}

async function daemonState(running: () => Promise<Api | null>): Promise<CheckFacts["daemon"]> {
  try {
    const api = await running();
    if (!api) return { state: "none" };
    // an older daemon, which is asked too, does not report the last two
    const { version: its, pid, leftovers = [], uncaught = { count: 0, last: null } } = await api.json("daemonInfo");
    return { state: "running", version: its, pid, leftovers, uncaught };
  } catch (error) {
    return { state: "unreachable", reason: toBangerError(error).message };
  }
}
