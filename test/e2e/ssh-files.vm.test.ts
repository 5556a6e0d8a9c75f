/** scp and sftp with OpenSSH's own programs, in an image that has no ssh of any kind: busybox and nothing else. */
import { beforeAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archive, file, folder } from "../../src/formats/tar/testing/archive.ts";
import { writeLayout } from "../../src/images/testing/oci-layout.ts";
import { busyboxFolder, readBusybox } from "./busybox.ts";
import { vmSuite } from "./harness.ts";

const applets = ["sh", "cat", "chown", "id", "ls", "mkdir", "rm", "seq", "sha256sum", "sleep", "stat", "touch"];
const passwd = "root:x:0:0::/root:/bin/sh\ndev:x:1000:1000::/home/dev:/bin/sh\nsrv:x:101:101::/:/sbin/nologin\n";

vmSuite("ssh-files", (home) => {
  const at = (name: string) => join(home().folder, name);
  const start = (program: string, args: string[], input?: string) =>
    Bun.spawn([program, "-F", at("ssh-config"), ...args], {
      cwd: home().folder,
      env: home().env,
      stdin: input === undefined ? "ignore" : new TextEncoder().encode(input),
      stdout: "pipe",
      stderr: "pipe",
    });
  const ended = async (child: ReturnType<typeof start>) => {
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, stdout, stderr };
  };
  const run = (program: string, args: string[], input?: string) => ended(start(program, args, input));
  const inGuest = async (...argv: string[]) => (await home().ok(["vm", "exec", "mini", "--", ...argv])).stdout;
  const hasBegun = () =>
    inGuest("sh", "-c", "for i in $(seq 400); do [ -s /srv/large ] && exit 0; sleep 0.05; done; exit 9");
  const sumOf = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
  const done = { code: 0, stdout: "", stderr: "" };

  beforeAll(async () => {
    const layer = archive([
      ...busyboxFolder(await readBusybox(), applets),
      folder("etc"),
      file("etc/passwd", passwd),
      file("etc/group", "root:x:0:\ndev:x:1000:\nstaff:x:50:dev\n"),
      folder("home"),
      folder("root"),
      folder("srv"),
    ]);
    writeLayout(at("layout"), [layer], { config: { Env: ["PATH=/bin"], WorkingDir: "/srv" } });
    await home().ok(["image", "import", at("layout"), "--name", "mini"]);
    await home().ok(["ssh-config"]);
    writeFileSync(at("ssh-config"), `Include ${join(home().env["XDG_CONFIG_HOME"] ?? "", "banger/ssh_config")}\n`);
    const small = ["--cold", "--memory", "256M", "--network", "none", "--wait", "agent"];
    await home().ok(["vm", "run", "--name", "mini", "--image", "mini", ...small, "--detach"]);
    await inGuest("sh", "-c", "mkdir /home/dev && chown 1000:1000 /home/dev");
  }, 300_000);

  test.each([
    ["scp", ["scp"]],
    ["scp -O", ["scp", "-O"]],
  ])(
    "%s there and back, with modes and times, as the user who logs in",
    async (name, [program = "", ...flags]) => {
      const tree = at(`${name} tree`);
      mkdirSync(join(tree, "sub"), { recursive: true });
      const data = randomBytes(3_000_001);
      writeFileSync(join(tree, "sub/data"), data, { mode: 0o640 });
      expect(await run(program, [...flags, "-rp", tree, "dev@mini.vm:copied"])).toEqual(done);
      const found = await inGuest(
        "sh",
        "-c",
        "cd /home/dev/copied/sub; sha256sum data; stat -c '%a %u:%g' data; rm -r ../../c*",
      );
      expect(found).toBe(`${sumOf(data)}  data\n640 1000:1000\n`);
      expect(await run(program, [...flags, "-p", join(tree, "sub/data"), "mini.vm:"])).toEqual(done);
      expect(await inGuest("stat", "-c", "%a %U", "/root/data")).toBe("640 root\n");
      mkdirSync(at(`${name} back`));
      expect(await run(program, [...flags, "-p", "mini.vm:/root/da*", at(`${name} back`)])).toEqual(done);
      expect(sumOf(readFileSync(join(at(`${name} back`), "data")))).toBe(sumOf(data));
    },
    120_000,
  );

  test("sftp begins in the user's home, with the user's groups and rights", async () => {
    await inGuest("sh", "-c", "mkdir -p /srv/staff; chown 0:50 /srv/staff; touch /srv/secret");
    await home().ok(["vm", "exec", "mini", "--", "busybox", "chmod", "0070", "/srv/staff"]);
    await home().ok(["vm", "exec", "mini", "--", "busybox", "chmod", "0600", "/srv/secret"]);
    const commands = `pwd\nput ${at("ssh-config")} /srv/staff/f\nls -l /srv/staff\nget /srv/secret ${at("stolen")}\n`;
    const { code, stdout, stderr } = await run("sftp", ["-q", "-b", "-", "dev@mini.vm"], commands);
    expect([code, stderr]).toEqual([1, expect.stringContaining("Permission denied")]);
    expect(stdout).toContain("Remote working directory: /home/dev\n");
    expect(stdout).toMatch(/^-rw-\S+ +1 dev +dev +\d+ .* f$/m);
  }, 60_000);

  test("a user whose shell refuses logins has neither", async () => {
    expect(await run("sftp", ["-q", "-b", "-", "srv@mini.vm"], "pwd\n")).toMatchObject({ code: 255 });
    expect((await run("scp", ["-O", at("ssh-config"), "srv@mini.vm:/tmp/x"])).code).not.toBe(0);
    expect(await inGuest("sh", "-c", "ls /tmp/x 2>/dev/null || :")).toBe("");
  }, 60_000);

  test("a daemon that is killed in the middle of a transfer takes nothing from it", async () => {
    const data = randomBytes(64 * 1024 * 1024);
    writeFileSync(at("large"), data);
    const child = start("scp", [at("large"), "mini.vm:/srv/large"]);
    await hasBegun();
    await home().killDaemon();
    expect(await ended(child)).toEqual(done);
    expect(await inGuest("sha256sum", "/srv/large")).toBe(`${sumOf(data)}  /srv/large\n`);
    await inGuest("rm", "/srv/large");
  }, 120_000);

  test("a VM that ends in the middle of a transfer ends it, with a reason", async () => {
    await home().ok(["vm", "exec", "mini", "--", "busybox", "truncate", "-s", "20G", "/srv/huge"]);
    const child = start("scp", ["mini.vm:/srv/huge", at("endless")]);
    const copy = start("scp", ["-O", at("large"), "mini.vm:/srv/large"]);
    await hasBegun();
    await home().ok(["vm", "delete", "mini"]);
    const begun = performance.now();
    for (const one of await Promise.all([ended(child), ended(copy)])) {
      expect(one).toMatchObject({
        code: expect.any(Number),
        stderr: expect.stringMatching(/deleted|lost|stopped|closed/i),
      });
      expect(one.code).not.toBe(0);
    }
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(readdirSync(home().folder)).toContain("layout");
  }, 120_000);
});
