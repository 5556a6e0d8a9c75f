import { afterAll, beforeEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { ByteStream } from "../../base/bytes.ts";
import { savePaths } from "../../model/paths.ts";
import { makeStream } from "../../wire/qmp/testing/streams.ts";
import { makeTempFolder } from "../testing/temp.ts";
import { saveQemu } from "./save.ts";
import { type FakeMonitor, fakeMonitor, refusal } from "./testing/monitor.ts";

const folders = makeTempFolder("save");
afterAll(() => folders.remove());
let count = 0;
let folder = "";
beforeEach(async () => {
  folder = await folders.make(String(count++));
});

const memoryBytes = 1 << 20;
const stream = (fill: number | null) =>
  makeStream({
    blocks: [
      ["ram", memoryBytes],
      ["pc.bios", 65536],
    ],
    sections: [fill === null ? [] : [{ block: "ram", offset: 8192, fill }], [{ block: "pc.bios", offset: 0, fill: 5 }]],
    devices: Buffer.from("all the devices"),
  });

function save(qmp: FakeMonitor, memoryFile: string | null = null, signal = AbortSignal.timeout(5000)) {
  const saving = { shape: "", memoryBytes, memoryFile };
  return saveQemu({ qmp, saving, files: savePaths(folder) }, signal);
}

/** Sends all of it, and emits the events of a completed migration. */
function sends(bytes: Uint8Array) {
  return (connection: ByteStream, emit: FakeMonitor["emit"]) => {
    connection.write(bytes);
    emit("MIGRATION_PASS", { pass: 1 });
    emit("MIGRATION_PASS", { pass: 2 });
    emit("MIGRATION", { status: "active" });
    connection.end();
    emit("MIGRATION", { status: "completed" });
  };
}

test("a running VM is paused after the first pass, and split into memory and state", async () => {
  const qmp = fakeMonitor(sends(stream(7)));
  const state = await save(qmp);
  expect(qmp.commands).toEqual([
    "query-status",
    "migrate-set-capabilities",
    "migrate-set-parameters",
    "getfd",
    "migrate",
    "stop",
  ]);
  expect(readdirSync(folder).toSorted()).toEqual(["memory.bin", "state.bin"]);
  const memory = readFileSync(`${folder}/memory.bin`);
  expect([memory.length, memory[8191], memory[8192], memory[12_287], memory[12_288]]).toEqual([
    memoryBytes,
    0,
    7,
    7,
    0,
  ]);
  expect(readFileSync(`${folder}/state.bin`).equals(state)).toBe(true);
  expect(Buffer.from(state).includes("all the devices")).toBe(true);
  expect(state.length).toBe(stream(7).length - 4096 - 8 - 4);
  expect(statSync(`${folder}/state.bin`).mode & 0o777).toBe(0o600);
});

test("a VM that was saved before runs for an instant first", async () => {
  const qmp = fakeMonitor(sends(stream(7)), { "query-status": () => ({ status: "postmigrate" }) });
  await save(qmp);
  expect(qmp.commands.slice(0, 4)).toEqual(["query-status", "cont", "stop", "migrate-set-capabilities"]);
});

test("a VM that is saved in place is paused first, and only its state is written", async () => {
  const { memory } = savePaths(folder);
  writeFileSync(memory, "as it is");
  const qmp = fakeMonitor(sends(stream(null)));
  await save(qmp, memory);
  expect(qmp.commands.slice(0, 2)).toEqual(["stop", "migrate-set-capabilities"]);
  expect(readFileSync(memory, "utf8")).toBe("as it is");
  expect(readdirSync(folder).toSorted()).toEqual(["memory.bin", "state.bin"]);
});

test("it can't be saved into another memory file", async () => {
  await expect(
    save(
      fakeMonitor(() => {}),
      "/elsewhere/memory.bin",
    ),
  ).rejects.toThrow("is saved in place");
});

const failures: [string, FakeMonitor, RegExp][] = [
  [
    "QEMU refuses",
    fakeMonitor(() => {}, { migrate: refusal("State blocked by x") }),
    /could not save the VM: State blocked by x$/,
  ],
  [
    "QEMU fails half-way",
    fakeMonitor(
      (connection, emit) => {
        connection.write(stream(7).subarray(0, 2000));
        connection.end();
        emit("MIGRATION", { status: "failed" });
      },
      { "query-migrate": () => ({ "error-desc": "no luck" }) },
    ),
    /its stream: .*; no luck$/,
  ],
  [
    "it sends something else",
    fakeMonitor((connection, emit) => {
      connection.write(Buffer.from("no migration at all"));
      connection.onEnd(() => emit("MIGRATION", { status: "failed" }));
    }),
    /its stream: wrong magic number/,
  ],
  [
    "QEMU reports completion too early",
    fakeMonitor((connection, emit) => {
      connection.write(stream(7).subarray(0, 2000));
      connection.end();
      emit("MIGRATION", { status: "completed" });
    }),
    /its stream: it ends too early$/,
  ],
];
test("a descriptor that QEMU did not use is closed in QEMU", async () => {
  const qmp = fakeMonitor(() => {}, { migrate: refusal("State blocked by x") });
  await expect(save(qmp)).rejects.toThrow("State blocked by x");
  expect(qmp.commands.slice(-4)).toEqual(["getfd", "migrate", "closefd", "stop"]);
});

test("a QEMU that refuses the descriptor gets no migrate command", async () => {
  const qmp = fakeMonitor(() => {}, { getfd: refusal("No file descriptor supplied via SCM_RIGHTS") });
  await expect(save(qmp)).rejects.toMatchObject({ code: "SAVE_FAILED", message: expect.stringMatching(/SCM_RIGHTS$/) });
  expect(qmp.commands.slice(-2)).toEqual(["getfd", "stop"]);
  expect(readdirSync(folder)).toEqual([]);
});

for (const [what, qmp, message] of failures) {
  test(`when ${what}, the error reports it, the VM is paused and no file is left`, async () => {
    await expect(save(qmp)).rejects.toMatchObject({ code: "SAVE_FAILED", message: expect.stringMatching(message) });
    expect(qmp.commands.at(-1)).toBe("stop");
    expect(readdirSync(folder)).toEqual([]);
  });
}

test("an aborted save is cancelled in QEMU, and rejects only when QEMU has stopped sending", async () => {
  const abort = new AbortController();
  const order: string[] = [];
  const qmp = fakeMonitor(
    (connection) => {
      connection.write(stream(7).subarray(0, 2000));
      abort.abort(new Error("enough"));
    },
    {
      migrate_cancel: () => {
        order.push("cancel");
        setTimeout(() => {
          order.push("cancelled");
          qmp.emit("MIGRATION", { status: "cancelled" });
        }, 5);
      },
    },
  );
  await expect(save(qmp, null, abort.signal)).rejects.toThrow("enough");
  expect(order).toEqual(["cancel", "cancelled"]);
  expect(qmp.commands.slice(-2)).toEqual(["migrate_cancel", "stop"]);
  expect(readdirSync(folder)).toEqual([]);
});

test("a save that is aborted before it begins only pauses the VM", async () => {
  const qmp = fakeMonitor(() => {});
  await expect(save(qmp, null, AbortSignal.abort(new Error("never mind")))).rejects.toThrow("never mind");
  expect(qmp.commands).toEqual(["stop"]);
});
