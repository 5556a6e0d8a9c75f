import { expect, test } from "bun:test";
import { maxLayers } from "../../images/record.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import { digestOf, imageRecord, layerRef, vmRecord } from "../../store/testing/records.ts";
import { virtioDiskName } from "../../vmm/disks.ts";
import type { NetDevice } from "../../vmm/driver.ts";
import { maxBlockDevices } from "../../vmm/qemu/args.ts";
import { kernelCmdline } from "../../vmm/qemu/cmdline.ts";
import { plainFeatures } from "../../vmm/testing/fake.ts";
import { paths } from "../testing/daemon.ts";
import { bootSpec, diskCount } from "./boot-spec.ts";
import { spareDisks } from "./choose-vmm.ts";

const specOf = (image: ImageRecord) => bootSpec(paths, { vm: vmRecord(), image, initramfs: "/i", net: null });
const namesOf = (image: ImageRecord) => specOf(image).blockDevices.map(({ name }) => name);
const layers = (count: number) => Array.from({ length: count }, () => layerRef());

test("layers come first, lowest first, and the data disk last", () => {
  expect(namesOf(imageRecord({ layers: layers(2) }))).toEqual(["layer0", "layer1", "modules", "data"]);
  const direct = layerRef({ digest: digestOf("5") });
  expect(namesOf(imageRecord({ layers: layers(1), direct }))).toEqual(["layer0", "direct", "modules", "data"]);
});

test("an image of twelve layers, which was the limit, fits in QEMU and on its kernel's command line", () => {
  const spec = specOf(imageRecord({ layers: layers(12), direct: layerRef({ digest: digestOf("5") }) }));
  expect(spec.blockDevices.length).toBeLessThanOrEqual(maxBlockDevices);
  const disks = spec.blockDevices.map(({ name }, at) => `${name}:${virtioDiskName(at)}:${Number.MAX_SAFE_INTEGER}`);
  const args = ["banger.port=virtio", `banger.disks=${disks.join(",")}`, ...spec.kernelArgs];
  expect(kernelCmdline({ accel: "tcg", tscKhz: 10_000_000, args })).toContain(",data:vdo:");
});

test("an image with the maximum of layers fits in a VM of the driver that takes the fewest disks, and no larger one does", () => {
  const direct = layerRef({ digest: digestOf("5") });
  const needed = (count: number) => {
    const image = imageRecord({ layers: layers(count), direct });
    expect(diskCount(image)).toBe(specOf(image).blockDevices.length);
    return diskCount(image) + spareDisks;
  };
  expect(needed(maxLayers)).toBe(plainFeatures.maxDisks as number);
  expect(needed(maxLayers + 1)).toBe(16);
});

test("a guest can run VMs where its VM's spec says so", () => {
  const image = imageRecord({ layers: layers(1) });
  const nested = { ...vmRecord(), spec: { ...vmRecord().spec, nested: true as const } };
  expect(bootSpec(paths, { vm: nested, image, initramfs: "/i", net: null }).nested).toBe(true);
  expect(specOf(image)).not.toHaveProperty("nested");
});

test("the guest's agent is told to make a network device where the VMM has none", () => {
  const mac = "02:00:00:00:00:01";
  const argsOf = (net: NetDevice | null) =>
    bootSpec(paths, { vm: vmRecord(), image: imageRecord({}), initramfs: "/i", net }).kernelArgs;
  expect(argsOf({ kind: "agent", mac })).toEqual([...argsOf(null), "banger.net=tap"]);
  expect(argsOf({ kind: "stream", socket: "/s", mac })).toEqual(argsOf(null));
});
