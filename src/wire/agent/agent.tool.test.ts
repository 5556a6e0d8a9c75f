/** The real agent, speaking over a unix socket on the host: both languages mean the same by `protocol/agent.md`. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { Deferred } from "../../base/async.ts";
import { errnoOf } from "../../host/errno.ts";
import { watchFolder } from "../../host/folder-watch.ts";
import { memoryPair } from "../../host/memory-pair.ts";
import { spawnPiped } from "../../host/process.ts";
import { connectUnix } from "../../host/socket.ts";
import { agentBinary, gatedTest } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { connectAgent, plainClient } from "./client.ts";
import { relayAgent } from "./relay.ts";
import type { AgentClient, AgentStream, Json } from "./types.ts";

const need = "tool:banger-vsock-agent";

async function served(use: (connect: (resync: boolean) => Promise<AgentClient>, folder: string) => Promise<void>) {
  using folder = tempFolder("agent");
  const path = `${folder.path}/a`;
  const agent = spawnPiped([agentBinary() ?? "", "serve", "--unix", path]);
  const listening = new Deferred<void>();
  const look = () => fs.existsSync(path) && listening.resolve();
  const watch = watchFolder(folder.path, look);
  look();
  void agent.done.then(() => listening.reject(new Error(agent.stderrTail())));
  try {
    await listening.promise;
    await accepting(path);
    await use(async (resync) => connectAgent(await connectUnix(path), { resync, timeoutMs: 5000 }), folder.path);
  } finally {
    watch.close();
    agent.kill("SIGKILL");
    await agent.done;
  }
}

/** bind(2) makes the file, listen(2) comes a moment later, and nothing tells of it. */
async function accepting(path: string): Promise<void> {
  for (;;) {
    try {
      return (await connectUnix(path)).destroy();
    } catch (error) {
      if (errnoOf(error) !== "ECONNREFUSED") throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

type Ran = { stdout: Buffer; stderr: string; exit: Json | null };

async function run(stream: AgentStream, input: Iterable<Uint8Array> = []): Promise<Ran> {
  const chunks: [Uint8Array[], Uint8Array[]] = [[], []];
  let exit: Json | null = null;
  stream.onData((channel, data) => void chunks[channel === 2 ? 1 : 0].push(new Uint8Array(data)));
  stream.onEvent((event) => {
    exit = event;
  });
  for (const chunk of input) await stream.write(0, chunk);
  stream.eof(0);
  await stream.closed;
  return { stdout: Buffer.concat(chunks[0]), stderr: Buffer.concat(chunks[1]).toString(), exit };
}

gatedTest(need, "exec: streams apart, exit codes, signals, refusals", () =>
  served(async (connect) => {
    const agent = await connect(false);
    expect(agent.hello).toMatchObject({ protocol: 1, phase: "up" });
    const exec = async (argv: string[], more: Json = {}) => run(await agent.open("exec", { cwd: "/", argv, ...more }));
    expect(await exec(["sh", "-c", "echo out; echo err >&2; exit 3"])).toMatchObject({
      stdout: Buffer.from("out\n"),
      stderr: "err\n",
      exit: { event: "exit", code: 3 },
    });
    expect(await exec(["sh", "-c", "kill -9 $$"])).toMatchObject({ exit: { signal: "KILL", number: 9 } });
    expect((await exec(["sh", "-c", "echo $K; pwd"], { env: { K: "V" }, cwd: "/usr" })).stdout.toString()).toBe(
      "V\n/usr\n",
    );
    await expect(agent.open("exec", { cwd: "/", argv: ["no-such-program"] })).rejects.toMatchObject({
      code: "COMMAND_NOT_FOUND",
    });
    await expect(agent.open("exec", { cwd: "/", argv: ["/etc/passwd"] })).rejects.toMatchObject({
      code: "COMMAND_NOT_EXECUTABLE",
    });
    await expect(agent.open("exec", { argv: ["true"], cwd: "/none" })).rejects.toMatchObject({
      details: { code: "bad_cwd" },
    });
    await expect(agent.open("frobnicate", {})).rejects.toMatchObject({ code: "AGENT_REFUSED" });
    await agent.ping();
    agent.destroy();
  }),
);

gatedTest(need, "short commands lose nothing, however often", () =>
  served(async (connect) => {
    const agent = await connect(false);
    for (let round = 0; round < 50; round++) {
      const ran = await run(await agent.open("exec", { cwd: "/", argv: ["echo", String(round)] }));
      expect([ran.stdout.toString(), ran.exit]).toMatchObject([`${round}\n`, { code: 0 }]);
    }
    agent.destroy();
  }),
);

gatedTest(
  need,
  "64 MiB through a relay, stdin and back, unchanged",
  () =>
    served(async (connect) => {
      const upstream = await connect(false);
      const [line, relayLine] = memoryPair();
      void relayAgent(relayLine, upstream, { allow: ["exec"] });
      const client = plainClient(line);
      const stream = await client.open("exec", { cwd: "/", argv: ["cat"] });
      const [sent, got] = [createHash("sha256"), createHash("sha256")];
      stream.onData((_channel, data) => void got.update(data));
      const block = crypto.getRandomValues(new Uint8Array(65_536));
      for (let count = 0; count < 1024; count++) {
        block[0] = count;
        sent.update(block);
        await stream.write(0, block);
      }
      stream.eof(0);
      await stream.closed;
      expect(got.digest("hex")).toBe(sent.digest("hex"));
      upstream.destroy();
    }),
  30_000,
);

gatedTest(need, "closing a stream ends what runs; dropping the line too; the agent waits for the next session", () =>
  served(async (connect) => {
    const first = await connect(false);
    const slow = await first.open("exec", { cwd: "/", argv: ["sleep", "60"] });
    slow.close();
    await slow.closed;
    const other = await first.open("exec", { cwd: "/", argv: ["sleep", "61"] });
    first.destroy();
    await expect(other.closed).rejects.toMatchObject({ code: "SESSION_LOST" });
    const second = await connect(true);
    expect((await run(await second.open("exec", { cwd: "/", argv: ["echo", "again"] }))).stdout.toString()).toBe(
      "again\n",
    );
    second.destroy();
  }),
);

gatedTest(need, "put and get: a tar goes in and comes out", () =>
  served(async (connect, folder) => {
    const agent = await connect(false);
    fs.mkdirSync(`${folder}/in`);
    fs.writeFileSync(`${folder}/in/file`, "content");
    const packed = await run(
      await agent.open("exec", { cwd: "/", argv: ["tar", "-C", `${folder}/in`, "-cf", "-", "."] }),
    );
    const put = await agent.open("put", { path: `${folder}/out`, create: true });
    expect((await run(put, [packed.stdout])).exit).toMatchObject({ event: "done" });
    expect(fs.readFileSync(`${folder}/out/file`, "utf8")).toBe("content");
    const got = await run(await agent.open("get", { path: `${folder}/out` }));
    expect(got.stdout.includes("content")).toBe(true);
    await expect(agent.open("get", { path: `${folder}/none` })).rejects.toMatchObject({ code: "AGENT_REFUSED" });
    agent.destroy();
  }),
);
