/** The CLI's dependencies, implemented on the real host. Modules that a command does not use are not loaded. */
import { basename, dirname, join, resolve } from "node:path";
import type { RecipeDeps } from "../artifacts/deps.ts";
import type { ByteStream } from "../base/bytes.ts";
import { fail } from "../base/errors/error.ts";
import { hasOtherBytes } from "../base/path-bytes.ts";
import { completeProxies } from "../base/proxy.ts";
import { version } from "../base/version.ts";
import type { CliContext } from "../cli/context.ts";
import { Api } from "../client/api.ts";
import type { DaemonPlace } from "../client/connect.ts";
import { connectOwn } from "../client/lock-file.ts";
import { connectOrStart } from "../client/reach.ts";
import type { SyncPlan } from "../client/sync/plan.ts";
import { exactEnvironment } from "../host/files/own-bytes.ts";
import { ownFolders } from "../host/files/own-folders.ts";
import { isFolder } from "../host/files/owner.ts";
import { onSignals } from "../host/process/signals.ts";
import type { ToolCage } from "../host/process/tool-cage.ts";
import { processTerminal, type Terminal } from "../host/terminal/terminal.ts";
import type { OpenOptions } from "../images/rootfs/open.ts";
import { type Paths, pathsOf } from "../model/paths.ts";
import type { WorkspaceDeps, WorkspaceRequest } from "../workspace/types.ts";
import { fallbackWarning, foundInstall, installed, ownPlace, placeOf } from "./banger-place.ts";
import { definedOnly } from "./defined-only.ts";

type Env = Record<string, string | undefined>;

export function cliContext(guestArgv: readonly string[] | null): CliContext {
  const env: Env = exactEnvironment(process.env);
  completeProxies(env);
  const { home, homeOf, roots } = ownFolders(env);
  const paths = pathsOf(roots);
  const found = foundInstall();
  const place = placeOf(paths, env, installed(found));
  const stdio = processTerminal();
  const printTo = (to: "stdout" | "stderr") => ({ write: (text: string) => stdio.print(to, text) });
  return {
    process: { stdout: printTo("stdout"), stderr: printTo("stderr"), env },
    flush: () => stdio.flush(),
    guestArgv,
    stdio,
    signals: onSignals,
    env,
    isRoot: process.getuid?.() === 0,
    homeOf,
    isFolder,
    version,
    now: () => Date.now(),
    sinceStart: () => performance.now(),
    async runSelf(args) {
      const { createExec } = await import("../host/process/exec-node.ts");
      const begun = performance.now();
      const ended = await createExec(process.env as Record<string, string>)([process.execPath, ...args]);
      const ms = performance.now() - begun;
      return { code: ended.exitCode, ms, stderr: new TextDecoder().decode(ended.stderr) };
    },
    ...daemons({ place, paths, env, home, stdio, warning: fallbackWarning(place, found), stderr: printTo("stderr") }),
    processEnd,
    ...workspaces({ paths, env, home, stdio }),
    async *workspaceTar(plan, report) {
      const { workspaceTar } = await import("../workspace/stream.ts");
      yield* workspaceTar(plan, report);
    },
    planFileSync: () => planFileSync(home, paths),
    async readImageFile(path) {
      const { readImageFile } = await import("../imagefile/read.ts");
      return readImageFile(utf8Path(path), utf8Path(process.cwd()));
    },
    async buildImage(recipe, emit, signal) {
      const { openDebianRootfs } = await import("../images/recipe.ts");
      const suite = recipe.replace(/^debian-/, "");
      return openDebianRootfs(await recipeDeps(paths, env), { suite }, emit, signal);
    },
    splitTag: async (path) => (await import("../host/files/tagged-path.ts")).splitTag(path),
    async openTar(path, signal) {
      const { openArchive } = await import("../images/rootfs/open.ts");
      return openArchive(utf8Path(path), await openOptions(paths, env, signal));
    },
    async openRootfs(path, signal) {
      const { openRootfs } = await import("../images/rootfs/open.ts");
      return openRootfs(utf8Path(path), await openOptions(paths, env, signal));
    },
    async saveTo(path, content) {
      if (path !== "-") return (await import("../host/files/save-file.ts")).saveFile(utf8Path(path), content);
      for await (const chunk of content) await stdio.write("stdout", chunk);
    },
    async makeBundle({ folder, facts, parts, ...about }, onProgress, signal) {
      const { makeBundle } = await import("../artifacts/bundle/make.ts");
      const { entryToml } = await import("../artifacts/catalog/write.ts");
      const made = await makeBundle(utf8Path(folder), facts, parts, onProgress, signal);
      // beside a catalog that is in the folder's parent
      const entry = { ...about, ...made, url: `${encodeURIComponent(basename(resolve(folder)))}/` };
      return { entry, toml: entryToml(entry) };
    },
    async registryCredential(registry, repository) {
      const { findCredential } = await import("../images/credentials/find.ts");
      const { readTextIfAny } = await import("../host/files/files.ts");
      return findCredential({ exec: await execOf(env), readTextIfAny, env, home }, registry, repository);
    },
    readStdin: async (maxBytes) => Buffer.from(await readStdin(maxBytes)).toString("utf8"),
    async readInput(path, maxBytes) {
      if (path !== "-") return (await import("../host/files/files.ts")).readBytes(path, maxBytes);
      const bytes = await readStdin(maxBytes);
      if (bytes.length > maxBytes) throw fail("FILE_INVALID", { path, problem: `is longer than ${maxBytes} bytes` });
      return bytes;
    },
    async openKernel(own, signal) {
      const { openOwnKernel } = await import("../kernels/own.ts");
      return openOwnKernel(utf8Paths(own), signal);
    },
    async fetchKernel(name, emit, signal) {
      const { openDebianKernel } = await import("../kernels/recipe.ts");
      return openDebianKernel(await recipeDeps(paths, env), name, emit, signal);
    },
    async checkFacts() {
      const { gatherFacts } = await import("./banger-facts.ts");
      return gatherFacts(paths, env, () => runningApi(place));
    },
  };
}

/** The configuration is this user's, also where the service runs the VMs. */
async function planFileSync(home: string, { configFile }: Paths): Promise<SyncPlan> {
  const { loadFileSync } = await import("../config/load-file-sync.ts");
  const { planSync } = await import("../client/sync/plan.ts");
  return planSync(home, await loadFileSync({ file: configFile }));
}

type WorkspaceFacts = { paths: Paths; env: Env; home: string; stdio: Pick<Terminal, "write"> };

/** What goes into a VM, and what comes back. */
function workspaces({ paths, env, home, stdio }: WorkspaceFacts) {
  return {
    async planWorkspace(request: WorkspaceRequest) {
      const { planWorkspace } = await import("../workspace/plan.ts");
      return planWorkspace(await workspaceDeps(paths, env, home), request);
    },
    async pullHost() {
      const { SentRecords } = await import("../workspace/pull/records.ts");
      const deps = await workspaceDeps(paths, env, home);
      return { deps, records: new SentRecords(paths.sent), applied: paths.applied };
    },
    async page(text: string) {
      const { page } = await import("../host/terminal/pager.ts");
      // ^C is for the pager
      const stop = onSignals(() => {});
      await page(text, definedOnly(env), (all) => stdio.write("stdout", all)).finally(stop);
    },
  };
}

type DaemonFacts = {
  place: DaemonPlace;
  paths: Paths;
  env: Env;
  home: string;
  stdio: Terminal;
  /** written before the first connection; null: none */
  warning: string | null;
  stderr: { write(text: string): void };
};

/** The daemon that commands use, the user's own, and what looks after the service. */
function daemons({ place, paths, env, home, stdio, warning, stderr }: DaemonFacts) {
  const connect = () => {
    warn();
    return connectOrStart(place);
  };
  const warn = once(() => {
    if (warning !== null && !asksForJson()) stderr.write(warning);
  });
  return {
    api: apiOf(place, connect),
    socket: place.socket,
    serviceOwner: place.owner?.name ?? null,
    runningApi: (other?: string) => runningApi(place, other),
    async systemWorld() {
      const { systemWorld } = await import("./banger-system.ts");
      return systemWorld(env);
    },
    async sshAccess() {
      const { sshAccess } = await import("./banger-ssh.ts");
      return sshAccess({ home, place, own: paths, stdio });
    },
    async ownApi() {
      const { exists } = await import("../host/files/files.ts");
      const own = ownPlace(paths, env);
      return (await exists(paths.database)) ? apiOf(own, () => connectOrStart(own)) : null;
    },
  };
}

/**
 * Checks a path that a host tool reads or writes: the tool can't be given one that is not UTF-8.
 * @throws FILE_INVALID
 */
function utf8Path(path: string): string {
  if (!hasOtherBytes(path) && !path.includes("\ufffd")) return path;
  const next = "give the file or the folder another name, or pass it on stdin";
  throw fail("FILE_INVALID", { path, problem: "its path is not UTF-8", next });
}

function utf8Paths<T extends Record<string, string | undefined>>(paths: T): T {
  for (const path of Object.values(paths)) utf8Path(path ?? "");
  return paths;
}

/** An error on stderr is JSON then, and nothing else may be there. */
function asksForJson(): boolean {
  const words = process.argv.slice(2);
  const end = words.indexOf("--");
  return words.slice(0, end < 0 ? undefined : end).includes("--json");
}

/** Runs it at the first call alone. */
function once(run: () => void): () => void {
  let hasRun = false;
  return () => {
    if (!hasRun) run();
    hasRun = true;
  };
}

async function runningApi(place: DaemonPlace, other = version): Promise<Api | null> {
  const line = await connectOwn(place);
  if (!line) return null;
  line.destroy();
  const connect = async () => (await connectOwn(place)) ?? connectOrStart({ ...place, foreign: true });
  return apiOf(place, connect, other);
}

function apiOf({ socket, foreign, stateFolder }: DaemonPlace, connect: () => Promise<ByteStream>, as = version): Api {
  return new Api({ connect, version: as, socket, ...(foreign ? {} : { stateFolder }) });
}

async function execOf(env: Env) {
  const { createExec } = await import("../host/process/exec-node.ts");
  return createExec(definedOnly(env));
}

async function workspaceDeps(paths: Paths, env: Env, home: string): Promise<WorkspaceDeps> {
  const [exec, cage] = await Promise.all([execOf(env), cageOf(paths, env)]);
  return { exec, cage, home, scratch: paths.workspaceScratch, env };
}

async function cageOf(paths: Paths, env: Env): Promise<ToolCage> {
  const { createToolCage } = await import("../host/process/tool-cage.ts");
  const { which } = await import("../host/facts.ts");
  const agent = env["BANGER_AGENT"] || join(dirname(process.execPath), "banger-vsock-agent");
  const confinement = async () => {
    const { loadConfig } = await import("../config/load.ts");
    return (await loadConfig({ file: paths.configFile })).confinement;
  };
  return createToolCage({ exec: await execOf(env), which, agent, confinement });
}

async function openOptions(paths: Paths, env: Env, signal: AbortSignal): Promise<OpenOptions> {
  return { stdin: stdinStream(), uid: process.getuid?.() ?? 0, cage: await cageOf(paths, env), signal };
}

async function recipeDeps(paths: Paths, env: Env): Promise<RecipeDeps> {
  const { makeScratch } = await import("../host/files/scratch.ts");
  const { fetchBytesOf } = await import("./web.ts");
  return {
    exec: await execOf(env),
    cage: await cageOf(paths, env),
    env,
    uid: process.getuid?.() ?? 0,
    scratch: () => makeScratch(paths.recipeScratch),
    fetchBytes: fetchBytesOf(env),
    now: () => Date.now(),
  };
}

async function processEnd(pid: number): Promise<void> {
  const { processRef } = await import("../host/process/children.ts");
  const { waitForExit } = await import("../host/process/end.ts");
  const ref = processRef(pid);
  if (ref) await waitForExit(ref);
}

async function* stdinStream(): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of process.stdin) yield chunk as Uint8Array;
}

/** All of stdin, or a little more than `maxBytes`. */
async function readStdin(maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdinStream()) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) break;
  }
  return Buffer.concat(chunks);
}
