/** Starts one QEMU, confined and detached, and waits until its monitor is ready. */
import { Deferred, orAborted, withTimeout } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail } from "../../base/errors/error.ts";
import { removeTree } from "../../host/files/files.ts";
import { listenUnix } from "../../host/net/socket.ts";
import { signalProcess, spawnDetached } from "../../host/process/children.ts";
import { waitForExit } from "../../host/process/end.ts";
import type { ProcessRef } from "../../model/vm.ts";
import { connectQmp, type Qmp } from "../../wire/qmp/client.ts";
import { readTails } from "../logs.ts";
import { classifyExit } from "./exit.ts";

export type Started = {
  process: ProcessRef;
  qmp: Qmp;
  exited: Promise<{ exitCode: number | null; signal: string | null }>;
};

export type StartSpec = {
  argv: readonly string[];
  directory: string;
  /** the socket that QEMU's first monitor connects to; it does so before QEMU is set up, which only the greeting shows */
  boot: string;
  /** these two are removed when the start fails */
  qmp: string;
  agent: string;
  /** runs before the QEMU counts as started */
  prepare?: (qmp: Qmp) => Promise<void>;
  serialLog: string;
  vmmLog: string;
};

/** A loaded host needs a second or two; the limit is for a QEMU that hangs. */
const setupTimeoutMs = 60_000;
/** from the end of the monitor's connection to the end of the process, whose memory can be large */
const endingTimeoutMs = 10_000;

/**
 * Doesn't poll for a socket: we listen, and either QEMU's monitor connects and sends its greeting, or the process ends.
 * On failure or abort no process and no socket is left.
 * @throws VMM_START_FAILED with QEMU's own message
 */
export async function startQemu(spec: StartSpec, signal: AbortSignal): Promise<Started> {
  signal.throwIfAborted();
  const connected = new Deferred<{ stream: ByteStream; pid: number }>();
  // an earlier VMM may have left one
  await removeTree(spec.boot);
  const listener = await listenUnix(spec.boot, { mode: 0o600 }, (stream, peer) =>
    connected.resolve({ stream, pid: peer.pid }),
  );
  try {
    const { ref, exited } = await spawnDetached(spec.argv, {
      cwd: spec.directory,
      env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8" },
      stdoutFile: spec.vmmLog,
      stderrFile: spec.vmmLog,
    });
    const ready = monitorOf(connected.promise, ref, spec, exited);
    try {
      return { process: ref, exited, qmp: await withTimeout(orAborted(ready, signal), setupTimeoutMs, tooSlow) };
    } catch (error) {
      await cleanUp(ref, spec);
      throw error;
    }
  } finally {
    await listener.close();
    await removeTree(spec.boot);
  }
}

async function monitorOf(
  connected: Promise<{ stream: ByteStream; pid: number }>,
  process: ProcessRef,
  spec: StartSpec,
  exited: Started["exited"],
): Promise<Qmp> {
  const ended = exited.then(async (status) => {
    throw startFailed(await reasonOf(spec, status));
  });
  ended.catch(() => {});
  const connectedMonitor = connected.then(async ({ stream, pid }) => {
    if (pid === process.pid) {
      const qmp = await connectQmp(stream);
      await spec.prepare?.(qmp);
      return qmp;
    }
    stream.destroy();
    throw startFailed(`process ${pid} connected in place of QEMU`);
  });
  // when the monitor breaks, the process is about to end, and its own message is the better reason
  const qmp = connectedMonitor.catch((error: Error) => withTimeout(ended, endingTimeoutMs, () => error));
  return Promise.race([qmp, ended]);
}

async function reasonOf(spec: StartSpec, status: { exitCode: number | null; signal: string | null }): Promise<string> {
  const exit = classifyExit({
    killCalled: false,
    shutdown: null,
    isWatched: false,
    status,
    ...(await readTails(spec)),
  });
  return "reason" in exit ? exit.reason : "QEMU ended before the guest started";
}

async function cleanUp(process: ProcessRef, spec: StartSpec): Promise<void> {
  signalProcess(process, "SIGKILL");
  await waitForExit(process);
  await Promise.all([spec.qmp, spec.agent].map((path) => removeTree(path)));
}

function startFailed(reason: string) {
  return fail("VMM_START_FAILED", { driver: "qemu", reason });
}

function tooSlow() {
  return startFailed(`its monitor did not answer within ${setupTimeoutMs / 1000} s`);
}
