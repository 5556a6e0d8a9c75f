/** The counts at the end of `make test` are what the runners said. */
import { expect, test } from "bun:test";
import { countCargo, countJunit, failureExcerpts, forEach, inOrder } from "./test-runners.ts";

test("cargo: sums over its programs", () => {
  const output = `running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 10 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.10s
`;
  expect(countCargo(output)).toEqual({ passed: 12, failed: 1, skipped: 3, notes: [] });
});

test("junit: passed, failed and skipped cases, with names for what did not pass", () => {
  const xml = `<?xml version="1.0"?>
<testsuites name="bun test" tests="4">
  <testsuite name="a.test.ts">
    <testcase name="fine" classname="" time="0" file="a.test.ts" line="3" assertions="1" />
    <testcase name="also &lt;fine&gt;" classname="" time="0" file="a.test.ts" line="3" assertions="1" />
    <testcase name="later" classname="boots [no /dev/kvm]" time="0"><skipped /></testcase>
    <testcase name="broken &quot;one&quot;" classname="" time="0"><failure type="AssertionError" /></testcase>
  </testsuite>
</testsuites>`;
  expect(countJunit(xml)).toEqual({
    passed: 2,
    failed: 1,
    skipped: 1,
    notes: ["skipped: boots [no /dev/kvm] > later", 'failed: broken "one"'],
  });
});

test("what was printed before a failure belongs to it, and to no other test", () => {
  const output = `a.test.ts:
(pass) suite > fine [1.00ms]
12 |   expect(1).toBe(2);
error: expect(received).toBe(expected)
(fail) suite > broken [2.00ms]
(pass) suite > fine too [1.00ms]
`;
  expect(failureExcerpts(output)).toEqual([
    "(fail) suite > broken [2.00ms]",
    "  12 |   expect(1).toBe(2);",
    "  error: expect(received).toBe(expected)",
  ]);
});

test("each item is taken once and in order, by as many workers as there may be", async () => {
  const begun: number[] = [];
  let busy = 0;
  let most = 0;
  await forEach([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item);
    most = Math.max(most, ++busy);
    await Promise.resolve();
    busy--;
  });
  expect({ begun, most }).toEqual({ begun: [1, 2, 3, 4, 5], most: 2 });
});

test("a summary ends with the names of the failed tests", () => {
  const notes = [
    "tool: failed: a",
    "tool: (fail) a",
    "tool:   failed: is a line of its output",
    "vm: skipped: b",
    "vm: left running: c",
  ];
  expect(inOrder(notes)).toEqual([
    "vm: skipped: b",
    "tool: (fail) a",
    "tool:   failed: is a line of its output",
    "vm: left running: c",
    "tool: failed: a",
  ]);
});
