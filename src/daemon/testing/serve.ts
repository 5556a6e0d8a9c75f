/** A daemon on a real unix socket over a host in memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits, type HttpLimits } from "../../host/net/http-server.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import type { MachinesDeps } from "../../machines/deps.ts";
import type { Machines } from "../../machines/machines.ts";
import { type Host, newHost, startDaemon } from "../../machines/testing/daemon.ts";
import { worldDriver } from "../../machines/testing/world.ts";
import { combineDrivers } from "../../vmm/drivers.ts";
import { createDaemon, type DaemonParts } from "../create.ts";
import type { Daemon, LogFiles } from "../daemon.ts";
import type { PeerFacts } from "../peer.ts";
import { serveApi } from "../server.ts";
import type { SystemParts } from "../system-info.ts";

export type Served = {
  socket: string;
  host: Host;
  machines: Machines;
  stops: number;
  /** lines of the daemon's log */
  logged: readonly string[];
  close(): Promise<void>;
};

export type ServeOptions = {
  host?: Host;
  limits?: Partial<HttpLimits>;
  peers?: Partial<PeerFacts>;
  deps?: Partial<MachinesDeps>;
  logs?: LogFiles;
  relay?: Daemon["relay"];
  system?: SystemParts;
  dns?: DaemonParts["dns"];
};

export async function serve(options: ServeOptions = {}): Promise<Served> {
  const host = options.host ?? newHost();
  const machines = await startDaemon(host, undefined, options.deps);
  const folder = mkdtempSync(join(tmpdir(), "bd-"));
  const socket = join(folder, "s");
  const log = memoryLogger();
  const daemon = createDaemon({
    machines,
    drivers: combineDrivers([worldDriver(host.world)]),
    facts: { cpus: 2, memoryBytes: 2 ** 31 },
    identity: { pid: process.pid, startedAt: 1, socket, stateDirectory: "/s" },
    uncaught: () => ({ count: 0, last: null }),
    system: options.system ?? null,
    dns: options.dns ?? null,
    logs: options.logs ?? { read: async function* () {}, follow: async function* () {} },
    relay: options.relay ?? (async (line) => line.end()),
    log,
    async stop() {
      served.stops += 1;
    },
  });
  const peers = { uid: process.getuid?.() ?? 0, vmProcesses: () => [], parentOf: () => 0, ...options.peers };
  const server = await serveApi(socket, daemon, peers, { ...defaultLimits, ...options.limits });
  const served: Served = {
    socket,
    host,
    machines,
    stops: 0,
    logged: log.lines,
    async close() {
      await server.close();
      machines.release();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return served;
}
