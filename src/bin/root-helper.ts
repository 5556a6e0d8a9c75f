/** `bangerd root-helper`: builds the privileged helper of system mode and runs it until it is asked to stop. What it made stays. */
import { setTimeout as elapse } from "node:timers/promises";
import { Deferred } from "../base/async.ts";
import { toBangerError } from "../base/errors/error.ts";
import { version } from "../base/version.ts";
import { refusalOf } from "../helper/admission.ts";
import { Checks } from "../helper/checks.ts";
import { Keeper } from "../helper/keeper.ts";
import { removeNetwork } from "../helper/removal.ts";
import { Server } from "../helper/server.ts";
import { watchHost } from "../helper/watch.ts";
import { systemClock } from "../host/clock.ts";
import { readTextIfAny } from "../host/files/files.ts";
import { journalLogger } from "../host/log.ts";
import { forwardIpv4, forwardsIpv4, legacyTables } from "../host/net/forwarding.ts";
import { listenUnix } from "../host/net/socket.ts";
import { watchNearest } from "../host/net/socket-file.ts";
import { spawnPiped } from "../host/process/children.ts";
import type { Exec } from "../host/process/exec.ts";
import { createExec } from "../host/process/exec-node.ts";
import { type Notify, takeNotify } from "../host/process/notify.ts";
import { type HelperOptions, ownerOf, readOptions } from "./root-helper-options.ts";

type Env = Record<string, string | undefined>;

/** for a frame to become complete, and for an answer to be read */
const stallMs = 10_000;

const log = journalLogger((line) => void process.stderr.write(line));

/** @returns the process's exit code; everything it says goes to stderr, which is the journal's */
export async function rootHelperMain(argv: readonly string[], env: Env): Promise<number> {
  try {
    const exec = createExec({ PATH: env["PATH"] ?? "" });
    if (argv[0] === "remove-network" && argv.length === 1) await removeNetwork(exec, log);
    else await serve(readOptions(argv), exec, takeNotify(env));
    return 0;
  } catch (thrown) {
    const error = toBangerError(thrown);
    log.error(error.message, { hint: error.hint });
    return error.exit;
  }
}

async function serve({ metadata, unit, socket }: HelperOptions, exec: Exec, notify: Notify): Promise<void> {
  const owner = ownerOf(metadata);
  const stop = new Deferred<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.resolve(signal));
  const forwarding = { forwards: forwardsIpv4, forward: forwardIpv4, legacyTables };
  const keeper = new Keeper({ exec, log, owner, version, pid: process.pid, ...forwarding });
  await keeper.recover();
  const { stopWatching } = keepUp(keeper);
  const server = new Server({
    refusal: (caller) => refusalOf({ exec, unit, owner }, caller),
    nameOf: async (pid) => (await readTextIfAny(`/proc/${pid}/comm`))?.trim() ?? "unknown",
    handle: (request) => keeper.handle(request),
    log,
    stallMs,
  });
  // 0660: the owner's group may connect; who of it may go on is asked then
  const options = { mode: 0o660, replacesOthers: true };
  const listener = await listenUnix(socket, options, (stream, peer) => void server.accept(stream, peer));
  notify("READY=1");
  log.info("ready", { pid: process.pid, owner, unit });
  const why = await stop.promise;
  notify("STOPPING=1");
  log.info("stopping, the network stays", { why });
  stopWatching();
  server.close();
  await listener.close();
}

/** Has the keeper look at the network after each change on the host. */
function keepUp(keeper: Keeper): { stopWatching(): void } {
  const checks = new Checks({
    check: () => keeper.check(),
    failed: (error) => log.error("the network can't be made again", { why: String(error) }),
    clock: systemClock,
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  });
  const stop = watchHost({
    follow: (argv, signal) => spawnPiped(argv, { signal }).stdout,
    watchFolder: watchNearest,
    pause,
    changed({ isFirewalld }) {
      if (isFirewalld) keeper.noteFirewalld();
      checks.request();
    },
    ended: (argv, why) => log.warn("a monitor ended", { program: argv.join(" "), why }),
  });
  return {
    stopWatching() {
      checks.stop();
      stop();
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return elapse(ms, undefined, { signal }).catch(() => {});
}
