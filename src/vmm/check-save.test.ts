/** `checkSave`: what a save must be before a VMM loads it. */
import { afterAll, expect, test } from "bun:test";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { savePaths } from "../model/paths.ts";
import type { Save, SaveFiles, SaveRecord } from "./driver.ts";
import { checkSave, digestOf } from "./save-files.ts";
import { shapeOf } from "./shape.ts";
import { makeTempFolder } from "./testing/temp.ts";

const folders = makeTempFolder("check");
afterAll(() => folders.remove());
let count = 0;

const spec = { vcpu: 1, memoryMib: 256, blockDevices: [], net: null };
const saver = { driver: "qemu", version: "7.2.0", accel: "kvm" } as const;
const mostState = 64 * 1024 ** 2;
const zeros = new Uint8Array(mostState + 1);

async function aSave(change: Partial<SaveRecord> = {}, touch: (files: SaveFiles) => void = () => {}): Promise<Save> {
  const files = savePaths(await folders.make(String(count++)));
  writeFileSync(files.memory, "memory");
  writeFileSync(files.state, "state");
  touch(files);
  const sizes = { memoryBytes: 6, stateBytes: 5, stateDigest: digestOf(Buffer.from("state")) };
  return { files, record: { ...saver, shape: shapeOf(spec), ...sizes, ...change } };
}

test("an intact save's state is returned", async () => {
  expect(Buffer.from(await checkSave(await aSave(), spec, saver)).toString()).toBe("state");
});

const refusals: [what: string, change: Partial<SaveRecord>, touch: (files: SaveFiles) => void, code: string][] = [
  ["another version", { version: "8.2.0" }, () => {}, "SAVE_VERSION"],
  ["another driver", { driver: "other" }, () => {}, "SAVE_VERSION"],
  ["another acceleration", { accel: "tcg" }, () => {}, "SAVE_VERSION"],
  ["other devices", { shape: shapeOf({ ...spec, vcpu: 2 }) }, () => {}, "SAVE_OTHER_DEVICES"],
  ["memory that is cut", {}, ({ memory }) => truncateSync(memory, 5), "SAVE_DAMAGED"],
  ["memory that is longer", {}, ({ memory }) => truncateSync(memory, 7), "SAVE_DAMAGED"],
  ["state that is cut", {}, ({ state }) => truncateSync(state, 4), "SAVE_DAMAGED"],
  ["state that is longer", {}, ({ state }) => truncateSync(state, 6), "SAVE_DAMAGED"],
  ["memory that is missing", {}, ({ memory }) => rmSync(memory), "SAVE_DAMAGED"],
  ["state that is missing", {}, ({ state }) => rmSync(state), "SAVE_DAMAGED"],
  ["other bytes of the same length", {}, ({ state }) => writeFileSync(state, "State"), "SAVE_DAMAGED"],
];
test.each(refusals)("%s: refused", async (_, change, touch, code) => {
  await expect(checkSave(await aSave(change, touch), spec, saver)).rejects.toMatchObject({ code });
});

test("64 MiB of state are loaded, and not a byte more", async () => {
  const holding = (bytes: number) =>
    aSave({ stateBytes: bytes, stateDigest: digestOf(zeros.subarray(0, bytes)) }, ({ state }) => {
      writeFileSync(state, "");
      truncateSync(state, bytes);
    });
  expect(await checkSave(await holding(mostState), spec, saver)).toHaveLength(mostState);
  await expect(checkSave(await holding(mostState + 1), spec, saver)).rejects.toMatchObject({
    code: "SAVE_DAMAGED",
    message: expect.stringContaining(`has ${mostState + 1} bytes instead of ${mostState}`),
  });
});
