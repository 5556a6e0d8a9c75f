/** Connections between host and guest, with OpenSSH's own client. */
import { beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
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
});
