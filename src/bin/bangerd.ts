/** `bangerd`: builds the daemon and runs it until it is asked to stop. VMs outlive it. */

import { clientVerbs } from "../api/types.ts";
import { claimCache } from "../artifacts/cache-owner.ts";
import { Deferred } from "../base/async.ts";
import { fail, toBangerError } from "../base/errors/error.ts";
import { completeProxies } from "../base/proxy.ts";
import { indented } from "../base/untrusted-text.ts";
import { configOrDefault } from "../config/load.ts";
import { createDaemon } from "../daemon/create.ts";
import { logFiles } from "../daemon/log-files.ts";
import { serveApi } from "../daemon/server.ts";
import { SocketKeeper } from "../daemon/socket-keeper.ts";
import { socketWorld } from "../daemon/socket-world.ts";
import { hostFacts } from "../host/facts.ts";
import { tryLock } from "../host/files/lock.ts";
import { limitLog } from "../host/files/log-limit.ts";
import { ensureOwnFolder, refuseLink } from "../host/files/owner.ts";
import type { Cgroup } from "../host/process/cgroup.ts";
import { parentOf } from "../host/process/tree.ts";
import { catchUncaught } from "../host/process/uncaught.ts";
import { sweptFolders, systemPaths } from "../model/paths.ts";
import { relayAgent } from "../wire/agent/relay.ts";
import { wireMachines } from "./bangerd-machines.ts";
import type { SystemFacts } from "./bangerd-network.ts";
import { type DaemonSetup, ownSetup, serviceSetup } from "./bangerd-setup.ts";

type Env = Record<string, string | undefined>;

/** @returns the process's exit code; errors go to stderr, which the starting process reads */
export async function bangerdMain(argv: readonly string[], env: Env): Promise<number> {
  try {
    return await run(env, setupOf(argv, env));
  } catch (thrown) {
    const error = toBangerError(thrown);
    process.stderr.write(`bangerd: ${indented(error.message)}\nhint: ${indented(error.hint)}\n`);
    return error.exit;
  }
}

/** @throws USAGE, and as `serviceSetup` */
function setupOf(argv: readonly string[], env: Env): DaemonSetup {
  if (argv.length === 0) return ownSetup(env);
  if (argv.length === 1 && argv[0] === "--system") return serviceSetup(env);
  throw fail("USAGE", {
    problem: "bangerd takes no arguments",
    next: "`banger` starts it when it is needed; `bangerd --system` is what the service's unit runs",
  });
}

async function run(env: Env, { paths, openLog, notify, service }: DaemonSetup): Promise<number> {
  process.umask(0o077);
  completeProxies(env);
  const startedAt = Date.now();
  const stop = stopRequests();
  const free = new Deferred<void>();
  const facts = await hostFacts();
  await Promise.all([paths.roots.state, paths.roots.cache].map(ensureOwnFolder));
  await Promise.all(sweptFolders(paths).map(refuseLink));
  const lock = tryLock(paths.lock, paths.socket);
  if ("heldBy" in lock) throw fail("DAEMON_RUNNING", { directory: paths.roots.state, pid: lock.heldBy });
  const log = openLog();
  const uncaught = catchUncaught(log);
  const stderr = service ? null : limitLog(paths.daemonStderr);
  if (service && "why" in service.cgroup) log.warn("VMs have no limits of their own", { why: service.cgroup.why });
  const cache = await claimCache(paths, startedAt);
  const { machines, drivers, networkSettled, helper, userDns, close } = await wireMachines({
    paths,
    facts,
    env,
    log,
    cacheSince: cache.since,
    system: service && systemFacts(service.cgroup),
  });
  const daemon = createDaemon({
    machines,
    drivers,
    facts,
    identity: { pid: process.pid, startedAt, socket: paths.socket, stateDirectory: paths.roots.state },
    logs: logFiles,
    uncaught: () => uncaught.facts,
    system: service && helper && { helper, limitsProblem: "why" in service.cgroup ? service.cgroup.why : null },
    dns: userDns && (() => userDns.state()),
    relay: (client, upstream, watch) => relayAgent(client, upstream, { allow: clientVerbs, ...watch }),
    log,
    stop() {
      stop.resolve("asked over the API");
      return free.promise;
    },
  });
  await machines.reconcile();
  const peers = { uid: facts.uid, vmProcesses: machines.vmProcesses, parentOf };
  const keeper = new SocketKeeper(
    paths.socket,
    socketWorld((path) => serveApi(path, daemon, peers)),
    log,
  );
  await keeper.open();
  // who starts the service may then count on the names of VMs, too
  await networkSettled;
  notify("READY=1");
  log.info("ready", { pid: process.pid, tookMs: Date.now() - startedAt });
  void userDns?.begin(async () => (await configOrDefault({ file: paths.configFile })).dnsPort);
  const why = await stop.promise;
  log.info("stopping, VMs keep running", { why });
  notify("STOPPING=1");
  await machines.retire();
  // before the sessions end: their clients reconnect at once, and must not reach this daemon
  await keeper.retreat();
  machines.release();
  close();
  cache.release();
  stderr?.stop();
  lock.release();
  free.resolve();
  await keeper.close();
  return 0;
}

function systemFacts(cgroup: Cgroup): SystemFacts {
  return { helperSocket: systemPaths().helperSocket, cgroup: "folder" in cgroup ? cgroup.folder : null };
}

/** Resolves at the first request to stop, by signal or over the API. SIGHUP at logout is not one. */
function stopRequests(): Deferred<string> {
  const stop = new Deferred<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.resolve(signal));
  process.on("SIGHUP", () => {});
  return stop;
}
