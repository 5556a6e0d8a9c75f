import { expect, test } from "bun:test";
import { type Cage, describeGaps, gapsOf, parseCage } from "./cage.ts";

const whole: Cage = { landlock: 7, seccomp: true, namespaces: null, network: null, processes: null, signals: null };

test("the agent's answer is accepted as a whole or not at all", () => {
  expect(
    parseCage('{"landlock":7,"seccomp":true,"namespaces":null,"network":"no","processes":null,"signals":null}'),
  ).toEqual({
    ...whole,
    network: "no",
  });
  for (const text of [
    "",
    "null",
    "[]",
    '{"landlock": 7}',
    '{"landlock":"7","seccomp":true,"namespaces":null}',
    '{"landlock":7,"seccomp":true,"namespaces":null,"network":null}',
    '{"landlock":7,"seccomp":true,"namespaces":null,"network":null,"processes":null}',
  ]) {
    expect(parseCage(text)).toBeNull();
  }
});

test("a complete cage has no gaps with any version of Landlock: the filter covers what older ones lack", () => {
  for (const landlock of [1, 2, 6, 7]) expect(gapsOf({ ...whole, landlock })).toEqual([]);
});

test.each([
  [{ landlock: 0 }, "any number of files in the VM's folder, and only its own root"],
  [{ landlock: 0, namespaces: "refused" }, "it can read and write every file that you can"],
  [{ seccomp: false }, "it can change modes and owners of your files"],
  [{ namespaces: "refused" }, "it can see names, sizes and times of files"],
  [{ network: "refused" }, "only the filter keeps it from the host's network"],
  [{ processes: "Linux before 5.14" }, "it can start threads until your user"],
  [{ network: "refused", seccomp: false }, "it can use the host's network"],
])("without %o the gap is described: %s", (missing, text) => {
  expect(describeGaps(gapsOf({ ...whole, ...missing }))).toContain(text);
});

test("every missing layer is named with its reason", () => {
  const gaps = gapsOf({
    landlock: 0,
    seccomp: false,
    namespaces: "user namespace: EPERM",
    network: "none",
    processes: "none",
    signals: "none",
  });
  expect(gaps.map((gap) => gap.layer)).toEqual([
    "landlock",
    "seccomp",
    "namespaces",
    "network namespace",
    "process limit",
  ]);
  expect(describeGaps(gaps)).toContain("no namespaces (user namespace: EPERM): ");
});
