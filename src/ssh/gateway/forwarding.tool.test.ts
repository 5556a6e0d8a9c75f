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
    over = served(async (_connect, path) => {
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
    });
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
});
