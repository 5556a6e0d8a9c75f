/** The whole import of a package with stand-ins for depmod and mksquashfs. */

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { VerifiedFiles } from "../artifacts/verified.ts";
import { isError } from "../base/errors/error.ts";
import { archive, chunked, file, folder, type Member } from "../formats/tar/testing/archive.ts";
import type { Exec } from "../host/process/exec.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { uncaged } from "../host/testing/tool-cage.ts";
import { pathsOf } from "../model/paths.ts";
import { checkKernel, verifyKernel } from "./check.ts";
import { deleteKernels } from "./delete.ts";
import { importKernelPackage } from "./import.ts";
import { bzImageSample, configSample, depSample, elfSample } from "./testing/samples.ts";

const release = "6.1.0-1-cloud-amd64";
const modules = depSample.split("\n").flatMap((line) => line.split(":")[0]?.replace(".ko.xz", ".ko") || []);
const members: Member[] = [
  folder("./boot"),
  file(`./boot/vmlinuz-${release}`, bzImageSample(gzipSync(elfSample()))),
  file(`./boot/config-${release}`, configSample),
  ...modules.map((path) => file(`./lib/modules/${release}/${path}`, `module ${path}`)),
  file(`./lib/modules/${release}/modules.builtin`, "kernel/fs/ext4/ext4.ko\n"),
  file("./usr/share/doc/x", "not for us"),
];
const never = new AbortController().signal;

function world(commands: Partial<Record<string, (argv: readonly string[]) => number>> = {}) {
  const temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
  const calls: string[] = [];
  const exec: Exec = async (argv) => {
    calls.push(argv[0] as string);
    const exitCode = (commands[argv[0] as string] ?? standIns[argv[0] as string])?.(argv) ?? 0;
    const stderr = Buffer.from(exitCode === 0 ? "" : "FATAL ERROR: Write failed because No space left on device\n");
    return { argv, exitCode, signal: null, stdout: Buffer.from(""), stderr, durationMs: 1 };
  };
  return { temp, paths, calls, deps: { paths, exec, cage: uncaged, now: () => 42 } };
}

const standIns: Record<string, (argv: readonly string[]) => number> = {
  depmod: (argv) => {
    writeFileSync(`${argv[2]}/lib/modules/${argv[3]}/modules.dep`, depSample.replaceAll(".ko.xz", ".ko"));
    return 0;
  },
  mksquashfs: (argv) => {
    const view = new DataView(new ArrayBuffer(4096));
    view.setUint32(0, 0x73717368, true);
    view.setUint16(20, 5, true);
    view.setUint16(28, 4, true);
    view.setBigUint64(40, 4096n, true);
    writeFileSync(argv[2] as string, new Uint8Array(view.buffer));
    return 0;
  },
};

function upload(list: readonly Member[]) {
  return { name: "k", source: "test", tar: chunked(archive(list), [5000]) };
}

test("a package becomes a kernel with its boot modules in order", async () => {
  const { temp, paths, calls, deps } = world();
  using _ = temp;
  const record = await importKernelPackage(deps, upload(members), () => {}, never);
  expect(record).toMatchObject({ name: "k", release, source: "test", createdAt: 42 });
  expect(calls).toEqual(["depmod", "mksquashfs", "sync"]);
  await checkKernel(deps, record);
  const made = paths.kernel(record.digest);
  expect(readFileSync(made.vmlinux).equals(elfSample())).toBe(true);
  expect(readFileSync(`${made.bootModules}/modules.list`, "utf8").split("\n").slice(0, 3)).toEqual([
    "virtio.ko",
    "virtio_ring.ko",
    "virtio_mmio.ko",
  ]);
  expect(readFileSync(`${made.bootModules}/vsock.list`, "utf8")).toBe("vmw_vsock_virtio_transport.ko\n");
  expect(readFileSync(`${made.bootModules}/virtio.ko`, "utf8")).toStartWith("module kernel/drivers/virtio");
  expect(JSON.parse(readFileSync(made.manifest, "utf8"))).toMatchObject({ digest: record.digest, release });
  expect(readdirSync(paths.partial)).toEqual([]);
});

test("the same package again is the same kernel; a damaged one is replaced", async () => {
  const { temp, paths, deps } = world();
  using _ = temp;
  const first = await importKernelPackage(deps, upload(members), () => {}, never);
  expect((await importKernelPackage(deps, upload(members), () => {}, never)).digest).toBe(first.digest);
  truncateSync(paths.kernel(first.digest).vmlinux, 10);
  const error = await checkKernel(deps, first).catch((thrown: unknown) => thrown);
  expect(isError(error, "KERNEL_DAMAGED")).toBe(true);
  await importKernelPackage(deps, upload(members), () => {}, never);
  await checkKernel(deps, first);
  const { vmlinux } = paths.kernel(first.digest);
  const bytes = readFileSync(vmlinux);
  bytes[1000] = (bytes[1000] ?? 0) ^ 1;
  writeFileSync(vmlinux, bytes);
  const checks = { ...deps, verified: new VerifiedFiles() };
  await expect(verifyKernel(checks, first)).rejects.toMatchObject({ code: "KERNEL_DAMAGED" });
  await importKernelPackage(deps, upload(members), () => {}, never);
  await verifyKernel(checks, first);
  await deleteKernels(deps, [first.digest]);
  expect(readdirSync(paths.kernels)).toEqual([]);
});

test("a kernel without modules contains its release and its configuration", async () => {
  const { temp, deps } = world({ depmod: (argv) => emptyDepmod(argv) });
  using _ = temp;
  const banner = new TextEncoder().encode("Linux version 6.9.1-own (me@host)");
  const elf = Buffer.concat([
    elfSample(),
    banner,
    Buffer.from("IKCFG_ST"),
    gzipSync(configSample.replaceAll("=m", "=y")),
    Buffer.from("IKCFG_ED"),
  ]);
  const record = await importKernelPackage(
    deps,
    upload([folder("boot"), file("boot/vmlinux-own", elf)]),
    () => {},
    never,
  );
  expect(record.release).toBe("6.9.1-own");
  const modular = Buffer.concat([
    elfSample(),
    banner,
    Buffer.from("IKCFG_ST"),
    gzipSync(configSample),
    Buffer.from("IKCFG_ED"),
  ]);
  const error = await importKernelPackage(deps, upload([file("boot/vmlinux-own", modular)]), () => {}, never).catch(
    (thrown: unknown) => thrown,
  );
  expect(isError(error, "KERNEL_UNUSABLE") && error.message).toContain("no module virtio_mmio");
});

/** What depmod writes about a folder without modules. */
function emptyDepmod(argv: readonly string[]): number {
  const path = `${argv[2]}/lib/modules/${argv[3]}`;
  mkdirSync(path, { recursive: true });
  writeFileSync(`${path}/modules.dep`, "");
  return 0;
}

const without = (part: string) => members.filter(({ entry }) => !entry.name.includes(part));
const poorConfig = file(`./boot/config-${release}`, configSample.replace("CONFIG_SQUASHFS=m\n", ""));
const refused: [string, Member[], string][] = [
  ["no kernel", without("vmlinuz"), "no boot/vmlinuz-* file"],
  ["no modules, and no release either", without("lib/modules"), "release can't be determined"],
  ["two kernels", [...members, file("./boot/vmlinuz-other", "x")], "more than one kernel"],
  ["modules of two releases", [...members, file("./lib/modules/6.9/x.ko", "x")], "more than one kernel"],
  ["an option that is missing", [...without("config-"), poorConfig], "CONFIG_SQUASHFS"],
  ["no kernel but text", [...without("vmlinuz"), file("./boot/vmlinuz-6.1", "x".repeat(2000))], "no x86 setup header"],
  [
    "a release that is no name",
    [...without("lib/modules"), file("./lib/modules/-x/a.ko", "")],
    "is not a kernel release",
  ],
];

for (const [what, list, problem] of refused) {
  test(`refused, and nothing left: ${what}`, async () => {
    const { temp, paths, deps } = world();
    using _ = temp;
    const error = await importKernelPackage(deps, upload(list), () => {}, never).catch((thrown: unknown) => thrown);
    expect(isError(error, "KERNEL_UNUSABLE") && error.message).toContain(problem);
    expect([...readdirSync(paths.partial), ...readdirSync(paths.kernels)]).toEqual([]);
  });
}

test("without a configuration, missing modules are listed", async () => {
  const depmod = (argv: readonly string[]) => {
    const path = `${argv[2]}/lib/modules/${argv[3]}`;
    mkdirSync(path, { recursive: true });
    writeFileSync(`${path}/modules.dep`, depSample.replaceAll(".ko.xz", ".ko").replace(/^.*overlay.*$/m, ""));
    return 0;
  };
  const { temp, deps } = world({ depmod });
  using _ = temp;
  const error = await importKernelPackage(deps, upload(without("config-")), () => {}, never).catch(
    (thrown: unknown) => thrown,
  );
  expect(isError(error, "KERNEL_UNUSABLE") && error.message).toContain("it has no module overlay");
});

test("a full disk is reported as one", async () => {
  const { temp, paths, deps } = world({ mksquashfs: () => 1 });
  using _ = temp;
  const error = await importKernelPackage(deps, upload(members), () => {}, never).catch((thrown: unknown) => thrown);
  expect(isError(error, "DISK_FULL")).toBe(true);
  expect(readdirSync(paths.partial)).toEqual([]);
});

test("a cancelled import leaves nothing", async () => {
  const cancel = new AbortController();
  const { temp, paths, deps } = world({
    depmod: () => {
      cancel.abort(new Error("no longer wanted"));
      return 1;
    },
  });
  using _ = temp;
  await expect(importKernelPackage(deps, upload(members), () => {}, cancel.signal)).rejects.toThrow("no longer wanted");
  expect(existsSync(paths.partial) && readdirSync(paths.partial)).toEqual([]);
});
