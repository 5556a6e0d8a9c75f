/** Starts one Firecracker, confined and detached, and hands it its first requests. */
import { Deferred, orAborted, withTimeout } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail } from "../../base/errors/error.ts";
import { oneAtATime } from "../../base/one-at-a-time.ts";
import { errnoOf } from "../../host/errno.ts";
import { removeTree, removeTrees } from "../../host/files/files.ts";
import { watchFolder } from "../../host/files/folder-watch.ts";
import { makeEmpty } from "../../host/files/new-file.ts";
import { connectUnix } from "../../host/net/socket.ts";
import { type Ended, signalProcess, spawnDetached } from "../../host/process/children.ts";
import { waitForExit } from "../../host/process/end.ts";
import type { ProcessRef } from "../../model/vm.ts";
import { connectApi, type FirecrackerApi } from "../../wire/firecracker/client.ts";
import { beginLogs } from "../logs.ts";
import { endInWords } from "../process-end.ts";
import { classifyExit, lastWord } from "./exit.ts";
import { type FirecrackerPaths, leftoversIn, socketsIn } from "./paths.ts";
import { readTails } from "./tails.ts";

export type Started = { process: ProcessRef; api: FirecrackerApi; exited: Promise<Ended> };

export type StartSpec = {
  argv: readonly string[];
  paths: FirecrackerPaths;
  /** the first requests, before the Firecracker counts as started */
  prepare(api: FirecrackerApi): Promise<void>;
  /** time limit of each request, in `ms` */
  answerMs?: number | undefined;
};

/** A loaded host needs a second or two; the limit is for a Firecracker that hangs. */
const setupTimeoutMs = 60_000;
/** from the end of its API connection to the end of the process, whose memory can be large */
const endingTimeoutMs = 10_000;

/**
 * On failure or abort no process and no socket is left.
 * @throws VMM_START_FAILED with Firecracker's own message
 */
export async function startFirecracker(spec: StartSpec, signal: AbortSignal): Promise<Started> {
  signal.throwIfAborted();
  const { argv, paths } = spec;
  await Promise.all([
    removeTrees([...socketsIn(paths.directory), ...leftoversIn(paths.directory)]),
    beginAllLogs(paths),
  ]);
  const env = { PATH: "/usr/bin:/bin", LANG: "C.UTF-8" };
  const files = { cwd: paths.directory, env, stdoutFile: paths.serialLog, stderrFile: paths.errors };
  const { ref, exited } = await spawnDetached(argv, files);
  try {
    return { process: ref, exited, api: await orAborted(apiOf(spec, exited), signal) };
  } catch (error) {
    signalProcess(ref, "SIGKILL");
    await waitForExit(ref);
    await removeTrees(socketsIn(paths.directory));
    throw error;
  }
}

/** Its standard output is the guest's console, opened for appending, so that it can be cut. Its log it opens itself, and may not create. */
async function beginAllLogs(paths: FirecrackerPaths): Promise<void> {
  await Promise.all([beginLogs(paths), removeTree(paths.errors)]);
  await makeEmpty(paths.vmmLog);
}

async function apiOf(spec: StartSpec, exited: Promise<Ended>): Promise<FirecrackerApi> {
  const ended = exited.then(async (status) => {
    throw startFailed(await reasonOf(spec.paths, status));
  });
  ended.catch(() => {});
  const listening = withTimeout(connected(spec.paths, ended), setupTimeoutMs, tooSlow);
  const api = connectApi(await listening, spec.answerMs);
  try {
    await spec.prepare(api);
    return api;
  } catch (error) {
    const { wasCut } = api;
    api.close();
    // the process is about to end, and its own message is the better reason
    if (wasCut) await withTimeout(ended, endingTimeoutMs, () => error as Error);
    throw error;
  }
}

/** Connects when its socket appears. @throws what `ended` throws */
async function connected({ directory, api }: FirecrackerPaths, ended: Promise<never>): Promise<ByteStream> {
  const open = new Deferred<ByteStream>();
  let isOver = false;
  const look = oneAtATime(async () => {
    if (isOver) return;
    try {
      const line = await connectUnix(api, setupTimeoutMs);
      if (isOver) line.destroy();
      isOver = true;
      open.resolve(line);
    } catch (error) {
      // bind(2) makes the file, and listen(2) follows a moment later, without an event
      if (errnoOf(error) === "ECONNREFUSED") setTimeout(() => void look(), 1);
      else if (errnoOf(error) !== "ENOENT") open.reject(error);
    }
  });
  const watch = watchFolder(directory, () => void look());
  void look();
  try {
    return await Promise.race([open.promise, ended]);
  } finally {
    isOver = true;
    watch.close();
  }
}

async function reasonOf(paths: FirecrackerPaths, status: Ended): Promise<string> {
  const tails = await readTails(paths);
  const exit = classifyExit({ killCalled: false, hasHalted: false, status, ...tails });
  return exit.kind === "vmm-died" ? exit.reason : endInWords("Firecracker", status, lastWord(tails));
}

function startFailed(reason: string) {
  return fail("VMM_START_FAILED", { driver: "firecracker", reason });
}

function tooSlow() {
  return startFailed(`its API did not answer within ${setupTimeoutMs / 1000} s`);
}
