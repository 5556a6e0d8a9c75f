/** `bangerd`: puts the daemon together and runs it until it is told to stop. VMs outlive it. */
import { Deferred } from "../base/async.ts";
import { fail, toBangerError } from "../base/errors/error.ts";
import { createDaemon } from "../daemon/create.ts";
import { serveApi } from "../daemon/server.ts";
import { SocketKeeper } from "../daemon/socket-keeper.ts";
import { socketWorld } from "../daemon/socket-world.ts";
import { hostFacts } from "../host/facts.ts";
import { ensureFolder } from "../host/files.ts";
import { tryLock } from "../host/lock.ts";
import { createLogger } from "../host/log.ts";
import { pathsOf, rootlessRoots } from "../model/paths.ts";
import { wireMachines } from "./bangerd-machines.ts";

type Env = Record<string, string | undefined>;

/** @returns the process's exit code; whatever goes wrong before the log is open is said on stderr */
export async function bangerdMain(argv: readonly string[], env: Env): Promise<number> {
  try {
    if (argv.length > 0) throw fail("USAGE", { problem: "bangerd takes no arguments", next: "it is started by `banger` when needed" });
    return await run(env);
  } catch (thrown) {
    const error = toBangerError(thrown);
    process.stderr.write(`${JSON.stringify({ error: error.toWire() })}\n`);
    return error.exit;
  }
}

async function run(env: Env): Promise<number> {
  process.umask(0o077);
  const stopped = stopRequests();
  const facts = await hostFacts();
  const paths = pathsOf(rootlessRoots({ home: facts.home, env }));
  await ensureFolder(paths.roots.state);
  const lock = tryLock(paths.lock);
  if ("heldBy" in lock) throw fail("DAEMON_RUNNING", { directory: paths.roots.state, pid: lock.heldBy });
  const log = createLogger(paths.daemonLog);
  const socket = env["BANGER_SOCKET"] || paths.socket;
  const { machines, driver, close } = await wireMachines({ paths, facts, env, log });
  const daemon = createDaemon({ machines, driver, facts, paths, socket, log, stop: () => stopped.resolve("asked") });
  await machines.reconcile();
  const peers = { uid: facts.uid, vmProcesses: machines.vmProcesses, parentOf };
  const keeper = new SocketKeeper(socket, socketWorld((path) => serveApi(path, daemon, peers)), log);
  await keeper.open();
  log.info("ready", { pid: process.pid, socket });
  const why = await stopped.promise;
  log.info("stopping, VMs go on", { why });
  await keeper.close();
  machines.release();
  close();
  lock.release();
  return 0;
}
