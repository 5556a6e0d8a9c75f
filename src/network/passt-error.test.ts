import { expect, test } from "bun:test";
import { passtError } from "./passt-error.ts";

const program = "/usr/bin/passt";
const stderr =
  "Failed to send 9 bytes to syslog\nDon't run as root. Changing to nobody...\nNo routable interface\n/usr/bin/passt: exit status: 1\n";
const log = [
  "passt 2023: /usr/bin/passt.avx2 (25318)",
  "0.1433: WARNING: No external routable interface for IPv4",
  "0.1433: ERROR:   External interface not usable",
];

test.each([
  ["what it printed", { stderr, log: "" }, "No routable interface"],
  [
    "what it wrote into its log",
    { stderr: "", log: log.join("\n") },
    "No external routable interface for IPv4; External interface not usable",
  ],
  ["the log before what it printed", { stderr, log: log.slice(2).join("\n") }, "External interface not usable"],
  [
    "what the guard printed when passt printed nothing",
    { stderr: "/usr/bin/passt: exit status: 1\n", log: "" },
    "/usr/bin/passt: exit status: 1",
  ],
  ["nothing at all", { stderr: "", log: "" }, ""],
  ["no control characters", { stderr: "a\u001b[2Jb\rc", log: "" }, "abc"],
])("%s", (_, output, error) => expect(passtError({ program, ...output })).toBe(error));

test("a reason is truncated", () => {
  expect(passtError({ program, stderr: "x".repeat(300), log: "" })).toHaveLength(300);
  expect(passtError({ program, stderr: "x".repeat(301), log: "" })).toHaveLength(300);
});
