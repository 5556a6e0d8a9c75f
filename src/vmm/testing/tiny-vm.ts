/** Specifications of small real VMs: busybox, with the agent as PID 1; they boot in two seconds under emulation. */
import type { VmId } from "../../base/names.ts";
import { which } from "../../host/facts.ts";
import { realPath } from "../../host/files/files.ts";
import { createExec } from "../../host/process/exec-node.ts";
import { agentBinary } from "../../host/testing/gate.ts";
import { tinyArtifacts } from "../../images/testing/tiny.ts";
import { createDataDisk } from "../disk.ts";
import type { BlockDevice, BootSpec, NetDevice, VmmDriver } from "../driver.ts";
import { createQemuDriver } from "../qemu/driver.ts";
import { type Cable, layCable } from "./cable.ts";
import { makeTempFolder } from "./temp.ts";

const confinement = async () => "auto" as const;
const diskBytes = 256 * 1024 * 1024;

const mac = "02:00:00:00:00:01";

export type TinyVms = {
  /** a new driver, without knowledge of earlier ones */
  driver(): VmmDriver;
  /** a fresh folder with a fresh disk, and no network device */
  spec(change?: Partial<BootSpec>): Promise<BootSpec>;
  /** the same with a network device of a kind that the driver has, on a cable of its own where that is the host's part */
  wired(): Promise<BootSpec>;
  remove(): void;
};

/** What a driver of these VMs gets of this host. */
export type TinyHost = Parameters<typeof createQemuDriver>[0];

/** @param create the driver; QEMU's by default */
export async function tinyVms(
  label: string,
  create = createQemuDriver as (host: TinyHost) => VmmDriver,
): Promise<TinyVms> {
  const agent = agentBinary();
  if (agent === null) throw new Error("banger-vsock-agent is not built");
  const folder = makeTempFolder(label);
  await folder.make("partial");
  const exec = createExec(process.env as Record<string, string>);
  const disks = {
    exec,
    blankDisk: (bytes: number) => `${folder.path}/blank-${bytes}`,
    partial: `${folder.path}/partial`,
    blanks: new Map(),
  };
  const cables: Cable[] = [];
  const driver = () =>
    create({ exec, which, realPath, env: process.env, agent, tscFile: `${folder.path}/tsc`, confinement });
  let count = 0;
  const spec = async (change: Partial<BootSpec> = {}): Promise<BootSpec> => {
    const id = `tiny${String(count++).padStart(4, "0")}` as VmId;
    const directory = await folder.make(id);
    await createDataDisk(disks, { bytes: diskBytes, path: `${directory}/disk.ext4` });
    return { id, directory, vcpu: 1, memoryMib: 256, net: null, ...(await bootable(agent, directory)), ...change };
  };
  return {
    driver,
    spec,
    async wired() {
      const made = await spec();
      const net = await networkOf(driver(), `${made.directory}/cable`);
      if (net.kind === "stream") cables.push(await layCable(net.socket));
      return { ...made, net };
    },
    remove() {
      for (const cable of cables) cable.close();
      folder.remove();
    },
  };
}

/** A network device that `driver` gives its VMs; `socket` is for one that needs the host's end. */
async function networkOf(driver: VmmDriver, socket: string): Promise<NetDevice> {
  const probe = await driver.probe();
  if (!probe.usable) throw new Error(`${driver.name}: ${probe.why}`);
  return probe.features.netDevices.includes("stream") ? { kind: "stream", socket, mac } : { kind: "agent", mac };
}

async function bootable(agent: string, directory: string) {
  const tiny = await tinyArtifacts();
  const kernel = tiny.paths.kernel(tiny.kernel.digest);
  const layers = tiny.image.layers.map(
    (layer, at): BlockDevice => ({ name: `layer${at}`, path: tiny.paths.layer(layer.digest), readOnly: true }),
  );
  const blockDevices: BlockDevice[] = [
    ...layers,
    { name: "modules", path: kernel.modules, readOnly: true },
    { name: "data", path: `${directory}/disk.ext4`, readOnly: false, cache: "unsafe" },
  ];
  const kernelArgs = [`banger.layers=${layers.length}`, "banger.init=none"];
  return { vmlinux: kernel.vmlinux, initramfs: await tiny.initramfs(agent), kernelArgs, blockDevices };
}
