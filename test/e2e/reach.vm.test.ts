/** Connections between host and guest, with OpenSSH's own client. */
import { beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";

/** A name server in the guest that knows `db.internal`, at 127.0.0.1. */
const nameServer = `
import socket, threading
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
def serve():
    while True:
        q, a = s.recvfrom(512)
        name, kind = q[12:-4], q[-3]
        known = name == b"\\x02db\\x08internal\\x00"
        head = q[:2] + bytes([0x81, 0x80 if known else 0x83, 0, 1, 0, 1 if known and kind == 1 else 0, 0, 0, 0, 0])
        s.sendto(head + q[12:] + (b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\0\\0\\4\\x7f\\0\\0\\1" if known and kind == 1 else b""), a)
threading.Thread(target=serve).start()
t = socket.create_server(("127.0.0.1", 5432))
open("/tmp/ready", "w").close()
while True:
    c, _ = t.accept()
    c.sendall(b"the database")
    c.close()
`;

vmSuite("reach", (home) => {
  const config = () => join(home().folder, ".ssh/config");
  const ssh = async (...args: string[]) => {
    const child = Bun.spawn(["ssh", "-F", config(), ...args], {
      ...{ cwd: home().folder, env: home().env, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, stdout, stderr };
  };

  beforeAll(async () => {
    mkdirSync(join(home().folder, ".ssh"), { mode: 0o700 });
    await home().ok(["ssh-config", "--install"]);
    await home().ok(["vm", "run", "--name", "box", "--detach", "--wait=agent"]);
  }, 240_000);

  test("names that the guest knows, by its hosts file and its name server", async () => {
    const start = `printf '%s' "$1" >/tmp/ns.py; echo nameserver 127.0.0.1 >/etc/resolv.conf; echo 127.0.0.1 db2 >>/etc/hosts
setsid python3 /tmp/ns.py >/dev/null 2>&1 </dev/null & until [ -e /tmp/ready ]; do sleep 0.1; done`;
    await home().ok(["vm", "exec", "box", "--", "sh", "-c", start, "sh", nameServer]);
    for (const name of ["db.internal", "db2"])
      expect(await ssh("-W", `${name}:5432`, "box.vm")).toMatchObject({ code: 0, stdout: "the database" });
    expect(await ssh("-W", "db3.internal:5432", "box.vm")).toMatchObject({
      ...{ code: 255, stderr: expect.stringContaining("no such host name in the guest") },
    });
  }, 60_000);

  const say = (port: number) => `exec 3<>/dev/tcp/127.0.0.1/${port} && echo hello >&3 && head -1 <&3`;
  const guestSays = (port: number) =>
    home().banger([
      "vm",
      "exec",
      "box",
      "--",
      "timeout",
      "20",
      "bash",
      "-c",
      `until (${say(port)}) 2>/dev/null; do sleep 0.2; done`,
    ]);

  test("a port of this host in the guest (-R), also after the daemon was killed", async () => {
    using server = await echo();
    const child = Bun.spawn(["ssh", "-F", config(), "-N", "-R", `7001:127.0.0.1:${server.port}`, "box.vm"], {
      ...{ cwd: home().folder, env: home().env, stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    });
    expect(await guestSays(7001)).toMatchObject({ code: 0, stdout: "hello\n" });
    await home().killDaemon();
    expect(await guestSays(7001)).toMatchObject({ code: 0, stdout: "hello\n" });
    child.kill();
    await child.exited;
    const gone = `while (: </dev/tcp/127.0.0.1/7001) 2>/dev/null; do sleep 0.2; done`;
    await home().ok(["vm", "exec", "box", "--", "timeout", "20", "bash", "-c", gone]);
  }, 120_000);

  test("the user's agent in the guest (-A), for one user of the guest alone", async () => {
    const socket = join(home().folder, "agent.sock");
    const agent = Bun.spawn(["ssh-agent", "-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] });
    // it prints the socket's name when it listens
    for await (const _ of agent.stdout) break;
    const key = join(home().folder, "key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    execFileSync("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    await ssh("box.vm", "useradd -m -s /bin/bash dev");
    const check = `stat -c "%A %U" "$SSH_AUTH_SOCK" $(dirname "$SSH_AUTH_SOCK")`;
    const child = Bun.spawn(["ssh", "-F", config(), "-A", "dev@box.vm", check], {
      ...{ cwd: home().folder, env: { ...home().env, SSH_AUTH_SOCK: socket }, stdin: "ignore", stdout: "pipe" },
    });
    const lines = (await new Response(child.stdout).text()).split("\n");
    expect(lines.slice(0, 2)).toEqual(["srw------- dev", "drwx------ dev"]);
    const python = `import socket, os
s = socket.socket(socket.AF_UNIX); s.connect(os.environ["SSH_AUTH_SOCK"]); s.sendall(bytes([0, 0, 0, 1, 11])); print(s.recv(5)[4])`;
    const asked = Bun.spawn(["ssh", "-F", config(), "-A", "dev@box.vm", `python3 -c '${python}'`], {
      ...{ cwd: home().folder, env: { ...home().env, SSH_AUTH_SOCK: socket }, stdin: "ignore", stdout: "pipe" },
    });
    // SSH_AGENT_IDENTITIES_ANSWER
    expect(await new Response(asked.stdout).text()).toBe("12\n");
    agent.kill();
  }, 120_000);

  test("a port of this host by its name (--allow-host), after the daemon was killed and after a restart too", async () => {
    using server = await echo();
    using other = await echo();
    await home().ok(["vm", "run", "--name", "two", "--allow-host", String(server.port), "--detach", "--wait=agent"]);
    const talk = (port: number) => {
      const script = `exec 3<>/dev/tcp/host.banger.internal/${port} && echo hello >&3 && head -1 <&3`;
      return home().banger(["vm", "exec", "two", "--", "timeout", "20", "bash", "-c", script]);
    };
    expect(await talk(server.port)).toMatchObject({ code: 0, stdout: "hello\n" });
    expect((await talk(other.port)).stdout).toBe("");
    await home().killDaemon();
    expect(await talk(server.port)).toMatchObject({ code: 0, stdout: "hello\n" });
    await home().ok(["vm", "suspend", "two"]);
    expect(await talk(server.port)).toMatchObject({ code: 0, stdout: "hello\n" });
    expect((await home().ok(["vm", "show", "two"])).stdout).toContain("host.banger.internal");
    await home().ok(["vm", "delete", "two"]);
  }, 240_000);
});

/** Echoes what it gets, on a free port of this host's loopback. */
async function echo(): Promise<{ port: number } & Disposable> {
  const server = createServer((socket) => void socket.on("error", () => {}).pipe(socket));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return { port: (server.address() as { port: number }).port, [Symbol.dispose]: () => void server.close() };
}
