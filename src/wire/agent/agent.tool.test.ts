/** The real agent on a unix socket of the host: both implementations agree on `protocol/agent.md`. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { gatedTest } from "../../host/testing/gate.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "./client.ts";
import { relayAgent } from "./relay.ts";
import { run, served } from "./testing/served-agent.ts";
import type { Json } from "./types.ts";

const need = "tool:banger-vsock-agent";

gatedTest(need, "exec: separate output streams, exit codes, signals, refusals", () =>
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

gatedTest(need, "exec on a terminal: every reader sees the end of input; an unknown terminal type has a fallback", () =>
  served(async (connect) => {
    const agent = await connect(false);
    const tty = { cols: 80, rows: 24, term: "xterm-no-such" };
    const exec = async (argv: string[], input = "", more: Json = {}) => {
      const stream = await agent.open("exec", { cwd: "/", argv, tty, ...more });
      if (input !== "") await stream.write(0, new TextEncoder().encode(input));
      return run(stream);
    };
    const output = async (...args: Parameters<typeof exec>) => {
      const { stdout, exit } = await exec(...args);
      expect(exit).toMatchObject({ code: 0 });
      return stdout.toString();
    };
    expect(await output(["cat"], "text\n")).toBe("text\r\ntext\r\n");
    expect(await output(["cat"], "no end of line")).toBe("no end of lineno end of line");
    expect(await output(["sh", "-c", "cat; cat; echo two"])).toBe("two\r\n");
    // a shell changes the mode of the terminal before it reads
    await output(["bash", "--norc", "-i"]);
    expect(await output(["sh", "-c", "echo $TERM"])).toMatch(/^xterm(-256color)?\r\n$/);
    expect(await output(["sh", "-c", "echo $TERM"], "", { env: { TERM: "odd" } })).toBe("odd\r\n");
    agent.destroy();
  }),
);

gatedTest("root", "exec: stdout, stderr and the terminal belong to the command's user", () =>
  served(async (connect) => {
    const agent = await connect(false);
    const as = async (argv: string[], more: Json = {}) =>
      run(await agent.open("exec", { cwd: "/", argv, user: "nobody", ...more }));
    expect(await as(["sh", "-c", "echo out >/dev/stdout; echo err >/dev/stderr"])).toMatchObject({
      stdout: Buffer.from("out\n"),
      stderr: "err\n",
    });
    const onTty = await as(["sh", "-c", 'echo mine >"$(tty)"'], { tty: { cols: 80, rows: 24 } });
    expect(onTty.stdout.toString()).toBe("mine\r\n");
    agent.destroy();
  }),
);

gatedTest(need, "exec: arguments, variables and paths are bytes", () =>
  served(async (connect, folder) => {
    const agent = await connect(false);
    const odd = `${folder}/caf\udce9`;
    Bun.spawnSync([
      "sh",
      "-c",
      'cd "$0" && mkdir "$(printf \'caf\\351\')" && ln -s /bin/pwd "$(printf \'caf\\351/p\\377\')"',
      folder,
    ]);
    const bytes = async (request: Json) => (await run(await agent.open("exec", request))).stdout.toString("latin1");
    const argv = ["printf", "%s|", "a\udcffb", "", "\udcc3", "é", "\\udcff"];
    expect(await bytes({ cwd: "/", argv })).toBe("a\xffb||\xc3|\xc3\xa9|\\udcff|");
    expect(await bytes({ cwd: "/", argv: ["env"], env: { "N\udcfe.x": "v\udcff", "A-B": "1" } })).toMatch(
      /^A-B=1$[\s\S]*^N\xfe\.x=v\xff$/m,
    );
    expect(await bytes({ cwd: odd, argv: ["./p\udcff"] })).toEndWith("/caf\xe9\n");
    expect(await bytes({ cwd: "/", argv: ["p\udcff", "-P"], env: { PATH: odd } })).toBe("/\n");
    await expect(agent.open("exec", { cwd: `${odd}/none`, argv: ["true"] })).rejects.toMatchObject({
      details: { code: "bad_cwd" },
    });
    agent.destroy();
  }),
);

gatedTest(need, "exec: arguments up to Linux's limit, and a reason beyond it", () =>
  served(async (connect) => {
    const agent = await connect(false);
    const longest = "x".repeat(131_071);
    const counted = async (argv: string[], env: Record<string, string> = {}) =>
      (
        await run(
          await agent.open("exec", {
            cwd: "/",
            argv: ["sh", "-c", 'echo $# $(printf %s "$1" | wc -c) $(printf %s "$V" | wc -c)', "_", ...argv],
            env,
          }),
        )
      ).stdout
        .toString()
        .trim();
    expect(await counted([longest, "b"])).toBe("2 131071 0");
    expect(await counted([], { V: longest.slice(2) })).toBe("0 0 131069");
    expect(await counted(Array<string>(100_000).fill("a"))).toBe("100000 1 0");
    // 13 of them, and not 17: 2 MiB in all
    expect(await counted(Array<string>(13).fill(longest))).toBe("13 131071 0");
    for (const argv of [[`${longest}x`], Array<string>(17).fill(longest)])
      await expect(counted(argv)).rejects.toMatchObject({
        code: "COMMAND_TOO_LARGE",
        exit: 126,
        message: expect.stringContaining("128 KiB for each"),
      });
    agent.destroy();
  }),
);

gatedTest(need, "repeated short commands lose no output", () =>
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
      const [connection, relayConnection] = memoryPair();
      void relayAgent(relayConnection, upstream, { allow: ["exec"] });
      const client = plainClient(connection);
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

gatedTest(need, "closing a stream or the connection ends the command; the agent waits for the next session", () =>
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
