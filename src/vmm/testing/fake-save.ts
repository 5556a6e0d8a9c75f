/** Saves of the fake driver: files with the names and sizes of real ones, so that damage has the same effects. */
import { orAborted } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import { changeStamp, readStart, removeTree, renameDurable, truncateTo, writeAtomic } from "../../host/files/files.ts";
import type { SaveFiles, SaveRecord } from "../driver.ts";
import { digestOf, type Saver } from "../save-files.ts";
import { shapeOf } from "../shape.ts";
import type { FakeGuest, FakeMachine } from "./fake-machine.ts";

const maxGuest = 1024 * 1024;

/** @throws SAVE_FAILED if its behaviour demands it, the signal's reason; no file is left then */
export async function saveFake(
  machine: FakeMachine,
  files: SaveFiles,
  saver: Saver,
  signal: AbortSignal,
): Promise<SaveRecord> {
  const { spec, behaviour } = machine;
  if (spec.memory && spec.memory.path !== files.memory) throw new Error("a VM with a memory file is saved in place");
  machine.setPaused(true);
  signal.throwIfAborted();
  await behaviour.saveWaits;
  if (behaviour.saveFails !== undefined)
    throw fail("SAVE_FAILED", { driver: saver.driver, reason: behaviour.saveFails });
  if (behaviour.saveHangs) await orAborted(new Promise<never>(() => {}), signal);
  const memoryBytes = spec.memoryMib * 1024 * 1024;
  await writeMemory(files.memory, machine.guest, memoryBytes);
  const state = new TextEncoder().encode(`the devices of ${shapeOf(spec)}\n`);
  await writeAtomic(files.state, state);
  if (spec.memory) machine.savedInPlace = true;
  return {
    ...saver,
    shape: shapeOf(spec),
    memoryBytes,
    memoryStamp: await changeStamp(files.memory),
    stateBytes: state.length,
    stateDigest: digestOf(state),
  };
}

async function writeMemory(path: string, guest: FakeGuest, bytes: number): Promise<void> {
  const temp = `${path}.tmp`;
  try {
    await writeAtomic(temp, `${JSON.stringify(guest)}\n`);
    await truncateTo(temp, bytes);
    await renameDurable(temp, path);
  } catch (error) {
    await removeTree(temp);
    throw error;
  }
}

/** The guest in a save. */
export async function readGuest(files: SaveFiles): Promise<FakeGuest> {
  const text = new TextDecoder().decode(await readStart(files.memory, maxGuest));
  return JSON.parse(text.slice(0, text.indexOf("\n"))) as FakeGuest;
}
