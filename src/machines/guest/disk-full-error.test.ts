import { expect, test } from "bun:test";
import { newHost, recorder, startDaemon } from "../testing/daemon.ts";
import { request, saving, setUp } from "../testing/saving.ts";

const enospc = () => Object.assign(new Error("no space"), { code: "ENOSPC" });

test("a full disk is reported with its path and free space", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  Object.assign(host.world, { freeBytes: 4096 }).failing.set("createDisk", enospc());
  const { emit, signal } = recorder();
  await expect(machines.create(request("one"), { wait: "agent" }, emit, signal)).rejects.toMatchObject({
    code: "DISK_FULL",
    message: expect.stringMatching(/^no space left at \/s\/vms\/.* while making the disk of "one": 4 KiB free$/),
    details: { free: "4 KiB" },
  });
});

test("a template without enough space reports how much it would need", async () => {
  const host = saving();
  host.world.freeBytes = 100 * 1024 ** 2;
  const { run, texts } = await setUp(host);
  await run("one");
  const all = texts().join("\n");
  expect(all).toMatch(/not enough space at \/s\/vms while making a template: \d+ GiB are needed, 100 MiB are free/);
});
