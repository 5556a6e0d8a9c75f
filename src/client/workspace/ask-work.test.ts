/** A script in a guest in memory: its output, and each way in which it does not end well. */
import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "../../wire/agent/client.ts";
import { type FakeAgentOptions, type FakeCommand, fakeAgent } from "../../wire/agent/testing/fake.ts";
import { scriptOutput } from "./ask-work.ts";

const exits = { 90: () => fail("WORKSPACE_PULL", { problem: "no git", next: "install it" }) };
const script = {
  text: "the script",
  argument: "one\ntwo",
  cwd: "/root/repo",
  input: Buffer.from("input"),
  vm: "box",
  exits,
};

async function run(options: FakeAgentOptions, signal = new AbortController().signal): Promise<string> {
  const [ours, theirs] = memoryPair();
  fakeAgent(theirs, { plain: true, ...options });
  const client = plainClient(ours, "box");
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of scriptOutput(client, script, signal)) chunks.push(chunk);
    return Buffer.concat(chunks).toString("latin1");
  } finally {
    client.destroy();
  }
}

const sh = (command: FakeCommand): FakeAgentOptions => ({ commands: { sh: command } });

test("it runs as root in the folder, with its argument and its input; stdout alone is its output", async () => {
  const seen: unknown[] = [];
  const output = await run(
    sh(async (stream, { argv, cwd, user }) => {
      seen.push(argv, cwd, user);
      await new Promise<void>((resolve) => {
        stream.onData((_channel, data) => void seen.push(Buffer.from(data).toString()));
        stream.onEof(() => resolve());
      });
      await stream.write(2, Buffer.from("a warning\n"));
      await stream.write(1, Buffer.from("out"));
      await stream.write(1, new Uint8Array(300_000).fill(120));
      return { code: 0 };
    }),
  );
  expect(output).toBe(`out${"x".repeat(300_000)}`);
  expect(seen).toEqual([["sh", "-c", "the script", "banger", "one\ntwo"], "/root/repo", "root", "input"]);
});

const failures: [title: string, options: FakeAgentOptions, message: string][] = [
  ["an exit code of its own", sh(async () => ({ code: 90 })), "no git"],
  [
    "any other one, with the last line, which is a stranger's",
    sh(async (stream) => {
      await stream.write(2, Buffer.from("first\nfatal: \u001b[2Jit broke\n"));
      return { code: 128 };
    }),
    "its git ended with 128: fatal: it broke",
  ],
  ["a signal", sh(async () => ({ signal: "KILL", number: 9 })), "its git ended with 137"],
  [
    "no such folder",
    { verbs: { exec: (served) => served.refuse("io", "/root/repo: ENOENT") } },
    "/root/repo in the guest can't be read",
  ],
];
for (const [title, options, message] of failures) {
  test(`an error: ${title}`, async () => {
    await expect(run(options)).rejects.toMatchObject({
      code: "WORKSPACE_PULL",
      message: expect.stringContaining(message),
    });
  });
}

test("a guest that is lost, and a user who gives up", async () => {
  const lost = run({ verbs: { exec: (_served, session) => session.destroy() } });
  await expect(lost).rejects.toMatchObject({ code: "SESSION_LOST" });
  const stop = new AbortController();
  const reason = new Error("enough");
  const waits = sh(async (stream) => {
    stop.abort(reason);
    return new Promise((resolve) => stream.onClosing(() => resolve({ code: 0 })));
  });
  await expect(run(waits, stop.signal)).rejects.toBe(reason);
});
