import { expect, test } from "bun:test";
import { UndoFailed, UndoStack } from "./undo.ts";

async function change(done: string[], fails: boolean, keeps: boolean): Promise<void> {
  await using undo = new UndoStack();
  undo.defer("first", () => done.push("undo first"));
  undo.defer("second", () => done.push("undo second"));
  if (fails) throw new Error("step three failed");
  if (keeps) undo.keep();
}

test("when a step fails, the earlier ones are undone in reverse order", async () => {
  const done: string[] = [];
  await expect(change(done, true, true)).rejects.toThrow("step three failed");
  expect(done).toEqual(["undo second", "undo first"]);
});

test("a change that was kept is not undone", async () => {
  const done: string[] = [];
  await change(done, false, true);
  expect(done).toEqual([]);
});

test("a change that was never kept is undone", async () => {
  const done: string[] = [];
  await change(done, false, false);
  expect(done).toEqual(["undo second", "undo first"]);
});

test("a failing undo does not stop the others, and names what is left", async () => {
  const undo = new UndoStack();
  const done: string[] = [];
  undo.defer("the folder", () => done.push("folder"));
  undo.defer("the disk", () => Promise.reject(new Error("busy")));
  const failed = await undo[Symbol.asyncDispose]().catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(UndoFailed);
  expect((failed as Error).message).toBe("could not undo: the disk (busy)");
  expect(done).toEqual(["folder"]);
});
