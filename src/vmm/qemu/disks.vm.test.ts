/** What a guest's agent does about disks that are not what its kernel arguments say. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { readText, sizeOf } from "../../host/files/files.ts";
import { gate } from "../../host/testing/gate.ts";
import { vmPaths } from "../../model/paths.ts";
import type { BootSpec } from "../driver.ts";
import { type TinyVms, tinyVms } from "../testing/tiny-vm.ts";

const limitMs = 60_000;

describe.skipIf(gate("vm") !== null)("a guest's disks", () => {
  let vms: TinyVms;
  beforeAll(async () => {
    vms = await tinyVms("disks");
  }, 300_000);
  afterAll(() => vms.remove());

  /** `NAME:DEVICE:BYTES` of a disk, with the size that the file of disk `of` has. */
  const disk = async (spec: BootSpec, name: string, device: string, of = name) => {
    const path = spec.blockDevices.find((each) => each.name === of)?.path ?? "";
    return `${name}:${device}:${await sizeOf(path)}`;
  };
  /** What the agent says before it powers off, when `disks` describes the disks of `spec`. */
  const complaint = async (spec: BootSpec, disks: string[]): Promise<string> => {
    const kernelArgs = [...spec.kernelArgs, `banger.disks=${disks.join(",")}`];
    const vm = await vms.driver().boot({ ...spec, kernelArgs }, AbortSignal.timeout(limitMs));
    try {
      expect(await vm.wait()).toEqual({ kind: "poweroff" });
    } finally {
      await vm.kill();
    }
    const console = await readText(vmPaths(spec.directory).serialLog, 1024 * 1024);
    return /banger-agent: (.*?)\r?\n/.exec(console)?.[1] ?? console;
  };

  // the specification's own order: layer0, modules, data
  const rows: [string, (spec: BootSpec) => Promise<string[]>, RegExp][] = [
    [
      "a disk that does not appear",
      (spec) => Promise.all([disk(spec, "layer0", "vda"), disk(spec, "data", "vdz")]),
      /^disk data did not appear as \/dev\/vdz: /,
    ],
    [
      "one that is not listed",
      (spec) => Promise.all([disk(spec, "layer0", "vda"), disk(spec, "modules", "vdb")]),
      /^banger\.disks lists no disk data$/,
    ],
    [
      "a data disk in a layer's place",
      (spec) => Promise.all([disk(spec, "layer0", "vdc"), disk(spec, "data", "vda")]),
      /^\/dev\/vdc has \d+ bytes, so it is not disk layer0 \(\d+ bytes\)$/,
    ],
    [
      "another disk in the data disk's place, and of its size: by mount(2)",
      (spec) => Promise.all([disk(spec, "layer0", "vda"), disk(spec, "data", "vdb", "modules")]),
      /^\/data: (Permission denied|Invalid argument)/,
    ],
  ];
  test.each(rows)(
    "%s is refused with a reason",
    async (_, disks, expected) => {
      const spec = await vms.spec();
      expect(await complaint(spec, await disks(spec))).toMatch(expected);
    },
    limitMs * 2,
  );

  test(
    "the disk of a VM is as it was when it was refused",
    async () => {
      const spec = await vms.spec();
      const { disk: path } = vmPaths(spec.directory);
      await copyFile(path, `${spec.directory}/before`);
      await complaint(spec, [await disk(spec, "layer0", "vdc"), await disk(spec, "data", "vda")]);
      const [before, after] = await Promise.all(
        [`${spec.directory}/before`, path].map((file) => Bun.file(file).bytes()),
      );
      expect(Buffer.compare(before as Uint8Array, after as Uint8Array)).toBe(0);
    },
    limitMs * 2,
  );
});
