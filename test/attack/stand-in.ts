/** `stand-in.c`, and the same in the cage of Firecracker: the driver starts it as it would Firecracker. */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { agentBinary } from "../../src/host/testing/gate.ts";
import type { BootSpec, VmmDriver } from "../../src/vmm/driver.ts";
import { makeFakeHost } from "../../src/vmm/firecracker/testing/fake-host.ts";

export type StandIn = {
  driver: VmmDriver;
  /** a VM with a disk, and an image that it may only read */
  spec: BootSpec;
  remove(): void;
};

/** Compiles it into a folder; its path. @throws when there is no C compiler */
export function buildStandIn(folder: string): string {
  const program = join(folder, "stand-in");
  execFileSync("cc", ["-O1", "-Wall", "-o", program, join(import.meta.dir, "stand-in.c")]);
  return program;
}

/** @throws when there is no C compiler, or no agent */
export async function makeStandIn(): Promise<StandIn> {
  const agent = agentBinary();
  if (agent === null) throw new Error("banger-vsock-agent is not built");
  const host = makeFakeHost("attack");
  const program = buildStandIn(host.path);
  const spec = await host.spec();
  const image = join(host.path, "layer");
  await writeFile(image, "an image");
  const blockDevices = [{ name: "layer0", path: image, readOnly: true }, ...spec.blockDevices];
  return {
    driver: host.driver({ agent, program: async () => program }),
    spec: { ...spec, blockDevices },
    remove: host.remove,
  };
}
