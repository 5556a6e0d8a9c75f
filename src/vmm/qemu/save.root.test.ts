/** A disk that fills up while a VM is saved. */
import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import { createExec } from "../../host/process/exec-node.ts";
import { gatedTest } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { savePaths } from "../../model/paths.ts";
import { makeStream } from "../../wire/qmp/testing/streams.ts";
import { saveQemu } from "./save.ts";
import { fakeMonitor } from "./testing/monitor.ts";

gatedTest("root", "a full disk is reported as that; the VM can run on and no file is left", async () => {
  using folder = tempFolder();
  const exec = createExec({});
  const disk = `${folder.path}/disk`;
  await exec(["mkdir", disk]);
  const mounted = await exec(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk]);
  if (mounted.exitCode !== 0) throw new Error(Buffer.from(mounted.stderr).toString());
  try {
    const pages = Array.from({ length: 4000 }, (_, at) => ({ block: "ram", offset: at * 4096, fill: 1 }));
    const bytes = makeStream({ blocks: [["ram", 1 << 24]], sections: [pages], devices: Buffer.from("x") });
    const qmp = fakeMonitor((connection, emit) => {
      connection.write(bytes);
      connection.onClose(() => emit("MIGRATION", { status: "failed" }));
    });
    const saving = { shape: "", memoryBytes: 1 << 24, memoryFile: null };
    const job = { qmp, saving, files: savePaths(disk) };
    const saved = saveQemu(job, AbortSignal.timeout(10_000));
    await expect(saved).rejects.toMatchObject({ code: "DISK_FULL", details: { path: `${disk}/memory.bin` } });
    expect(qmp.commands.slice(-2)).toEqual(["migrate_cancel", "stop"]);
    expect(readdirSync(disk)).toEqual([]);
  } finally {
    await exec(["umount", disk]);
  }
});
