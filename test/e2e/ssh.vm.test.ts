/** ssh, scp and what builds on them, with OpenSSH's own programs. */
import { beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import { until } from "./processes.ts";
import { onTerminal } from "./pty.ts";

/** Null until the other end sends something. */
async function answered(path: string): Promise<Socket | null> {
  const client = connect(path);
  const { promise, resolve } = Promise.withResolvers<Socket | null>();
  client.once("data", () => resolve(client));
  client.once("error", () => resolve(null));
  client.once("close", () => resolve(null));
  return promise;
}

vmSuite("ssh", (home) => {
  // the client looks for its configuration in the home that passwd(5) names
  const config = () => join(home().folder, ".ssh/config");
  const run = (program: string, args: string[], input?: Uint8Array) => {
    const child = Bun.spawn([program, ...args], {
      cwd: home().folder,
      env: { ...home().env, GIT_SSH_COMMAND: `ssh -F ${config()}` },
      stdin: input ?? "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const ended = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
    return { child, ended: ended.then(([stdout, stderr, code]) => ({ code, stdout, stderr })) };
  };
  const ssh = (...args: string[]) => run("ssh", ["-F", config(), ...args]).ended;

  beforeAll(async () => {
    mkdirSync(join(home().folder, ".ssh"), { mode: 0o700 });
    writeFileSync(config(), "Host other\r\n  Port 1");
    await home().ok(["ssh-config", "--install"]);
    await home().ok(["vm", "run", "--name", "box", "--detach", "--wait=agent"]);
  }, 240_000);

  test("a command by the VM's name: status, streams, variables, the user", async () => {
    expect(await ssh("box.vm", "hostname; id -un; echo err >&2; exit 7")).toMatchObject({
      ...{ code: 7, stdout: "box\nroot\n", stderr: expect.stringContaining("err\n") },
    });
    await ssh("box.vm", "useradd -m -s /bin/bash dev");
    expect((await ssh("-o", "SetEnv=WORD=sent", "dev@box.vm", "id -un; echo $WORD")).stdout).toBe("dev\nsent\n");
  }, 60_000);

  test("a terminal has the client's type, and a shell is a login shell", async () => {
    const { stdout } = await run("ssh", ["-F", config(), "-tt", "box.vm", "tty; echo $TERM; stty size"]).ended;
    expect(stdout).toMatch(/^\/dev\/pts\/\d+\r\n\S+\r\n\d+ \d+\r\n/);
  }, 60_000);

  test("scp and sftp there and back, with modes and times", async () => {
    const data = randomBytes(3_000_000);
    const file = join(home().folder, "sent");
    writeFileSync(file, data, { mode: 0o640 });
    expect(await run("scp", ["-F", config(), "-p", file, "box.vm:/root/got"]).ended).toMatchObject({ code: 0 });
    const sum = createHash("sha256").update(data).digest("hex");
    expect((await ssh("box.vm", "sha256sum /root/got; stat -c %a /root/got")).stdout).toBe(`${sum}  /root/got\n640\n`);
    const back = join(home().folder, "back");
    expect(await run("scp", ["-F", config(), "box.vm:/root/got", back]).ended).toMatchObject({ code: 0 });
    expect(Buffer.compare(readFileSync(back), data)).toBe(0);
  }, 120_000);

  test("git clones from a VM and pushes into it", async () => {
    await ssh("box.vm", "git init -q --bare /root/r.git");
    const work = join(home().folder, "work");
    execFileSync("git", ["init", "-q", "-b", "main", work]);
    const git = (...args: string[]) =>
      run("git", ["-C", work, "-c", "user.name=a", "-c", "user.email=a@b", ...args]).ended;
    await git("commit", "-q", "--allow-empty", "-m", "first");
    expect(await git("push", "-q", "box.vm:/root/r.git", "main")).toMatchObject({ code: 0 });
    const clone = await run("git", ["clone", "-q", "-b", "main", "box.vm:/root/r.git", "cloned"]).ended;
    expect(clone).toMatchObject({ code: 0 });
  }, 120_000);

  test("a port of the guest (-W), on its loopback too", async () => {
    const listens = "(: </dev/tcp/127.0.0.1/8123) 2>/dev/null";
    const serve = "setsid python3 -m http.server --bind 127.0.0.1 8123 >/dev/null 2>&1 </dev/null";
    await ssh("box.vm", `${serve} & until bash -c '${listens}'; do sleep 0.2; done`);
    const request = new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n");
    const { stdout } = await run("ssh", ["-F", config(), "-W", "127.0.0.1:8123", "box.vm"], request).ended;
    expect(stdout).toStartWith("HTTP/1.0 200 OK");
  }, 60_000);

  describe("vm ssh is ssh", () => {
    const configFile = () => join(home().env["XDG_CONFIG_HOME"] ?? "", "banger/ssh_config");

    test("a command is one line for the guest's shell, and its status is ours", async () => {
      const ran = await home().banger(["vm", "ssh", "box", "--", "printf", "'%s|'", "'a  b'", "$((1+1));", "exit 7"]);
      expect([ran.code, ran.stdout]).toEqual([7, "a  b|2|"]);
      expect((await home().ok(["vm", "ssh", "-u", "dev", "box", "--", "id", "-un"])).stdout).toBe("dev\n");
    }, 60_000);

    test("its configuration is made where it is missing or old", async () => {
      for (const old of [null, "Host *.vm\n  ProxyCommand false\n"]) {
        if (old === null) rmSync(configFile());
        else writeFileSync(configFile(), old);
        expect((await home().ok(["vm", "ssh", "box", "--", "echo", "$0"])).code).toBe(0);
        expect(readFileSync(configFile(), "utf8")).toContain(" ssh-gateway '%h'");
      }
      const { ino } = statSync(configFile());
      await home().ok(["vm", "ssh", "box", "--", "true"]);
      expect(statSync(configFile()).ino).toBe(ino);
    }, 60_000);

    test("ssh's own options: a terminal, an escape, a tunnel", async () => {
      const terminal = onTerminal(home(), ["vm", "ssh", "box", "--", "-o", "SetEnv=WORD=sent"], { cols: 91, rows: 33 });
      await terminal.see(/[#$] $/);
      terminal.type("stty size; echo $WORD\r");
      await terminal.see(/33 91\r\nsent\r\n/);
      terminal.type("\r");
      await terminal.see(/[#$] $/);
      terminal.type("~.");
      await terminal.see(/Connection to box\.vm closed/);
      expect(await terminal.exited).toBe(255);

      const socket = join(home().folder, "tunnel");
      const echo =
        'python3 -c \'import socket; s = socket.create_server(("127.0.0.1", 8124)); print("up", flush=True); c = s.accept()[0]; c.sendall(c.recv(9)); c.close()\'';
      const tunnel = home().spawn(["vm", "ssh", "box", "--", "-L", `${socket}:localhost:8124`, echo]);
      await tunnel.stdout.getReader().read();
      const client = connect(socket).setEncoding("utf8");
      client.write("through");
      const [got, code] = await Promise.all([client.toArray(), tunnel.exited]);
      expect([got.join(""), code]).toEqual(["through", 0]);
    }, 60_000);

    test("with a key of the user's own (ssh_key_path) that key alone logs in, with its passphrase", async () => {
      const own = join(home().folder, ".ssh/own");
      execFileSync("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "secret", "-f", own]);
      writeFileSync(join(home().folder, "askpass"), "#!/bin/sh\necho secret\n", { mode: 0o700 });
      const asks = { SSH_ASKPASS: join(home().folder, "askpass"), SSH_ASKPASS_REQUIRE: "force" };
      home().configure(`warm_vms = false\nssh_key_path = "${own}"\n`);
      const ran = await home().banger(["vm", "ssh", "box", "--", "echo", "in"], { env: asks });
      expect(ran).toMatchObject({ code: 0, stdout: "in\n" });
      const banger = join(home().env["XDG_STATE_HOME"] ?? "", "banger/ssh/id_ed25519");
      expect(await ssh("-o", "IdentityFile=none", "-i", banger, "-o", "BatchMode=yes", "box.vm", "true")).toMatchObject(
        {
          ...{ code: 255, stderr: expect.stringContaining("Permission denied (publickey)") },
        },
      );
      rmSync(`${own}.pub`);
      const missing = await home().banger(["vm", "ssh", "box"]);
      expect(missing).toMatchObject({ code: 125, stderr: expect.stringContaining(`${own}.pub: is missing`) });
      home().configure("warm_vms = false\nssh_key_path = 'own'\n");
      const refused = await home().banger(["vm", "ssh", "box"]);
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("ssh_key_path: must be an absolute")]);
      home().configure("warm_vms = false\n");
      await home().ok(["vm", "ssh", "box", "--", "true"]);
    }, 60_000);

    test("without an ssh client it says what to install, and what works without one", async () => {
      const { code, stderr } = await home().banger(["vm", "ssh", "box"], { env: { PATH: "/nonexistent" } });
      expect([code, stderr]).toEqual([
        125,
        expect.stringMatching(/ssh is not installed.*`banger vm exec`\nhint: .*openssh/s),
      ]);
    }, 60_000);
  });

  test("a daemon that is killed takes no session with it", async () => {
    const { child, ended } = run("ssh", ["-F", config(), "box.vm", "echo begun; sleep 3; echo done; exit 5"]);
    await Bun.sleep(1500);
    await home().killDaemon();
    expect(await ended).toMatchObject({ code: 5, stdout: "begun\ndone\n" });
    expect(child.exitCode).toBe(5);
  }, 60_000);

  test("a suspended VM wakes; a stopped one says how to start it", async () => {
    await home().ok(["vm", "suspend", "box"]);
    expect(await ssh("box.vm", "hostname")).toMatchObject({ code: 0, stdout: "box\n" });
    await home().ok(["vm", "stop", "box"]);
    expect(await ssh("box.vm", "true")).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("banger vm start box"),
    });
    expect(await ssh("nobody.vm", "true")).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("no VM is named"),
    });
  }, 180_000);

  describe("a VM that ends in the middle of it", () => {
    const begin = async () => {
      await home().ok(["vm", "start", "--wait=agent", "box"]);
      const command = run("ssh", ["-F", config(), "box.vm", "echo begun; sleep 1000"]).ended;
      const terminal = onTerminal(home(), [], undefined, [
        "ssh",
        "-F",
        config(),
        "-tt",
        "box.vm",
        "echo begun; sleep 1000",
      ]);
      await terminal.see("begun");
      await ssh("box.vm", "truncate -s 8G /var/tmp/zeros");
      const copy = run("scp", ["-F", config(), "box.vm:/var/tmp/zeros", join(home().folder, "zeros")]).ended;
      const listener = `socket.create_server(("127.0.0.1", 8125)).accept()[0]`;
      await ssh("box.vm", `python3 -c 'import socket; c = ${listener}; c.sendall(b"up"); c.recv(1)' >/dev/null 2>&1 &`);
      const socket = join(home().folder, "held");
      const unlink = ["-o", "StreamLocalBindUnlink=yes"];
      const tunnel = run("ssh", [
        "-F",
        config(),
        ...unlink,
        "-L",
        `${socket}:localhost:8125`,
        "box.vm",
        "echo up; sleep 1000",
      ]);
      const client = await until("the tunnel is open", () => answered(socket));
      return { command, terminal, copy, tunnel: tunnel.ended, client };
    };
    const ending: [how: string, end: () => Promise<unknown>][] = [
      ["it is deleted", () => home().ok(["vm", "delete", "box"])],
      ["its VMM is killed", async () => home().signal(home().processOf("qemu"), "SIGKILL")],
    ];

    test.each(ending.toReversed())(
      "%s: a command, a terminal, a copy and a tunnel end within 2 s, with a reason",
      async (_, end) => {
        const { command, terminal, copy, tunnel, client } = await begin();
        const gone = once(client, "close");
        await end();
        const begun = performance.now();
        const reason = /deleted|lost|stopped|failed/;
        expect(await command).toMatchObject({ code: 255, stdout: "begun\n", stderr: expect.stringMatching(reason) });
        expect([await terminal.exited, terminal.text()]).toEqual([255, expect.stringMatching(reason)]);
        expect(await copy).toMatchObject({ code: 255, stderr: expect.stringMatching(reason) });
        expect(await tunnel).toMatchObject({ code: 255, stderr: expect.stringMatching(reason) });
        await gone;
        expect(performance.now() - begun).toBeLessThan(2000);
      },
      180_000,
    );
  });

  test("the user's configuration is as it was after --uninstall", async () => {
    expect(readFileSync(config(), "latin1")).toContain("Include ");
    await home().ok(["ssh-config", "--uninstall"]);
    expect(readFileSync(config(), "latin1")).toBe("Host other\r\n  Port 1");
  }, 60_000);
});
