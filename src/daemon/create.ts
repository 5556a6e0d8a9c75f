/** Composes the daemon from its own facts and the machines that it serves. */
import { apiVersion, type DaemonInfo, type HostInfo } from "../api/types.ts";
import { version } from "../base/version.ts";
import type { Logger } from "../host/log.ts";
import type { Machines } from "../machines/machines.ts";
import type { Probe, VmmDrivers } from "../vmm/driver.ts";
import type { Daemon, LogFiles } from "./daemon.ts";
import { UseList } from "./in-use.ts";
import { type SystemParts, systemInfo } from "./system-info.ts";

export type DaemonParts = {
  machines: Machines;
  drivers: VmmDrivers;
  facts: { cpus: number; memoryBytes: number };
  identity: { pid: number; startedAt: number; socket: string; stateDirectory: string };
  logs: LogFiles;
  relay: Daemon["relay"];
  uncaught(): DaemonInfo["uncaught"];
  /** null: the daemon is a user's own */
  system: SystemParts | null;
  /** see `UserDns`; null: in system mode */
  dns: (() => Promise<NonNullable<HostInfo["dns"]>>) | null;
  log: Logger;
  stop(): Promise<void>;
};

export function createDaemon(parts: DaemonParts): Daemon {
  const { machines, logs, relay, log, stop } = parts;
  const identity = { ...parts.identity, version, api: apiVersion };
  const inUse = new UseList();
  const info = () => ({
    ...identity,
    leftovers: machines.leftovers(),
    uncaught: parts.uncaught(),
    inUse: inUse.all(),
  });
  return { machines, info, host: () => hostInfo(parts), logs, inUse, relay, log, stop };
}

async function hostInfo({ drivers, facts: { cpus, memoryBytes }, system, dns }: DaemonParts): Promise<HostInfo> {
  const probes = await Promise.all(
    drivers.all.map(async (driver) => ({ name: driver.name, ...(await driver.probe()) })),
  );
  const usable = probes.flatMap((probe) => (probe.usable ? [probe] : []));
  const vmms = usable.map(vmmInfo);
  const unusable = probes.flatMap((probe) =>
    probe.usable ? [] : [{ driver: probe.name, why: probe.why, fix: probe.fix }],
  );
  return {
    cpus,
    memoryBytes,
    vmm: vmms[0] ?? null,
    vmms,
    unusableVmms: unusable,
    system: system && (await systemInfo(system)),
    dns: dns && (await dns()),
  };
}

function vmmInfo({ driver, version, accel, why, fix }: Extract<Probe, { usable: true }>): HostInfo["vmms"][number] {
  return { driver, version, accel, why, ...(fix !== undefined && { fix }) };
}
