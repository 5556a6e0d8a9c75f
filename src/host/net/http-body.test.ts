import { expect, test } from "bun:test";
import { HttpBody } from "./http-body.ts";

const mark = 256 * 1024;

function body() {
  const calls: string[] = [];
  const note = (call: string) => () => void calls.push(call);
  const one = new HttpBody({ pause: note("pause"), resume: note("resume"), destroy: note("destroy") });
  return { body: one, calls, reader: one[Symbol.asyncIterator]() };
}

test("the connection is paused at 256 KiB, and resumed when less than half of that is waiting", async () => {
  const { body: one, calls, reader } = body();
  one.push(new Uint8Array(mark / 2 - 1));
  one.push(new Uint8Array(1));
  one.push(new Uint8Array(mark / 2 - 1));
  expect(calls).toEqual([]);
  one.push(new Uint8Array(1));
  one.push(new Uint8Array(1));
  expect(calls).toEqual(["pause"]);
  await reader.next();
  // half of it and two bytes are waiting
  expect(calls).toEqual(["pause"]);
  await reader.next();
  await reader.next();
  expect(calls).toEqual(["pause", "resume"]);
  await reader.next();
  expect(calls).toEqual(["pause", "resume"]);
});

test("with exactly half of it waiting the connection stays paused", async () => {
  const { body: one, calls, reader } = body();
  for (const size of [mark / 2, 1, mark / 2 - 1]) one.push(new Uint8Array(size));
  await reader.next();
  expect(calls).toEqual(["pause"]);
  await reader.next();
  expect(calls).toEqual(["pause", "resume"]);
});

test("a reader waits for data, and ends normally without closing the connection", async () => {
  const { body: one, calls, reader } = body();
  const next = reader.next();
  one.push(Uint8Array.of(1));
  expect(await next).toEqual({ done: false, value: Uint8Array.of(1) });
  const last = reader.next();
  one.end();
  expect(await last).toEqual({ done: true, value: undefined });
  expect(calls).toEqual([]);
});

test("an error is thrown after the waiting data", async () => {
  const { body: one, reader } = body();
  one.push(Uint8Array.of(1));
  one.end(new Error("cut"));
  expect((await reader.next()).value).toEqual(Uint8Array.of(1));
  await expect(reader.next()).rejects.toThrow("cut");
});

test("a reader that stops early closes the connection", async () => {
  const { body: one, calls } = body();
  one.push(Uint8Array.of(1));
  for await (const _ of one) break;
  expect(calls).toEqual(["destroy"]);
});
