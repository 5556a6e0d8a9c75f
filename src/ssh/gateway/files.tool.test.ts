/** Files by OpenSSH's own sftp and scp, through the gateway and the real agent, whose host is the guest: the agent alone serves them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { type PipedProcess, spawnPiped } from "../../host/process/children.ts";
import { agentBinary, gate } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { untilItServes } from "../../wire/agent/testing/served-agent.ts";
import { ensureUserKey } from "../keys.ts";

const reason = gate("tool:ssh") ?? gate("tool:scp") ?? gate("tool:sftp") ?? gate("tool:banger-vsock-agent");
const program = join(import.meta.dirname, "testing/program.ts");
const user = process.getuid?.() === 0 ? "root" : String(process.getuid?.());

// each runs several clients, and each of them the gateway
setDefaultTimeout(60_000);

describe.skipIf(reason !== null)(reason === null ? "files over ssh" : `files over ssh [${reason}]`, () => {
  const folder = tempFolder("files");
  const at = (name: string) => join(folder.path, name);
  let agent: PipedProcess;

  beforeAll(async () => {
    agent = spawnPiped([agentBinary() ?? "", "serve", "--unix", at("agent")]);
    await untilItServes(agent, folder.path, at("agent"));
    for (const name of ["host", "mine"]) await ensureUserKey({}, { sshKey: at(name) });
    const argv = [process.execPath, program, at("host"), at("mine.pub"), at("agent")].map((word) => `'${word}'`);
    fs.writeFileSync(
      at("config"),
      `Host *
  User ${user}
  ProxyCommand ${argv.join(" ")}
  IdentityFile ${at("mine")}
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile none
  StrictHostKeyChecking no
  LogLevel ERROR
  BatchMode yes
  IdentitiesOnly yes
`,
    );
  });
  afterAll(async () => {
    agent.kill("SIGKILL");
    await agent.done;
    folder[Symbol.dispose]();
  });

  const run = async (argv: string[], input = "") => {
    const child = Bun.spawn([...argv.slice(0, 1), "-F", at("config"), ...argv.slice(1)], {
      cwd: folder.path,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder.path },
      stdin: new TextEncoder().encode(input),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, stdout, stderr };
  };
  const done = { code: 0, stdout: "", stderr: "" };
  const place = (name: string) => {
    fs.mkdirSync(at(name));
    return at(name);
  };
  const makeTree = (path: string) => {
    fs.mkdirSync(join(path, "sub/deep"), { recursive: true });
    fs.writeFileSync(join(path, "sub/deep/big"), Buffer.alloc(5_000_003, "banger"), { mode: 0o640 });
    fs.writeFileSync(join(path, "sub/run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    fs.writeFileSync(join(path, "a b'\"*"), "odd name");
    fs.writeFileSync(join(path, "empty"), "");
    fs.utimesSync(join(path, "sub/run.sh"), 1_500_000_000, 1_500_000_000);
  };
  const picture = (path: string): string[] =>
    fs
      .readdirSync(path, { recursive: true, encoding: "utf8" })
      .sort()
      .map((name) => {
        const { mode, size } = fs.statSync(join(path, name));
        const isFile = fs.statSync(join(path, name)).isFile();
        return `${name} ${(mode & 0o7777).toString(8)} ${isFile ? `${size} ${Bun.hash(fs.readFileSync(join(path, name)))}` : ""}`;
      });

  test.each([
    ["scp, by sftp", ["scp"]],
    ["scp -O", ["scp", "-O"]],
  ])("%s: a tree there and back, with modes and times", async (name, argv) => {
    const [from, there, back] = ["from", "there", "back"].map((end) => place(`${name} ${end}`)) as [
      string,
      string,
      string,
    ];
    makeTree(join(from, "tree"));
    const quoted = (path: string) => (argv.includes("-O") ? `'${path}'` : path);
    expect(await run([...argv, "-rp", join(from, "tree"), `box:${quoted(there)}`])).toEqual(done);
    expect(picture(there)).toEqual(picture(from));
    expect(fs.statSync(join(there, "tree/sub/run.sh")).mtimeMs).toBe(1_500_000_000_000);
    expect(await run([...argv, "-rp", `box:${quoted(join(there, "tree"))}`, back])).toEqual(done);
    expect(picture(back)).toEqual(picture(from));
  });

  test("scp -O: the user's shell expands what is asked for; a file that is missing is said", async () => {
    const from = place("globs");
    for (const name of ["one.txt", "two.txt", "three.md"]) fs.writeFileSync(join(from, name), name);
    const to = place("globbed");
    expect(await run(["scp", "-O", `box:${from}/*.txt`, to])).toEqual(done);
    expect(fs.readdirSync(to).sort()).toEqual(["one.txt", "two.txt"]);
    expect(await run(["scp", "-O", `box:${from}/t{hree.md,wo.txt}`, `box:${from}/none`, to])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("No such file or directory"),
    });
    expect(await run(["scp", "-O", join(from, "one.txt"), `box:${at("none")}/x`])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("No such file or directory"),
    });
  });

  test("sftp: what its commands do", async () => {
    const there = place("sftp");
    fs.writeFileSync(at("local"), "text");
    const commands = `cd ${there}
mkdir d
put ${at("local")} d/f
chmod 600 d/f
ln d/f hard
symlink d/f soft
rename hard moved
ls -l d
df -h
pwd
get moved ${at("got")}
rm soft
-rmdir d
`;
    const { code, stdout } = await run(["sftp", "-q", "-b", "-", "box"], commands);
    expect(code).toBe(0);
    expect(stdout).toContain(`Remote working directory: ${fs.realpathSync(there)}\n`);
    expect(stdout).toMatch(/^-rw------- +2 \S+ +\S+ +4 \w{3} [ \d]\d \d\d:\d\d f$/m);
    expect([fs.readFileSync(at("got"), "utf8"), fs.readdirSync(there).sort()]).toEqual(["text", ["d", "moved"]]);
    expect(fs.statSync(join(there, "d/f")).mode & 0o777).toBe(0o600);
  });

  test("sftp: a transfer that was cut goes on where it ended (reput, reget)", async () => {
    const there = place("resumed");
    const data = Buffer.alloc(3_000_000, "0123456789abcde");
    fs.writeFileSync(at("whole"), data);
    fs.writeFileSync(join(there, "f"), data.subarray(0, 1_000_001));
    fs.writeFileSync(at("part"), data.subarray(0, 999));
    const commands = `reput ${at("whole")} ${there}/f\nreget ${there}/f ${at("part")}\n`;
    expect(await run(["sftp", "-q", "-b", "-", "box"], commands)).toMatchObject({ code: 0 });
    for (const path of [join(there, "f"), at("part")]) expect(Buffer.compare(fs.readFileSync(path), data)).toBe(0);
  });

  test.skipIf(user !== "root")("with the rights of the user, whose home is where paths begin", async () => {
    const there = place("rights");
    fs.chmodSync(there, 0o711);
    fs.chmodSync(folder.path, 0o711);
    fs.writeFileSync(join(there, "secret"), "s", { mode: 0o600 });
    fs.mkdirSync(join(there, "open"), { mode: 0o777 });
    fs.chmodSync(join(there, "open"), 0o777);
    const as = (name: string, commands: string) => run(["sftp", "-q", "-b", "-", `${name}@box`], commands);
    expect(await as("4242", `get ${there}/secret ${at("stolen")}\n`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Permission denied"),
    });
    expect(await as("4242", `put ${at("config")} ${there}/open/mine\npwd\n`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("Remote working directory: /\n"),
    });
    expect(fs.statSync(join(there, "open/mine"))).toMatchObject({ uid: 4242, gid: 0 });
    expect(await run(["scp", "-O", at("config"), `4242@box:${there}/open/old`])).toEqual(done);
    expect(fs.statSync(join(there, "open/old")).uid).toBe(4242);
    expect(await as("root", "pwd\n")).toMatchObject({
      stdout: expect.stringContaining("Remote working directory: /root\n"),
    });
  });

  test.skipIf(user !== "root")("a user whose shell refuses logins is refused", async () => {
    expect(await run(["sftp", "-q", "-b", "-", "nobody@box"], "pwd\n")).toMatchObject({ code: 255 });
    expect(await run(["scp", "-O", at("config"), `nobody@box:${at("none")}`])).toMatchObject({ code: 1 });
  });
});
