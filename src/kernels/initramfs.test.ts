import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { VerifiedFiles } from "../artifacts/verified.ts";
import { fail, isError } from "../base/errors/error.ts";
import type { Digest, ImageName } from "../base/names.ts";
import { tempFolder } from "../host/testing/temp.ts";
import type { KernelRecord } from "../model/artifact.ts";
import { pathsOf } from "../model/paths.ts";
import { ensureInitramfs } from "./initramfs.ts";

const digest = `sha256:${"c".repeat(64)}` as Digest;
const kernel: KernelRecord = { name: "k" as ImageName, digest, release: "6.1", bytes: 1, source: "t", createdAt: 0 };

function world() {
  const temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
  const boot = paths.kernel(digest).bootModules;
  mkdirSync(boot, { recursive: true });
  writeFileSync(`${boot}/virtio.ko`, "VIRTIO");
  writeFileSync(`${boot}/overlay.ko`, "OVERLAY");
  writeFileSync(`${boot}/modules.list`, "virtio.ko\noverlay.ko\n");
  writeFileSync(`${temp.path}/agent`, "AGENT");
  const deps = { paths, verified: new VerifiedFiles(), requireWhole: async () => {} };
  return { temp, paths, deps, boot, agent: `${temp.path}/agent` };
}

test("agent, modules and their order are in it, and it is made once", async () => {
  const { temp, deps, agent } = world();
  using _ = temp;
  const path = await ensureInitramfs(deps, { kernel, agent });
  const text = readFileSync(path, "latin1");
  for (const part of ["init\0", "AGENT", "modules/virtio.ko", "OVERLAY", "/modules/virtio.ko\n/modules/overlay.ko\n"]) {
    expect(text).toContain(part);
  }
  const { mtimeMs, ino } = statSync(path);
  expect(await ensureInitramfs(deps, { kernel, agent })).toBe(path);
  expect(statSync(path)).toMatchObject({ mtimeMs, ino });
});

test("modules for a vsock have a list of their own; kernels that were stored without it still work", async () => {
  const { temp, deps, boot, agent } = world();
  using _ = temp;
  const before = readFileSync(await ensureInitramfs(deps, { kernel, agent }), "latin1");
  expect(before).toContain("vsock.list\0");
  expect(before).not.toContain("/modules/tun.ko\n");
  writeFileSync(`${boot}/tun.ko`, "TUN");
  writeFileSync(`${boot}/vsock.list`, "tun.ko\n");
  const again = { ...deps, verified: new VerifiedFiles() };
  const after = readFileSync(await ensureInitramfs(again, { kernel, agent }), "latin1");
  for (const part of ["/modules/virtio.ko\n/modules/overlay.ko\n\0", "vsock.list\0\0\0\0/modules/tun.ko\n", "TUN"]) {
    expect(after).toContain(part);
  }
  writeFileSync(`${boot}/vsock.list`, "../../secret\n");
  const error = await ensureInitramfs({ ...deps, verified: new VerifiedFiles() }, { kernel, agent }).catch((e) => e);
  expect(isError(error, "KERNEL_UNUSABLE")).toBe(true);
});

test("another agent gives another initramfs", async () => {
  const { temp, deps, agent } = world();
  using _ = temp;
  const first = await ensureInitramfs(deps, { kernel, agent });
  writeFileSync(agent, "AGENT 2");
  expect(await ensureInitramfs(deps, { kernel, agent })).not.toBe(first);
});

test("a list that names anything but modules is refused", async () => {
  const { temp, deps, boot, agent } = world();
  using _ = temp;
  writeFileSync(`${boot}/modules.list`, "../../secret\n");
  const error = await ensureInitramfs(deps, { kernel, agent }).catch((thrown: unknown) => thrown);
  expect(isError(error, "KERNEL_UNUSABLE")).toBe(true);
});

test("a missing agent is named", async () => {
  const { temp, deps } = world();
  using _ = temp;
  const error = await ensureInitramfs(deps, { kernel, agent: "/nowhere/agent" }).catch((thrown: unknown) => thrown);
  expect(isError(error, "FILE_INVALID") && error.message).toBe("/nowhere/agent: the guest's agent is missing");
});

test("an altered initramfs is made again, by this daemon and by the next; an unaltered one is left", async () => {
  const { temp, deps, agent } = world();
  using _ = temp;
  const path = await ensureInitramfs(deps, { kernel, agent });
  const good = readFileSync(path);
  const later = () => ({ ...deps, verified: new VerifiedFiles() });
  for (const who of [deps, later()]) {
    const bad = Buffer.from(good);
    bad[200] = (bad[200] ?? 0) ^ 1;
    writeFileSync(path, bad);
    expect(await ensureInitramfs(who, { kernel, agent })).toBe(path);
    expect(Buffer.compare(readFileSync(path), good)).toBe(0);
  }
  const { ino } = statSync(path);
  await ensureInitramfs(later(), { kernel, agent });
  expect(statSync(path).ino).toBe(ino);
});

test("none is made from a damaged kernel, and the existing one stays", async () => {
  const { temp, deps, boot, agent } = world();
  using _ = temp;
  const path = await ensureInitramfs(deps, { kernel, agent });
  const good = readFileSync(path);
  writeFileSync(`${boot}/overlay.ko`, "OVERLAX");
  const requireWhole = async () => Promise.reject(fail("KERNEL_DAMAGED", { name: "k", problem: "altered" }));
  const made = ensureInitramfs({ ...deps, verified: new VerifiedFiles(), requireWhole }, { kernel, agent });
  await expect(made).rejects.toMatchObject({ code: "KERNEL_DAMAGED" });
  expect(Buffer.compare(readFileSync(path), good)).toBe(0);
});

test("an agent of 16 MiB is read, and one byte more refused", async () => {
  const { temp, deps, agent } = world();
  using _ = temp;
  writeFileSync(agent, new Uint8Array(16_777_216));
  expect(statSync(await ensureInitramfs(deps, { kernel, agent })).size).toBeGreaterThan(16_777_216);
  writeFileSync(agent, new Uint8Array(16_777_217));
  await expect(ensureInitramfs(deps, { kernel, agent })).rejects.toThrow("is longer than 16777216 bytes");
});
