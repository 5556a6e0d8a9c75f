/** `banger image build FILE.toml` with real guests: what is in the image, and that a build that ends early leaves nothing. */
import { beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openApt } from "../../src/artifacts/debian/apt.ts";
import { findArchive } from "../../src/artifacts/debian/archive.ts";
import { createExec } from "../../src/host/process/exec-node.ts";
import { agentBinary, gate } from "../../src/host/testing/gate.ts";
import { tempFolder } from "../../src/host/testing/temp.ts";
import type { ImageView } from "../../src/model/artifact.ts";
import { vmSuite } from "./harness.ts";
import type { Child, Outcome } from "./home.ts";
import { until } from "./processes.ts";

/** Guests use the host's way to Debian's archive. */
async function whyNoPackages(): Promise<string | null> {
  if (gate("vm") !== null) return gate("vm");
  using temp = tempFolder("apt");
  const exec = createExec(process.env as Record<string, string>);
  try {
    await openApt(
      { exec, env: process.env },
      await findArchive({ exec }, "bookworm"),
      temp.path,
      AbortSignal.timeout(60_000),
    );
    return null;
  } catch (error) {
    return `Debian's archive can't be read: ${(error as Error).message.slice(0, 100)}`;
  }
}
const noPackages = await whyNoPackages();

vmSuite("build", (home) => {
  const folder = () => join(home().folder, "project");
  const write = (name: string, toml: string) => writeFileSync(join(folder(), name), toml);
  const build = (name: string): Promise<Outcome> =>
    home().banger(["image", "build", name], { cwd: folder(), timeoutMs: 300_000 });
  const inGuest = async (image: string, script: string) =>
    (await home().ok(["vm", "run", "--rm", "--wait", "agent", "--image", image, "--", "sh", "-c", script])).stdout;
  const show = (name: string) => home().json<ImageView>(["image", "show", name]);
  const names = async () => (await home().json<{ name: string }[]>(["image", "ls"])).map(({ name }) => name);
  const nothingRuns = async () => {
    const vms = join(home().folder, "s/banger/vms");
    await until("no VM is left", () => (existsSync(vms) ? readdirSync(vms) : []).length === 0);
    expect(
      home()
        .processes()
        .filter((item) => /^(qemu|passt)/.test(item.name)),
    ).toEqual([]);
    expect(await home().json<unknown[]>(["vm", "ls"])).toEqual([]);
  };

  beforeAll(() => {
    mkdirSync(join(folder(), "app/deep"), { recursive: true });
    writeFileSync(join(folder(), "app/main"), "#!/bin/sh\necho from the app: $1\n");
    chmodSync(join(folder(), "app/main"), 0o755);
    writeFileSync(join(folder(), "app/deep/data"), "d".repeat(700_000));
    symlinkSync("main", join(folder(), "app/link"));
    copyFileSync(agentBinary() ?? "", join(folder(), "tool"));
    chmodSync(join(folder(), "tool"), 0o755);
  });

  test("files, steps and run configuration, on the default image", async () => {
    write(
      "dev.toml",
      `base = "debian-bookworm"
run = [
  "useradd --create-home app; echo $STEP >/opt/step; rm /etc/issue",
  ["touch", "/opt/a b"],
  "systemctl is-system-running --wait || true; test -d /sys/module/overlay",
]
cmd = ["/opt/app/main", "cmd"]
user = "app"
workdir = "/opt/app"
[[files]]
path = "/opt/app"
source = "app"
owner = "www-data:daemon"
[[files]]
path = "/usr/local/bin/tool"
source = "tool"
mode = "4755"
[[files]]
path = "/bin/through-a-link"
content = "/bin is a link in the base"
[env]
STEP = "only in steps"
[environment]
APP = "everywhere"
[vm]
vcpu = 1
memory = "1G"
`,
    );
    const done = await build("dev.toml");
    expect([done.code, done.stdout]).toEqual([
      0,
      expect.stringMatching(/^dev [\d.]+ MiB of its own, [\d.]+ MiB shared\n$/),
    ]);
    expect(done.stderr).toContain("spec: 1 vcpu, 1.0 GiB memory");
    expect(await show("dev")).toMatchObject({
      source: "build dev.toml",
      init: "systemd",
      config: { cmd: ["/opt/app/main", "cmd"], user: "app", workdir: "/opt/app", env: { APP: "everywhere" } },
    });
    const script = `id -un; pwd; echo "$APP|$STEP"; cat /opt/step; ls /etc/issue /opt 2>&1
      stat -c '%U:%G %a' /opt/app /opt/app/main /opt/app/deep/data /usr/local/bin/tool; readlink /opt/app/link
      stat -c %s /opt/app/deep/data /usr/local/bin/tool
      cat /usr/bin/through-a-link; echo; ./main here; stat -c %a /bin 2>/dev/null`;
    expect(await inGuest("dev", script)).toBe(`app
/opt/app
everywhere|
only in steps
ls: cannot access '/etc/issue': No such file or directory
/opt:
a b
app
step
www-data:daemon 755
www-data:daemon 755
www-data:daemon 644
root:root 4755
main
700000
${Bun.file(join(folder(), "tool")).size}
/bin is a link in the base
from the app: here
777
`);
    await nothingRuns();
  }, 300_000);

  test("on the built image, under its own name: one more layer, and run configuration that is not set again is kept", async () => {
    const before = await show("dev");
    write("more.toml", 'name = "dev"\nbase = "dev"\nrun = ["id -u >/opt/who"]\nworkdir = "/"\n');
    expect((await build("more.toml")).code).toBe(0);
    const after = await show("dev");
    expect(after.layers.slice(0, -1)).toEqual(before.layers);
    expect(after.config).toEqual({ ...before.config, workdir: "/" });
    expect(await inGuest("dev", "cat /opt/who /opt/step")).toBe("0\nonly in steps\n");
  }, 300_000);

  test("a base of one program, without init, shell or users: files and argument lists work, a shell text and packages don't", async () => {
    mkdirSync(join(folder(), "root"));
    copyFileSync(join(folder(), "tool"), join(folder(), "root/tool"));
    chmodSync(join(folder(), "root/tool"), 0o755);
    await home().ok(["image", "register", "bare", "--rootfs", join(folder(), "root")]);
    write(
      "tool.toml",
      'base = "bare"\nrun = [["/tool", "--version"]]\ncmd = ["/tool", "--version"]\n[[files]]\npath = "/etc/new/file"\ncontent = "x"\n',
    );
    const done = await build("tool.toml");
    expect([done.code, done.stderr]).toEqual([
      0,
      expect.stringMatching(/step 2 of 2: \/tool --version\n.*\d+\.\d+\.\d+/),
    ]);
    const ran = await home().ok(["vm", "run", "--rm", "--memory", "256M", "--image", "tool"]);
    expect(ran.stdout).toMatch(/\d+\.\d+\.\d+/);
    write("shell.toml", 'base = "bare"\nrun = ["true"]\n');
    expect((await build("shell.toml")).stderr).toContain('step 1 of 1 (true) needs "sh", which the base does not have');
    write("none.toml", 'base = "bare"\nrun = [["/none"]]\n');
    expect((await build("none.toml")).stderr).toContain('(/none) needs "/none", which the base does not have');
    write("packages.toml", 'base = "bare"\npackages = ["x"]\n');
    expect((await build("packages.toml")).stderr).toContain("finds no package manager in the base");
    write("owner.toml", 'base = "bare"\n[[files]]\npath = "/a"\ncontent = ""\nowner = "app"\n');
    expect((await build("owner.toml")).stderr).toContain('no user is named "app" in the base');
    await nothingRuns();
  }, 300_000);

  test("a step that fails: its output and status, and nothing left of the build", async () => {
    const before = await names();
    write(
      "bad.toml",
      'base = "debian-bookworm"\nrun = ["echo fine", "echo no such thing >&2; exit 3", "echo never"]\n',
    );
    const failed = await build("bad.toml");
    expect([failed.code, failed.stdout]).toEqual([1, ""]);
    expect(failed.stderr).toContain(
      'building image "bad" failed: step 2 of 3 (echo no such thing >&2; exit 3) ended with status 3: no such thing\n',
    );
    expect(failed.stderr).not.toContain("never\n");
    await nothingRuns();
    expect(await names()).toEqual(before);
  }, 120_000);

  test("if it is cut off during a step, a stop or a save: nothing is left", async () => {
    const before = await names();
    write("slow.toml", 'base = "debian-bookworm"\nrun = ["echo begun; sleep 1000"]\n');
    write("quick.toml", 'base = "debian-bookworm"\nrun = ["echo begun"]\n');
    const started = async (file: string, words: string): Promise<Child> => {
      const child = home().spawn(["image", "build", file], { cwd: folder() });
      let said = "";
      for await (const chunk of child.stderr) {
        said += new TextDecoder().decode(chunk);
        if (said.includes(words)) return child;
      }
      throw new Error(`it never said ${words}: ${said}`);
    };
    const interrupted = await started("slow.toml", "\n  | begun\n");
    interrupted.kill("SIGINT");
    expect(await interrupted.exited).toBe(130);
    await nothingRuns();
    for (const [file, words] of [
      ["slow.toml", "\n  | begun\n"],
      ["quick.toml", "asking the guest to power off"],
      ["quick.toml", "reading the disk of"],
    ] as const) {
      const child = await started(file, words);
      child.kill("SIGKILL");
      await child.exited;
      await nothingRuns();
    }
    const orphan = await started("slow.toml", "\n  | begun\n");
    await home().killDaemon();
    expect(await orphan.exited).toBe(1);
    // the next daemon gives its client a moment to reconnect
    await home().ok(["vm", "ls"]);
    await nothingRuns();
    expect(await names()).toEqual(before);
    expect(readdirSync(join(home().folder, "c/banger/partial"))).toEqual([]);
  }, 300_000);

  test.skipIf(noPackages !== null)(
    `packages are installed by the guest's own manager, from the host's source${noPackages ? ` [${noPackages}]` : ""}`,
    async () => {
      write(
        "packages.toml",
        'name = "packages"\nbase = "debian-bookworm"\npackages = ["tree"]\nrun = ["tree --version"]\n',
      );
      const done = await build("packages.toml");
      expect([done.code, done.stderr]).toEqual([0, expect.stringContaining("step 2 of 2: tree --version\n  | tree v")]);
      expect(await inGuest("packages", "tree --version; ls /var/lib/apt/lists 2>&1 | grep -c _Packages; true")).toMatch(
        /^tree v.*\n0\n$/,
      );
      expect((await show("packages")).ownBytes).toBeLessThan(5_000_000);
      write("wrong.toml", 'name = "wrong"\nbase = "debian-bookworm"\npackages = ["no-such-package"]\n');
      const failed = await build("wrong.toml");
      expect([failed.code, failed.stderr]).toEqual([
        1,
        expect.stringContaining(
          "step 1 of 1 (packages no-such-package) ended with status 100: E: Unable to locate package no-such-package",
        ),
      ]);
    },
    300_000,
  );
});
