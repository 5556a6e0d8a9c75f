/** A daemon whose VMs all have a hostile agent, and the compiled program as its user. Only the VMM is replaced. */
import "./as-released.ts";

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientVerbs } from "../../src/api/types.ts";
import { type Served, serve } from "../../src/daemon/testing/serve.ts";
import { connectUnix } from "../../src/host/net/socket.ts";
import { shortTimings } from "../../src/machines/testing/daemon.ts";
import type { Probe, RunningVm, VmmDriver } from "../../src/vmm/driver.ts";
import { combineDrivers } from "../../src/vmm/drivers.ts";
import { createFakeDriver, FakeWorld } from "../../src/vmm/testing/fake.ts";
import { connectAgent } from "../../src/wire/agent/client.ts";
import { relayAgent } from "../../src/wire/agent/relay.ts";
import { Home, type Outcome, type RunOptions } from "../e2e/home.ts";
import { HostileAgent } from "./hostile-agent.ts";

export type LiedTo = {
  agent: HostileAgent;
  world: FakeWorld;
  home: Home;
  /** runs the compiled program against this daemon */
  banger(args: string[], options?: RunOptions): Promise<Outcome>;
  end(): Promise<void>;
};

/** What a client waits for in these tests before it is ended, in `ms`. */
export const patienceMs = 15_000;

export async function lieToDaemon(label: string): Promise<LiedTo> {
  const folder = mkdtempSync(join(tmpdir(), "ba-"));
  const agent = new HostileAgent(join(folder, "agent"));
  await agent.listen();
  const world = new FakeWorld();
  const served = await serveOver(agent, world);
  const home = new Home(label);
  const banger = (args: string[], options: RunOptions = {}) =>
    home.banger(args, { timeoutMs: patienceMs, ...options, env: { BANGER_SOCKET: served.socket, ...options.env } });
  return {
    ...{ agent, world, home, banger },
    async end() {
      await served.close();
      await agent.close();
      await home.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function serveOver(agent: HostileAgent, world: FakeWorld): Promise<Served> {
  return serve({
    deps: {
      drivers: combineDrivers([withAgent(createFakeDriver(world), agent)]),
      connectAgent,
      timings: { ...shortTimings, agentMs: 3000, reconnectMs: 3000, servicesMs: 2000, graceMs: 500 },
    },
    relay: (line, upstream) => relayAgent(line, upstream, { allow: clientVerbs }),
  });
}

function withAgent(driver: VmmDriver, agent: HostileAgent): VmmDriver {
  return {
    ...driver,
    probe: async () => withoutSnapshots(await driver.probe()),
    async boot(spec, signal) {
      const vm = await driver.boot(spec, signal);
      const line: RunningVm["agent"] = async () => ({ stream: await connectUnix(agent.path), resync: false });
      return Object.assign(vm, { agent: line });
    },
  };
}

function withoutSnapshots(probe: Probe): Probe {
  return probe.usable ? { ...probe, features: { ...probe.features, snapshots: false } } : probe;
}
