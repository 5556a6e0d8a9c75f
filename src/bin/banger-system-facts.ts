/** The facts about system mode that `banger doctor` checks, for its owner. */
import { isError, toBangerError } from "../base/errors/error.ts";
import type { Api } from "../client/api.ts";
import { configOrDefault } from "../config/load.ts";
import type { CheckFacts } from "../doctor/facts.ts";
import type { SystemFact } from "../doctor/system.ts";
import { clashOf, freeBridge, listRoutes, readRoutes } from "../helper/clash.ts";
import { openProblem } from "../host/files/open-problem.ts";
import type { Exec } from "../host/process/exec.ts";
import type { BridgeSpec } from "../model/bridge.ts";
import { readMetadata } from "../system/metadata.ts";
import { systemStatus } from "../system/status.ts";
import type { SystemWorld } from "../system/world.ts";

/** Null without system mode, and for others than its owner; damaged metadata are everybody's, since nobody knows whose they are. */
export async function servicesFact(world: SystemWorld): Promise<CheckFacts["services"]> {
  const found = readMetadata(world);
  if (found && "metadata" in found && found.metadata.owner.uid !== world.uid) return null;
  try {
    const { version, units, programs, interrupted } = await systemStatus(world);
    return { version, units, programs, interrupted };
  } catch (error) {
    if (isError(error, "SYSTEM_NOT_INSTALLED")) return null;
    const { message, hint } = toBangerError(error);
    return { problem: message, fix: hint, isIgnored: found !== null && "problem" in found };
  }
}

export type SystemFactDeps = {
  exec: Exec;
  configFile: string;
  running: () => Promise<Api | null>;
};

/** For the owner of system mode. */
export async function systemFact({ exec, configFile, running }: SystemFactDeps): Promise<SystemFact> {
  const { network } = await configOrDefault({ file: configFile });
  return {
    bridge: `${network.bridge.address}/${network.bridge.prefix}`,
    clash: await clashFact(exec, network.bridge),
    tun: openProblem("/dev/net/tun"),
    reported: await reportedBy(running),
  };
}

/** Null also where ip(8) can't say. */
async function clashFact(exec: Exec, bridge: BridgeSpec): Promise<SystemFact["clash"]> {
  try {
    const { exitCode, stdout } = await exec(listRoutes, { timeoutMs: 5000 });
    if (exitCode !== 0) return null;
    const routes = readRoutes(new TextDecoder().decode(stdout));
    const clash = clashOf(bridge, routes);
    return clash && { network: clash.text, device: clash.device, free: freeBridge(bridge.prefix, routes) };
  } catch {
    return null;
  }
}

async function reportedBy(running: () => Promise<Api | null>): Promise<SystemFact["reported"]> {
  try {
    const api = await running();
    // an older daemon does not report it
    return (api && (await api.json("host")).system) ?? null;
  } catch {
    // the result of the daemon's own check
    return null;
  }
}
