/** The gateway with the real client, OpenSSH, as its ProxyCommand; the guest is this machine. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { gate } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { ensureUserKey } from "../keys.ts";

const reason = gate("tool:ssh") ?? gate("tool:ssh-keygen");
const program = join(import.meta.dirname, "testing/program.ts");

describe.skipIf(reason !== null)(reason === null ? "OpenSSH" : `OpenSSH [${reason}]`, () => {
  const folder = tempFolder();
  const at = (name: string) => join(folder.path, name);

  beforeAll(async () => {
    for (const name of ["host", "mine", "stranger"]) await ensureUserKey({}, { sshKey: at(name) });
    const argv = [process.execPath, program, at("host"), at("mine.pub")].map((word) => `'${word}'`);
    writeFileSync(
      at("config"),
      `Host *
  ProxyCommand ${argv.join(" ")}
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile none
  StrictHostKeyChecking no
  LogLevel ERROR
  BatchMode yes
  IdentitiesOnly yes
`,
    );
  });
  afterAll(() => folder[Symbol.dispose]());

  const spawn = (args: string[], key = "mine") =>
    Bun.spawn(["ssh", "-F", at("config"), "-i", at(key), ...args], {
      env: { PATH: process.env["PATH"] ?? "", HOME: folder.path },
      stdio: ["pipe", "pipe", "pipe"],
    });
  const ssh = async (args: string[], { input = new Uint8Array(), key = "mine" } = {}) => {
    const child = spawn(args, key);
    child.stdin.write(input);
    void child.stdin.end();
    const [out, stderr] = await Promise.all([new Response(child.stdout).bytes(), new Response(child.stderr).text()]);
    return { code: await child.exited, out, stdout: Buffer.from(out).toString(), stderr };
  };

  test("a command: its output on two streams, and its status", async () => {
    const { code, stdout, stderr } = await ssh(["box.vm", "echo out; echo err >&2; exit 7"]);
    expect([code, stdout, stderr]).toEqual([7, "out\n", "err\n"]);
  });

  test("the whole line is the user's shell's, as with sshd", async () => {
    expect((await ssh(["box.vm", "printf '%s|'", "a b", "'c  d'", "$((1+1))"])).stdout).toBe("a|b|c  d|2|");
  });

  test("every byte goes in and comes out, with back-pressure", async () => {
    const input = new Uint8Array(8 * 1024 * 1024).map((_, index) => (index * 7919) >> 8);
    const { code, out } = await ssh(["box.vm", "cat"], { input });
    expect([code, out.length]).toEqual([0, input.length]);
    expect(Buffer.compare(out, input)).toBe(0);
  });

  test("a shell without a command, and variables that the client sends", async () => {
    expect((await ssh(["box.vm"], { input: Buffer.from("echo from $0\nexit 4\n") })).code).toBe(4);
    expect((await ssh(["-o", "SetEnv=WORD='two words'", "box.vm", 'echo "$WORD"'])).stdout).toBe("two words\n");
  });

  test("a command that a signal ends", async () => {
    expect((await ssh(["-o", "LogLevel=VERBOSE", "box.vm", "kill -TERM $$"])).code).toBe(255);
  });

  test.each([
    ["another key", ["box.vm", "true"], "stranger"],
    ["a password", ["-o", "PreferredAuthentications=password,keyboard-interactive", "box.vm", "true"], "mine"],
  ])("not with %s", async (_, args, key) => {
    const { code, stderr } = await ssh(args, { key });
    expect([code, stderr]).toEqual([255, expect.stringContaining("Permission denied (publickey)")]);
  });

  test("X11, and in a guest that can't listen the agent and ports, are refused, and the command runs", async () => {
    for (const flag of ["-X", "-A"]) expect((await ssh([flag, "box.vm", "echo ran"])).stdout).toBe("ran\n");
    const remote = await ssh(["-R", "0:127.0.0.1:9", "-o", "ExitOnForwardFailure=yes", "box.vm", "true"]);
    expect([remote.code, remote.stderr]).toEqual([255, expect.stringContaining("remote port forwarding failed")]);
  });

  describe("connections to the guest", () => {
    let server: Server;
    let port = 0;
    beforeAll(async () => {
      server = createServer((socket) => socket.pipe(socket));
      const { promise, resolve } = Promise.withResolvers<void>();
      server.listen(0, "127.0.0.1", resolve);
      await promise;
      port = (server.address() as { port: number }).port;
    });
    afterAll(() => void server.close());

    test("stdin and stdout joined to a port (-W), and an end when it closes", async () => {
      const input = new Uint8Array(300_000).fill(65);
      const { code, out } = await ssh(["-W", `127.0.0.1:${port}`, "box.vm"], { input });
      expect([code, out.length]).toEqual([0, input.length]);
    });

    test("one that nobody listens at is refused", async () => {
      const { code, stderr } = await ssh(["-W", "127.0.0.1:1", "box.vm"]);
      expect([code, stderr]).toEqual([255, expect.stringMatching(/forwarding failed|open failed/)]);
    });
  });

  test("several sessions over one connection (ControlMaster), which ends when it is told to", async () => {
    const shared = ["-o", `ControlPath=${at("c")}`];
    // it goes into the background once it is connected
    const master = Bun.spawn(["ssh", "-F", at("config"), "-i", at("mine"), ...shared, "-M", "-f", "-N", "box.vm"], {
      env: { PATH: process.env["PATH"] ?? "", HOME: folder.path },
      stdio: ["ignore", "ignore", "ignore"],
    });
    expect(await master.exited).toBe(0);
    const runs = ["1", "2", "3"].map((word) => ssh([...shared, "box.vm", `echo ${word}`]));
    expect((await Promise.all(runs)).map(({ stdout }) => stdout)).toEqual(["1\n", "2\n", "3\n"]);
    expect((await ssh([...shared, "-O", "exit", "box.vm"])).code).toBe(0);
  });
});
