/** The two units, as systemctl(1) starts, stops and shows them. */
import { mustSucceed } from "./succeed.ts";
import type { SystemWorld } from "./world.ts";

type Systemd = Pick<SystemWorld, "exec">;

/** The units have the type notify, so it returns when they serve. @throws TOOL_FAILED */
export async function startUnits(world: Systemd, names: readonly string[]): Promise<void> {
  await systemctl(world, ["daemon-reload"]);
  // after some failures in a row systemd would refuse; units that have not failed are fine with it
  await world.exec(["systemctl", "reset-failed", ...names]);
  await systemctl(world, ["restart", ...names]);
}

/** @throws TOOL_FAILED */
export async function stopUnits(world: Systemd, names: readonly string[]): Promise<void> {
  await systemctl(world, ["stop", ...names.toReversed()]);
}

export type UnitState = {
  name: string;
  /** `loaded`, `not-found` */
  load: string;
  /** `active`, `activating`, `failed`, `inactive` */
  active: string;
  /** 0 without one */
  pid: number;
  /** started at boot: `enabled`, `disabled` */
  enabled: string;
};

export async function showUnit(world: Systemd, name: string): Promise<UnitState> {
  const properties = ["LoadState", "ActiveState", "MainPID", "UnitFileState"];
  const argv = ["systemctl", "show", ...properties.map((property) => `--property=${property}`), name];
  const { stdout } = await world.exec(argv);
  const shown = new Map(
    new TextDecoder()
      .decode(stdout)
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  return {
    name,
    load: shown.get("LoadState") ?? "",
    active: shown.get("ActiveState") ?? "",
    pid: Number(shown.get("MainPID")) || 0,
    enabled: shown.get("UnitFileState") || "disabled",
  };
}

/** longer than the units' own limits for a start */
const timeoutMs = 150_000;

async function systemctl({ exec }: Systemd, args: readonly string[]): Promise<void> {
  mustSucceed(`systemctl ${args[0]}`, await exec(["systemctl", ...args], { timeoutMs }));
}
