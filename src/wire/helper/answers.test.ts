import { expect, test } from "bun:test";
import fc from "fast-check";
import { maxMessage, readAnswer } from "./answers.ts";

test("results and errors are read", () => {
  expect(readAnswer({ id: 1, result: { nat: true } })).toEqual({ id: 1, result: { nat: true } });
  const clash = { id: 2, error: { kind: "clash" as const, message: "in use", free: "172.17.0.1/24" } };
  expect(readAnswer(clash)).toEqual(clash);
});

test("a message is one line and has a limit, and what is no network is no proposal", () => {
  const error = { kind: "failed", message: `a\n${"x".repeat(9000)}`, free: "$(reboot)" };
  const read = readAnswer({ id: 1, error });
  expect(read && "error" in read ? Object.keys(read.error) : []).toEqual(["kind", "message"]);
  expect(read && "error" in read ? read.error.message : "").toHaveLength(maxMessage);
  expect(JSON.stringify(read)).not.toContain("\\n");
});

test.each([
  null,
  {},
  { id: 1 },
  { id: 1, result: [] },
  { id: 1, error: { kind: "other", message: "" } },
  { result: {} },
])("%j is no answer", (value) => expect(readAnswer(value)).toBeNull());

test("nothing makes it throw", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void readAnswer(value)));
});
