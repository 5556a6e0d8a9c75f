import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { isError } from "../base/errors/error.ts";
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
  return { temp, paths, boot, agent: `${temp.path}/agent` };
}

test("agent, modules and their order are in it, and it is made once", async () => {
  const { temp, paths, agent } = world();
  using _ = temp;
  const path = await ensureInitramfs({ paths }, { kernel, agent });
  const text = readFileSync(path, "latin1");
  for (const part of ["init\0", "AGENT", "modules/virtio.ko", "OVERLAY", "/modules/virtio.ko\n/modules/overlay.ko\n"]) {
    expect(text).toContain(part);
  }
  const { mtimeMs, ino } = statSync(path);
  expect(await ensureInitramfs({ paths }, { kernel, agent })).toBe(path);
  expect(statSync(path)).toMatchObject({ mtimeMs, ino });
});

test("another agent makes another one", async () => {
  const { temp, paths, agent } = world();
  using _ = temp;
  const first = await ensureInitramfs({ paths }, { kernel, agent });
  writeFileSync(agent, "AGENT 2");
  expect(await ensureInitramfs({ paths }, { kernel, agent })).not.toBe(first);
});

test("a list that names something else than modules is refused", async () => {
  const { temp, paths, boot, agent } = world();
  using _ = temp;
  writeFileSync(`${boot}/modules.list`, "../../secret\n");
  const error = await ensureInitramfs({ paths }, { kernel, agent }).catch((thrown: unknown) => thrown);
  expect(isError(error, "KERNEL_UNUSABLE")).toBe(true);
});

test("a missing agent is named", async () => {
  const { temp, paths } = world();
  using _ = temp;
  const error = await ensureInitramfs({ paths }, { kernel, agent: "/nowhere/agent" }).catch(
    (thrown: unknown) => thrown,
  );
  expect(isError(error, "FILE_INVALID") && error.message).toBe("/nowhere/agent: the guest's agent is missing");
});
