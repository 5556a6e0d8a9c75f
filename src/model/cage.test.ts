import { expect, test } from "bun:test";
import { type Cage, describeGaps, gapsOf, parseCage } from "./cage.ts";

const whole: Cage = { landlock: 7, seccomp: true, namespaces: null, network: null, processes: null };

test("the agent's answer is taken as a whole or not at all", () => {
  expect(parseCage('{"landlock":7,"seccomp":true,"namespaces":null,"network":"no","processes":null}')).toEqual({
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
  ]) {
    expect(parseCage(text)).toBeNull();
  }
});

test("a whole cage has no gaps, whatever its version of Landlock: the filter has what older ones lack", () => {
  for (const landlock of [1, 2, 6, 7]) expect(gapsOf({ ...whole, landlock })).toEqual([]);
});

test.each([
  [{ landlock: 0 }, "any number of files in the VM's folder, and nothing but its own root"],
  [{ landlock: 0, namespaces: "refused" }, "it reads and writes every file that you can"],
  [{ seccomp: false }, "it changes modes and owners of your files"],
  [{ namespaces: "refused" }, "it sees names, sizes and times of files"],
  [{ network: "refused" }, "nothing but the filter keeps it from the host's network"],
  [{ processes: "Linux before 5.14" }, "it makes threads until your user"],
  [{ network: "refused", seccomp: false }, "it uses the host's network"],
])("without %o it is said that %s", (missing, words) => {
  expect(describeGaps(gapsOf({ ...whole, ...missing }))).toContain(words);
});

test("every missing layer is named with its reason", () => {
  const gaps = gapsOf({
    landlock: 0,
    seccomp: false,
    namespaces: "user namespace: EPERM",
    network: "none",
    processes: "none",
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
