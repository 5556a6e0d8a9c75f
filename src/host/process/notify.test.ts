import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { gatedTest } from "../testing/gate.ts";
import { tempFolder } from "../testing/temp.ts";
import { takeNotify } from "./notify.ts";

/** Prints each datagram that comes to a socket of that name, as systemd would get it; a leading @ stands for NUL. */
const receiver = `
import socket, sys
name = sys.argv[1]
line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
line.bind("\\0" + name[1:] if name[0] == "@" else name)
print("bound", flush=True)
while True: print(repr(line.recv(100)), flush=True)
`;

async function listening(name: string) {
  const child = spawn("python3", ["-c", receiver, name], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value;
  expect(await next()).toBe("bound");
  return { next, [Symbol.dispose]: () => void child.kill() };
}

for (const kind of ["in a folder", "without a file"]) {
  gatedTest("tool:python3", `systemd hears of both states, at a socket ${kind}`, async () => {
    using folder = tempFolder();
    const name = kind === "in a folder" ? `${folder.path}/notify` : `@banger-test-${randomBytes(8).toString("hex")}`;
    using socket = await listening(name);
    const env: Record<string, string | undefined> = { NOTIFY_SOCKET: name, PATH: "/bin" };
    const notify = takeNotify(env);
    expect(env).toEqual({ PATH: "/bin" });
    notify("READY=1");
    expect(await socket.next()).toBe("b'READY=1\\n'");
    notify("STOPPING=1");
    expect(await socket.next()).toBe("b'STOPPING=1\\n'");
  });
}

test("without a socket nothing is sent; at one that nobody reads it is an error", () => {
  for (const env of [{}, { NOTIFY_SOCKET: "" }]) expect(() => takeNotify(env)("READY=1")).not.toThrow();
  for (const socket of ["/nonexistent/notify", `/${"x".repeat(200)}`, "@banger-nobody-is-here"])
    expect(() => takeNotify({ NOTIFY_SOCKET: socket })("READY=1")).toThrow("does not take READY=1");
});
