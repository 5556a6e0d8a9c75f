/** Runs command lines against a real daemon with an in-memory host, and collects output and exit code. */
import { afterEach } from "bun:test";
import { Api } from "../../client/api.ts";
import { planSync, type SyncPlan } from "../../client/sync/plan.ts";
import { type Served, type ServeOptions, serve } from "../../daemon/testing/serve.ts";
import type { CheckFacts } from "../../doctor/facts.ts";
import { connectUnix } from "../../host/net/socket.ts";
import { type FakeAgentOptions, fakeAgent } from "../../wire/agent/testing/fake.ts";
import type { WorkspacePlan } from "../../workspace/types.ts";
import type { CliContext, PullHost } from "../context.ts";
import { main, splitArgv } from "../main.ts";

export type CliResult = { code: number; stdout: string; stderr: string };

export type CliWorld = {
  served: Served;
  /** Runs one command line. */
  cli(line: string | string[], options?: CallOptions): Promise<CliResult>;
  close(): Promise<void>;
};

export type CallOptions = {
  stdin?: string | null;
  terminal?: boolean;
  env?: Record<string, string>;
  /** receives a function that sends signals while the command runs */
  onSignals?: (send: (signal: string) => void) => void;
  plan?: WorkspacePlan;
  sync?: () => SyncPlan;
  /** default: one that remembers nothing */
  pullHost?: PullHost;
  change?: (context: CliContext) => void;
};

export async function cliWorld(agent: FakeAgentOptions = {}, options: ServeOptions = {}): Promise<CliWorld> {
  const relay: ServeOptions["relay"] = async (line, upstream) => {
    fakeAgent(line, { plain: true, ...agent });
    await upstream.closed;
    line.destroy();
  };
  const served = await serve({ relay, ...options });
  return { served, cli: (line, call = {}) => runLine(served, line, call), close: () => served.close() };
}

/** `cliWorld` for the tests of one file: closes each world after its test. */
export function cliWorlds(): typeof cliWorld {
  const worlds: CliWorld[] = [];
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close();
  });
  return async (...args) => {
    const world = await cliWorld(...args);
    worlds.push(world);
    return world;
  };
}

async function runLine(served: Served, line: string | string[], call: CallOptions): Promise<CliResult> {
  const argv = typeof line === "string" ? line.split(" ") : line;
  const { own, guest } = splitArgv(argv);
  const out = { stdout: "", stderr: "" };
  const context = contextOf(served, guest, out, call);
  call.change?.(context);
  const code = await main(own, context);
  return { code, ...out };
}

const nothingSent: PullHost = {
  deps: {} as PullHost["deps"],
  records: { read: async () => null, write: async () => {}, copy: async () => {}, remove: async () => {} },
  applied: "",
};

export const goodHost: CheckFacts = {
  arch: "x64",
  kernel: "6.1.0",
  uid: 1000,
  accel: { own: { accel: "kvm", why: "" }, daemon: null },
  vmm: "auto",
  firecracker: { why: "firecracker is not installed", fix: "download it" },
  qemu: "QEMU emulator version 8.2.2",
  tools: [],
  network: { failure: null, fix: "", mayFallBack: false },
  dns: null,
  userDns: null,
  services: null,
  system: null,
  agentFailure: null,
  cage: { landlock: 7, seccomp: true, namespaces: null, network: null, processes: null, signals: null },
  sharing: null,
  confinement: "auto",
  subordinateIds: true,
  free: [{ path: "/s", bytes: 2 ** 40 }],
  config: { file: "/e/config.toml", problems: [] },
  catalogs: [],
  contents: { count: 2, damaged: [] },
  daemon: { state: "none" },
  version: "0.0.0-dev",
};

function contextOf(
  served: Served,
  guestArgv: string[] | null,
  out: { stdout: string; stderr: string },
  call: CallOptions,
): CliContext {
  const { terminal = false } = call;
  const decoder = new TextDecoder();
  const write = (to: "stdout" | "stderr") => (text: string) => {
    out[to] += text;
  };
  const unavailable = async (): Promise<never> => {
    throw new Error("not in this test");
  };
  const api = new Api({ connect: () => connectUnix(served.socket), version: "0.0.0-dev", socket: served.socket });
  return {
    process: { stdout: { write: write("stdout") }, stderr: { write: write("stderr") }, env: {} },
    flush: async () => undefined,
    guestArgv,
    stdio: {
      stdinIsTerminal: terminal,
      stdoutIsTerminal: terminal,
      stderrIsTerminal: terminal,
      size: () => ({ cols: 80, rows: 24 }),
      onResize: () => () => {},
      raw: () => () => {},
      isInForeground: () => true,
      hasHungUp: () => false,
      readInput: (onChunk, onEnd) => readText(call.stdin, onChunk, onEnd),
      async write(to, data) {
        out[to] += typeof data === "string" ? data : decoder.decode(data);
      },
    },
    signals: (listener) => {
      call.onSignals?.(listener);
      return () => {};
    },
    env: call.env ?? {},
    isRoot: false,
    homeOf: null,
    isFolder: (path) => path.endsWith("-folder"),
    version: "0.0.0-dev",
    now: () => 1_700_000_060_000,
    sinceStart: () => performance.now(),
    runSelf: unavailable,
    api,
    socket: served.socket,
    serviceOwner: null,
    systemWorld: unavailable,
    ownApi: async () => null,
    runningApi: async () => api,
    processEnd: async () => {},
    planWorkspace: async () => call.plan ?? unavailable(),
    pullHost: async () => call.pullHost ?? nothingSent,
    page: unavailable,
    workspaceTar: async function* () {
      yield new Uint8Array(1024);
    },
    planFileSync: async () => call.sync?.() ?? planSync("/none", []),
    readImageFile: unavailable,
    buildImage: unavailable,
    splitTag: async (file) => ({ file }),
    openTar: unavailable,
    openRootfs: unavailable,
    saveTo: unavailable,
    makeBundle: unavailable,
    registryCredential: async () => null,
    readStdin: async () => call.stdin ?? "",
    readInput: async (path) => new TextEncoder().encode(path === "-" ? (call.stdin ?? "") : await unavailable()),
    fetchKernel: unavailable,
    openKernel: unavailable,
    sshAccess: unavailable,
    checkFacts: async () => goodHost,
  };
}

/** null: the input stays open. */
function readText(
  text: string | null | undefined,
  onChunk: (chunk: Uint8Array) => Promise<void>,
  onEnd: () => void,
): { stop(): void } {
  if (text === null) return { stop() {} };
  const bytes = new TextEncoder().encode(text ?? "");
  void (bytes.length > 0 ? onChunk(bytes) : Promise.resolve()).then(onEnd);
  return { stop() {} };
}
