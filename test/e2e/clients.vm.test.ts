/** Programs that build on ssh, with nothing but the configuration of `banger ssh-config`: rsync, Ansible, Paramiko, sshfs, VS Code's Remote-SSH. */
import { beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { gate } from "../../src/host/testing/gate.ts";
import { python, pythonClients } from "./clients/python.ts";
import { installScript, lineThrough, mark, resultIn, server } from "./clients/vscode.ts";
import { vmSuite } from "./harness.ts";
import { until } from "./processes.ts";

const clients = gate("vm") === null ? pythonClients() : { reason: "no VM" };
const without = "reason" in clients ? ` [${clients.reason}]` : "";
const modules = { PYTHONPATH: "path" in clients ? clients.path : "" };

vmSuite("clients", (home) => {
  const at = (name: string) => join(home().folder, name);
  const config = () => join(home().env["XDG_CONFIG_HOME"] ?? "", "banger/ssh_config");
  const start = (argv: string[], env: Record<string, string> = {}) =>
    Bun.spawn(argv, { cwd: home().folder, env: { ...home().env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const run = async (argv: string[], env: Record<string, string> = {}) => {
    const child = start(argv, env);
    void child.stdin.end();
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, stdout, stderr };
  };
  const ssh = (...words: string[]) => run(["ssh", "-F", config(), ...words]);

  beforeAll(async () => {
    await home().ok(["ssh-config"]);
    await home().ok(["vm", "run", "--name", "box", "--detach", "--wait=agent"]);
  }, 240_000);

  test.skipIf(gate("tool:rsync") !== null)(
    "rsync both ways: links, modes, times, only what has changed, and what is gone",
    async () => {
      mkdirSync(at("tree/sub"), { recursive: true });
      writeFileSync(at("tree/big"), randomBytes(2_000_000), { mode: 0o640 });
      writeFileSync(at("tree/sub/script"), "#!/bin/sh\n", { mode: 0o755 });
      symlinkSync("sub/script", at("tree/link"));
      const rsync = (...words: string[]) => run(["rsync", "-e", `ssh -F ${config()}`, "-ai", "--delete", ...words]);
      expect(await rsync("tree/", "box.vm:tree/")).toMatchObject({ code: 0 });
      writeFileSync(at("tree/sub/new"), "new");
      const second = await rsync("tree/", "box.vm:tree/");
      expect([second.code, second.stdout]).toEqual([0, expect.stringContaining("<f+++++++++ sub/new")]);
      expect(second.stdout).not.toContain("big");
      await ssh("box.vm", "rm tree/sub/new; echo from the guest >tree/note");
      expect(await rsync("box.vm:tree/", "tree/")).toMatchObject({ code: 0 });
      expect(readdirSync(at("tree")).sort()).toEqual(["big", "link", "note", "sub"]);
      expect(readdirSync(at("tree/sub"))).toEqual(["script"]);
      expect((await rsync("-n", "-c", "box.vm:tree/", "tree/")).stdout).toBe("");
    },
    120_000,
  );

  describe.skipIf(without !== "")(`from PyPI${without}`, () => {
    test("Ansible: setup, ping, copy", async () => {
      writeFileSync(at("hosts"), "box.vm\n");
      writeFileSync(at("copied"), "by ansible\n");
      const copy = { copy: { src: at("copied"), dest: "/root/copied", mode: "0600" } };
      const setup = { setup: { gather_subset: "!all,!min,distribution" } };
      const tasks = [setup, { debug: { var: "ansible_distribution" } }, { ping: {} }, copy];
      writeFileSync(at("play.json"), JSON.stringify([{ hosts: "all", gather_facts: false, tasks }]));
      const settings = {
        ...modules,
        ANSIBLE_SSH_ARGS: `-F ${config()} -o ControlMaster=auto -o ControlPersist=5s`,
        ANSIBLE_HOME: at("ansible"),
        ANSIBLE_SSH_CONTROL_PATH_DIR: at("cp"),
        ANSIBLE_NOCOLOR: "1",
      };
      const play = [python, "-m", "ansible", "playbook", "-v", "-i", at("hosts"), at("play.json")];
      const { code, stdout } = await run(play, settings);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/ok=4 +changed=1 +unreachable=0 +failed=0/)]);
      expect(stdout).toContain('"ansible_distribution": "Debian"');
      expect(stdout).toContain('"ping": "pong"');
      expect((await ssh("box.vm", "stat -c %a /root/copied; cat /root/copied")).stdout).toBe("600\nby ansible\n");
    }, 240_000);

    test("Paramiko: commands, files, a terminal", async () => {
      writeFileSync(at("file"), randomBytes(1_000_000));
      const script = join(import.meta.dirname, "clients/by-paramiko.py");
      const { code, stdout, stderr } = await run([python, script, config(), at("file")], modules);
      expect([code, stdout, stderr]).toEqual([
        0,
        "7 b'out sent\\n' b'err\\n'\n0o640 True True\nb'33 91\\r\\n'\n",
        expect.any(String),
      ]);
      expect(Buffer.compare(readFileSync(at("file")), readFileSync(at("file.back")))).toBe(0);
    }, 60_000);
  });

  test("VS Code's Remote-SSH: a server is brought in, started, reached, found again, and outlives the connection", async () => {
    mkdirSync(at("vscode"));
    writeFileSync(at("vscode/server"), server, { mode: 0o755 });
    execFileSync("tar", ["-czf", at("server.tar.gz"), "-C", at("vscode"), "server"]);
    writeFileSync(at("server.tar.gz.done"), "");
    const window = async () => {
      const port = await freePort();
      const child = start(["ssh", "-F", config(), "-T", "-D", `127.0.0.1:${port}`, "box.vm", "bash"]);
      let output = "";
      child.stdin.write(installScript);
      void child.stdin.flush();
      const decoder = new TextDecoder();
      const reading = (async () => {
        for await (const chunk of child.stdout) output += decoder.decode(chunk, { stream: true });
      })();
      return {
        port,
        child,
        reading,
        said: (pattern: RegExp) => until(`${pattern}`, () => pattern.exec(output)),
        output: () => output,
      };
    };

    const first = await window();
    const [, folder = ""] = await first.said(/folder==(.*)==/);
    expect(folder).toBe("/root/.vscode-server/cli/servers/stand-in");
    for (const name of ["server.tar.gz", "server.tar.gz.done"])
      expect(await run(["scp", "-F", config(), "-r", at(name), `box.vm:${folder}`])).toMatchObject({ code: 0 });
    await first.said(new RegExp(`${mark}: end`));
    const result = resultIn(first.output());
    expect(result).toMatchObject({ exitCode: "0", arch: "x86_64", platform: "Linux" });
    const port = Number(result?.["listeningOn"]);
    const answer = await lineThrough(first.port, port, "hello");
    expect(answer).toMatch(/^\d+ hello$/);

    const second = await window();
    await second.said(new RegExp(`${mark}: end`));
    expect(second.output()).not.toContain("trigger_server_download");
    first.child.kill();
    await first.child.exited;
    expect(await lineThrough(second.port, port, "hello")).toBe(answer);
    void second.child.stdin.end();
    expect(await second.child.exited).toBe(0);
  }, 120_000);
});

/** A port of loopback that nobody listens at. */
async function freePort(): Promise<number> {
  const listener = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  listener.listen(0, "127.0.0.1", resolve);
  await promise;
  const { port } = listener.address() as { port: number };
  await listener[Symbol.asyncDispose]();
  return port;
}
