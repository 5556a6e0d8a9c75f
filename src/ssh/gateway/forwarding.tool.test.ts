/** Connections of both directions with the real client, OpenSSH; the guest is an agent that serves on this machine. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { gate } from "../../host/testing/gate.ts";
import { served } from "../../wire/agent/testing/served-agent.ts";
import { ensureUserKey } from "../keys.ts";

const reason = gate("tool:ssh") ?? gate("tool:ssh-agent") ?? gate("tool:banger-vsock-agent");
const program = join(import.meta.dirname, "testing/agent-program.ts");

describe.skipIf(reason !== null)(reason === null ? "forwarding" : `forwarding [${reason}]`, () => {
  let folder = "";
  let end = () => {};
  let over: Promise<void> = Promise.resolve();
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    const ready = Promise.withResolvers<void>();
    const use = async (path: string) => {
      folder = path;
      for (const name of ["host", "mine"]) await ensureUserKey({}, { sshKey: at(name) });
      const argv = [process.execPath, program, at("host"), at("mine.pub"), at("a")].map((word) => `'${word}'`);
      writeFileSync(
        at("config"),
        `Host *
  ProxyCommand ${argv.join(" ")}
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile none
  StrictHostKeyChecking no
  LogLevel INFO
  BatchMode yes
  IdentitiesOnly yes
`,
      );
      const { promise, resolve } = Promise.withResolvers<void>();
      end = resolve;
      ready.resolve();
      await promise;
    };
    over = served(
      (_connect, path) => use(path),
      (path) => ["--root", path],
    );
    over.catch(ready.reject);
    await ready.promise;
  });
  afterAll(async () => {
    end();
    await over;
  });

  const ssh = async (args: string[], { input = "", env = {} } = {}) => {
    const child = Bun.spawn(["ssh", "-F", at("config"), "-i", at("mine"), ...args], {
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
      stdio: [new TextEncoder().encode(input), "pipe", "pipe"],
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, stdout, stderr };
  };

  describe("connections into the guest", () => {
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

    test.each(["127.0.0.1", "localhost", "LOCALHOST."])("to %s", async (host) => {
      expect(await ssh(["-W", `${host}:${port}`, "box.vm"], { input: "hello" })).toMatchObject({
        ...{ code: 0, stdout: "hello" },
      });
    });

    test("one that nobody listens at says so", async () => {
      const { code, stderr } = await ssh(["-W", "127.0.0.1:1", "box.vm"]);
      expect([code, stderr]).toEqual([255, expect.stringContaining("open failed: connect failed: connection refused")]);
    });

    test("a host that is no name says so", async () => {
      const { code, stderr } = await ssh(["-W", "no_name..x:80", "box.vm"]);
      expect([code, stderr]).toEqual([255, expect.stringContaining("not an address or host name")]);
    });
  });

  /** Echoes what it gets, on a free port of this machine: the client's side. */
  async function echo(): Promise<{ port: number } & Disposable> {
    const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    return { port: (server.address() as { port: number }).port, [Symbol.dispose]: () => void server.close() };
  }
  /** A port that was free a moment ago. */
  async function closedEcho(): Promise<{ port: number }> {
    using server = await echo();
    return { port: server.port };
  }
  const ask = (to: string) => `exec 3<>/dev/tcp/${to} && echo hello >&3 && head -1 <&3`;

  const gone = (port: number) => `until ! bash -c ': </dev/tcp/127.0.0.1/${port}' 2>/dev/null; do :; done`;

  describe("listening in the guest (-R)", () => {
    test("at a free port, which ssh shows", async () => {
      using server = await echo();
      const child = Bun.spawn(
        ["ssh", "-F", at("config"), "-i", at("mine"), "-N", "-R", `0:127.0.0.1:${server.port}`, "box.vm"],
        { env: { PATH: process.env["PATH"] ?? "", HOME: folder }, stdio: ["ignore", "pipe", "pipe"] },
      );
      let said = "";
      for await (const chunk of child.stderr) {
        said += Buffer.from(chunk);
        if (said.includes("Allocated port")) break;
      }
      const port = Number(/Allocated port (\d+)/.exec(said)?.[1]);
      const asked = Bun.spawn(["bash", "-c", ask(`127.0.0.1/${port}`)], { stdout: "pipe" });
      expect(await new Response(asked.stdout).text()).toBe("hello\n");
      child.kill();
      await child.exited;
      expect(await ssh(["box.vm", gone(port)])).toMatchObject({ code: 0 });
    });

    test("at a unix socket, which goes with the connection", async () => {
      using server = await echo();
      const path = at("remote.sock");
      const script = `import socket; s = socket.socket(socket.AF_UNIX); s.connect("${path}"); s.sendall(b"hello"); s.shutdown(1); print(s.recv(9))`;
      const forward = ["-R", `${path}:127.0.0.1:${server.port}`];
      expect((await ssh([...forward, "box.vm", `python3 -c '${script}'`])).stdout).toBe("b'hello'\n");
      expect((await ssh([...forward, "box.vm", "true"])).code).toBe(0);
    });

    test("a port that is taken is said, by ssh and with the reason", async () => {
      using server = await echo();
      const forward = ["-o", "ExitOnForwardFailure=yes", "-R", `${server.port}:127.0.0.1:9`];
      const { code, stderr } = await ssh([...forward, "box.vm", "true"]);
      expect([code, stderr]).toEqual([255, expect.stringContaining(`port ${server.port} in the VM: it is taken`)]);
    });

    test("listening ends when the client says so (cancel), over a shared connection", async () => {
      using server = await echo();
      const shared = ["-o", `ControlPath=${at("c")}`];
      const base = ["-F", at("config"), "-i", at("mine"), ...shared];
      const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
      const master = Bun.spawn(["ssh", ...base, "-M", "-f", "-N", "box.vm"], {
        ...{ env, stdio: ["ignore", "ignore", "ignore"] },
      });
      expect(await master.exited).toBe(0);
      const { port } = await closedEcho();
      const forward = ["-R", `${port}:127.0.0.1:${server.port}`, "box.vm"];
      expect(await ssh([...shared, "-O", "forward", ...forward])).toMatchObject({ code: 0 });
      expect((await ssh([...shared, "box.vm", `bash -c '${ask(`127.0.0.1/${port}`)}'`])).stdout).toBe("hello\n");
      expect(await ssh([...shared, "-O", "cancel", ...forward])).toMatchObject({ code: 0 });
      expect((await ssh([...shared, "box.vm", gone(port)])).code).toBe(0);
      await ssh([...shared, "-O", "exit", "box.vm"]);
    });
  });

  describe("the client's agent (-A)", () => {
    let agent: ReturnType<typeof Bun.spawn> | null = null;
    const env = () => ({ SSH_AUTH_SOCK: at("agent.sock") });
    beforeAll(async () => {
      const ready = Promise.withResolvers<void>();
      agent = Bun.spawn(["ssh-agent", "-D", "-a", at("agent.sock")], { stdio: ["ignore", "pipe", "ignore"] });
      // it prints the socket's name when it listens
      for await (const _ of agent.stdout as ReadableStream) break;
      ready.resolve();
      const added = Bun.spawnSync(["ssh-add", at("mine")], { env: { ...process.env, ...env() } });
      expect(added.exitCode).toBe(0);
    });
    afterAll(() => agent?.kill());

    test("its keys are there for a command when it is asked for, and only then", async () => {
      const { stdout } = await ssh(["-A", "box.vm", "ssh-add -L; echo $SSH_AUTH_SOCK"], { env: env() });
      expect(stdout).toMatch(/^ssh-ed25519 \S+ \S+\n\/.*\/run\/banger\/listen-[0-9a-f]{16}\/socket\n$/);
      const without = await ssh(["box.vm", "echo [$SSH_AUTH_SOCK]"], { env: env() });
      expect(without.stdout).not.toContain("/run/banger");
    });

    test("it is gone after the connection", async () => {
      const { stdout } = await ssh(["-A", "box.vm", "echo $SSH_AUTH_SOCK"], { env: env() });
      expect((await ssh(["box.vm", `while [ -e ${stdout.trim()} ]; do :; done`])).code).toBe(0);
    });
  });
});
