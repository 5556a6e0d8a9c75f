/** What a program in a tool's cage can't do, tried by small programs in a real cage. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { gate } from "../testing/gate.ts";
import { tempFolder } from "../testing/temp.ts";
import { realCage } from "../testing/tool-cage.ts";
import { createExec } from "./exec-node.ts";
import type { ToolAccess } from "./tool-cage.ts";

const reason = gate("tool:banger-vsock-agent");
const exec = createExec(process.env as Record<string, string>);
const cage = realCage();

function scene() {
  const temp = tempFolder();
  for (const folder of ["home", "in", "out"]) mkdirSync(`${temp.path}/${folder}`);
  writeFileSync(`${temp.path}/home/secret`, "secret");
  writeFileSync(`${temp.path}/in/data`, "data");
  return { temp, secret: `${temp.path}/home/secret`, input: `${temp.path}/in`, output: `${temp.path}/out` };
}

async function caged(argv: string[], access: ToolAccess = {}) {
  const words = await cage.around(argv[0] ?? "", access);
  expect(words).not.toEqual([]);
  const { exitCode, signal, stdout, stderr } = await exec(argv, { cage: words });
  return { exitCode, signal, stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString() };
}

const sh = (script: string, access: ToolAccess = {}) => caged(["sh", "-c", script], { hasChildren: true, ...access });

describe.skipIf(reason !== null)(reason === null ? "a caged tool" : `a caged tool [${reason}]`, () => {
  test("reads what it was given, and nothing else of the user's", async () => {
    const { temp, secret, input } = scene();
    using _ = temp;
    expect(await caged(["cat", `${input}/data`], { readOnly: [input] })).toMatchObject({ exitCode: 0, stdout: "data" });
    for (const path of [secret, "/etc/passwd", "/proc/self/environ", `${input}/../home/secret`]) {
      expect(await caged(["cat", path], { readOnly: [input] })).toMatchObject({ exitCode: 1, stdout: "" });
    }
    expect((await caged(["ls", "/root", "/home", temp.path], { readOnly: [input] })).stdout).not.toContain("secret");
  });

  test("writes only in its folders", async () => {
    const { temp, secret, input, output } = scene();
    using _ = temp;
    const access = { readOnly: [input], readWrite: [output] };
    expect(await sh(`echo made >${output}/new && mv ${output}/new ${output}/kept`, access)).toMatchObject({
      exitCode: 0,
    });
    expect(readFileSync(`${output}/kept`, "utf8")).toBe("made\n");
    for (const path of [
      `${input}/data`,
      `${input}/more`,
      secret,
      `${temp.path}/new`,
      "/usr/new",
      "/tmp/banger-tool-cage",
    ]) {
      expect((await sh(`echo x >>${path}`, access)).exitCode).not.toBe(0);
      expect((await sh(`: >${path}`, access)).exitCode).not.toBe(0);
    }
    expect((await sh(`rm ${input}/data`, access)).exitCode).not.toBe(0);
    expect(readFileSync(secret, "utf8") + readFileSync(`${input}/data`, "utf8")).toBe("secretdata");
    expect(existsSync("/tmp/banger-tool-cage")).toBe(false);
  });

  test("overwrites its output file, and nothing beside it", async () => {
    const { temp, output } = scene();
    using _ = temp;
    writeFileSync(`${output}/a`, "what was there before");
    writeFileSync(`${output}/b`, "b");
    const access = { outputs: [`${output}/a`, `${output}/made`] };
    expect(await sh(`echo a >${output}/a; echo b >${output}/made`, access)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readFileSync(`${output}/a`, "utf8")).toBe("a\n");
    expect(statSync(`${output}/made`).mode & 0o777).toBe(0o600);
    expect((await sh(`echo x >${output}/b`, access)).exitCode).not.toBe(0);
    expect((await sh(`echo x >${output}/c`, access)).exitCode).not.toBe(0);
    expect(readFileSync(`${output}/b`, "utf8")).toBe("b");
  });

  test("changes no mode and no time, even of files that it can write", async () => {
    const { temp, output } = scene();
    using _ = temp;
    writeFileSync(`${output}/a`, "");
    chmodSync(`${output}/a`, 0o600);
    const before = statSync(`${output}/a`);
    for (const argv of [
      ["chmod", "777", `${output}/a`],
      ["touch", "-d", "2001-01-01", `${output}/a`],
      ["ln", "-s", "/", `${output}/l`],
    ]) {
      expect((await caged(argv, { readWrite: [output] })).exitCode).not.toBe(0);
    }
    expect(statSync(`${output}/a`)).toMatchObject({ mode: before.mode, mtimeMs: before.mtimeMs });
  });

  test("can't signal others, and can't start processes unless it needs to", async () => {
    const bystander = Bun.spawn(["sleep", "60"]);
    try {
      expect((await sh(`kill -0 ${bystander.pid}`)).exitCode).not.toBe(0);
      expect((await sh(`kill -9 ${bystander.pid}`)).exitCode).not.toBe(0);
      expect(bystander.exitCode).toBeNull();
      expect((await sh("(echo child)")).stdout).toBe("child\n");
      expect((await sh("(echo child)", { hasChildren: false })).stdout).toBe("");
    } finally {
      bystander.kill("SIGKILL");
      await bystander.exited;
    }
  });

  test("can't make a file larger than its limit", async () => {
    const { temp, output } = scene();
    using _ = temp;
    const access = { outputs: [`${output}/a`], largestFile: 4096 };
    const ended = await caged(["head", "-c", "8192", "/dev/null"], access);
    expect(ended.exitCode).toBe(0);
    await sh(`printf '%8192s' x >${output}/a`, access);
    expect(statSync(`${output}/a`).size).toBeLessThanOrEqual(4096);
  });
});

/** a python that does not re-execute another one */
const python = "/usr/bin/python3";
const noPython = reason ?? (existsSync(python) ? null : `${python} is not there`);
const socketScript = `
import socket, sys
def tries(family, address):
    try:
        socket.socket(family, socket.SOCK_STREAM).connect(address)
        return "connected"
    except OSError as error:
        return "refused"
print(tries(socket.AF_UNIX, sys.argv[1]), tries(socket.AF_INET, ("127.0.0.1", int(sys.argv[2]))))
`;

test.skipIf(noPython !== null)("a caged tool connects to no socket", async () => {
  const { temp, output } = scene();
  using _ = temp;
  const [unix, tcp] = [createServer(), createServer()];
  await new Promise<void>((resolve) => void unix.listen(`${output}/sock`, resolve));
  await new Promise<void>((resolve) => void tcp.listen(0, "127.0.0.1", resolve));
  try {
    const argv = [
      "sh",
      "-c",
      `exec ${python} -c "$0" "$@"`,
      socketScript,
      `${output}/sock`,
      String((tcp.address() as { port: number }).port),
    ];
    expect(Buffer.from((await exec(argv)).stdout).toString()).toBe("connected connected\n");
    expect((await caged(argv, { readWrite: [output] })).stdout).toBe("refused refused\n");
  } finally {
    for (const server of [unix, tcp]) server.close();
  }
});

const noPackage = reason ?? gate("tool:dpkg-deb");
test.skipIf(noPackage !== null)("dpkg-deb unpacks a package in a cage, whatever its compression", async () => {
  const { temp, output } = scene();
  using _ = temp;
  mkdirSync(`${output}/p/DEBIAN`, { recursive: true });
  mkdirSync(`${output}/p/boot`);
  const control = "Package: k\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.com>\nDescription: k\n";
  writeFileSync(`${output}/p/DEBIAN/control`, control);
  writeFileSync(`${output}/p/boot/vmlinuz-1`, "kernel".repeat(100_000));
  for (const compression of ["none", "gzip", "xz", "zstd"]) {
    const deb = `${output}/${compression}.deb`;
    const built = await exec(["dpkg-deb", "--build", `-Z${compression}`, "--root-owner-group", `${output}/p`, deb]);
    expect(built.exitCode).toBe(0);
    const plain = await exec(["dpkg-deb", "--fsys-tarfile", deb]);
    const words = await cage.around("dpkg-deb", { readOnly: [deb], hasChildren: true });
    const inCage = await exec(["dpkg-deb", "--fsys-tarfile", deb], { cage: words });
    expect(inCage).toMatchObject({ exitCode: 0 });
    expect(Buffer.from(inCage.stdout).equals(plain.stdout)).toBe(true);
  }
});

const noDepmod = reason ?? gate("tool:depmod");
test.skipIf(noDepmod !== null)("depmod writes its tables in a cage", async () => {
  const { temp, output } = scene();
  using _ = temp;
  const modules = `${output}/lib/modules/6.1.0`;
  mkdirSync(modules, { recursive: true });
  writeFileSync(`${modules}/modules.order`, "");
  writeFileSync(`${modules}/modules.builtin`, "kernel/fs/ext4.ko\n");
  const access = { readOnly: [output], readWrite: [modules], largestFile: 1024 ** 2 };
  expect(await caged(["depmod", "-b", output, "6.1.0"], access)).toMatchObject({ exitCode: 0 });
  expect(existsSync(`${modules}/modules.dep`)).toBe(true);
  expect(existsSync(`${modules}/modules.builtin.bin`)).toBe(true);
});

for (const tool of ["xz", "bzip2"]) {
  const missing = reason ?? gate(`tool:${tool}`);
  test.skipIf(missing !== null)(`${tool} unpacks in a cage`, async () => {
    const input = Buffer.from("bytes ".repeat(200_000));
    const packed = (await exec([tool, "--compress", "--stdout"], { input })).stdout;
    const argv = [tool, "--decompress", "--stdout"];
    const { exitCode, stdout } = await exec(argv, { input: packed, cage: await cage.around(tool, {}) });
    expect(exitCode).toBe(0);
    expect(Buffer.from(stdout).equals(input)).toBe(true);
  });
}
