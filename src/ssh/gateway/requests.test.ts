import { expect, test } from "bun:test";
import {
  commandRequest,
  maxVariables,
  type SessionState,
  shellRequest,
  sizeOf,
  subsystemRequest,
  withVariable,
} from "./requests.ts";

const plain: SessionState = { env: {}, pty: null };

test("a command is one word for the user's shell", () => {
  const { argv, user } = commandRequest(plain, "root", "echo 'a b'; exit 3");
  expect(argv?.slice(-2)).toEqual(["sh", "echo 'a b'; exit 3"]);
  expect(user).toBe("root");
});

test("a terminal has a size, whatever the client says", () => {
  const pty = { cols: 0, rows: 1e9, term: "xterm" };
  expect(shellRequest({ ...plain, pty }, "dev")).toEqual({
    shell: true,
    user: "dev",
    tty: { cols: 80, rows: 24, term: "xterm" },
  });
  expect(sizeOf({ cols: 100, rows: 30 })).toEqual({ cols: 100, rows: 30 });
});

test("variables: so many, of such names, so long", () => {
  const one = withVariable(plain, "LANG", "C.UTF-8");
  expect(one?.env).toEqual({ LANG: "C.UTF-8" });
  for (const name of ["", "1A", "A=B", "A-B", "A B", "x".repeat(200)])
    expect(withVariable(plain, name, "v")).toBeNull();
  expect(withVariable(plain, "A", "a\0b")).toBeNull();
  expect(withVariable(plain, "A", "x".repeat(40_000))).toBeNull();
  let state = plain;
  for (let at = 0; at < maxVariables; at++) state = withVariable(state, `V${at}`, "v") ?? plain;
  expect(withVariable(state, "MORE", "v")).toBeNull();
  expect(withVariable(state, "V0", "again")?.env["V0"]).toBe("again");
});

test("no subsystem but sftp, which the agent itself is", () => {
  expect(subsystemRequest(plain, "root", "netconf")).toBeNull();
  const state = { env: { LANG: "C" }, pty: { cols: 80, rows: 24, term: "xterm" } };
  expect(subsystemRequest(state, "dev", "sftp")).toEqual({ builtin: "sftp", user: "dev", env: { LANG: "C" } });
});

test.each(["-t /root", "-v -r -p -d -t -- -odd", "-f 'a b' ~/*.txt", "-pf x", "-qrt .", "-t", "-f two\nlines"])(
  "scp %s is the agent's own",
  (words) => {
    expect(commandRequest(plain, "dev", `scp ${words}`)).toEqual({ builtin: "scp", arguments: words, user: "dev" });
  },
);

test.each([
  "scp",
  "scp a b:c",
  "scp -r a",
  "scp -x -t a",
  "scp -S t a",
  "/usr/bin/scp -t a",
  "scp  -t a",
  "true; scp -t a",
])("%s is a command like any other", (command) =>
  expect(commandRequest(plain, "root", command).argv?.at(-1)).toBe(command),
);
