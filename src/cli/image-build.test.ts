/** `banger image build FILE.toml` against a daemon over a host in memory: what is done in which order, what is said, what stays. */
import { expect, test } from "bun:test";
import { archive, file } from "../formats/tar/testing/archive.ts";
import { planFile } from "../imagefile/files.ts";
import { parseImageFile } from "../imagefile/parse.ts";
import type { FakeAgentOptions, FakeCommand } from "../wire/agent/testing/fake.ts";
import type { ExecExit, Json } from "../wire/agent/types.ts";
import { type CallOptions, type CliResult, type CliWorld, cliWorlds } from "./testing/cli.ts";

const open = cliWorlds();

const spec =
  "spec: 2 vcpu, 1.0 GiB memory, 8 GiB disk, image debian-bookworm, kernel debian-bookworm-cloud, network user, vmm world (world 1 can't save VMs)\n";

type Asked = { argv: string[]; env: Record<string, string>; cwd: unknown; user: unknown };
type Build = {
  world: CliWorld;
  asked: Asked[];
  puts: Json[];
  build(toml: string, call?: CallOptions, flags?: string[]): Promise<CliResult>;
};

/** @param programs what the guest has, and how each ends */
async function fresh(programs: Record<string, string | ExecExit>, options: FakeAgentOptions = {}): Promise<Build> {
  const asked: Asked[] = [];
  const puts: Json[] = [];
  const commands = Object.fromEntries(
    Object.entries(programs).map(([name, what]): [string, FakeCommand] => [
      name,
      async (stream, { argv = [], env = {}, cwd, user }) => {
        asked.push({ argv, env, cwd, user });
        const isText = typeof what === "string";
        await stream.write(argv.includes("--loud") ? 2 : 1, new TextEncoder().encode(isText ? what : "last words\n"));
        return isText ? { code: 0 } : what;
      },
    ]),
  );
  const world = await open({ commands, onPut: (request) => void puts.push(request), ...options });
  const build: Build["build"] = (toml, call = {}, flags = []) => {
    const change: CallOptions["change"] = (context) => {
      context.readImageFile = async (path) => {
        const parsed = parseImageFile(path, toml);
        return { ...parsed, files: parsed.files.map((one, at) => planFile("/nowhere", one, at, [])) };
      };
      call.change?.(context);
    };
    return world.cli(["image", "build", "dev.toml", ...flags], { sync: noneOfTheUsers, ...call, change });
  };
  return { world, asked, puts, build };
}

/** What is built for others has none of the user's own files. */
function noneOfTheUsers(): never {
  throw new Error("a build has asked for file_sync");
}

/** Nothing of a build that failed is there. */
async function nothingStays({ served }: CliWorld): Promise<void> {
  await served.machines.idle();
  expect(served.machines.all()).toEqual([]);
  expect(served.host.world.living()).toEqual([]);
  expect((await served.machines.images()).map(({ name }) => String(name))).toEqual(["debian-bookworm"]);
}

const base = 'base = "debian-bookworm"\n';

test("packages, files and steps in that order; then the VM is saved, with the configuration for running the image", async () => {
  const { world, asked, puts, build } = await fresh({
    "apt-get": "apt says\n",
    rm: "",
    sh: "one\ntwo",
    "/bin/tool": "",
  });
  const toml = `${base}packages = ["curl", "git"]
    run = ["make", ["/bin/tool", "a b"]]
    cmd = ["serve"]
    [[files]]
    path = "/etc/motd"
    content = "hi"
    owner = "0:12"
    [env]
    CI = "1"
    [environment]
    APP = "x"`;
  const done = await build(toml);
  expect(done).toEqual({
    code: 0,
    stdout: "dev 4 KiB of its own, 4 KiB shared\n",
    stderr: `${spec}booting
waiting for the guest's services
step 1 of 4: packages curl git
  | apt says
  | apt says
  | apt says
step 2 of 4: files
step 3 of 4: make
  | one
  | two
step 4 of 4: /bin/tool 'a b'
asking the guest to power off
reading the disk of ${world.served.host.world.vmms.size === 2 ? done.stderr.match(/disk of (\S+)/)?.[1] : ""}
`,
  });
  expect(asked.map(({ argv }) => argv.join(" "))).toEqual([
    "apt-get --version",
    "apt-get -q update",
    "apt-get -q -y install curl git",
    "apt-get -q clean",
    "rm -rf /var/lib/apt/lists",
    "sh -eu -c make",
    "/bin/tool a b",
  ]);
  expect(new Set(asked.map(({ cwd, user }) => `${cwd} ${user}`))).toEqual(new Set(["/ root"]));
  expect(asked[2]?.env).toEqual({ DEBIAN_FRONTEND: "noninteractive", CI: "1" });
  expect(asked[5]?.env).toEqual({ CI: "1" });
  expect(puts.map(({ path, uid, gid, create }) => [path, uid, gid, create])).toEqual([["/etc", 0, 12, true]]);
  expect(world.served.machines.findImage("dev")).toMatchObject({
    source: "build dev.toml",
    config: { env: { APP: "x" }, cmd: ["serve"] },
  });
  expect(world.served.machines.all()).toEqual([]);
});

test("a failed step is reported with its number, output and status; no later step runs, and nothing is kept", async () => {
  const { world, asked, build } = await fresh({ sh: { code: 3 }, "/bin/tool": "" });
  const toml = `${base}run = ["make all", ["/bin/tool"]]`;
  const failed = await build(toml);
  expect([failed.code, failed.stdout]).toEqual([1, ""]);
  expect(failed.stderr).toEndWith(`step 1 of 2: make all
  | last words
error: building image "dev" failed: step 1 of 2 (make all) ended with status 3: last words
hint: nothing was kept: change that step and run the same command again
`);
  expect(asked).toHaveLength(1);
  await nothingStays(world);
  const { stderr } = await build(toml, {}, ["--json"]);
  const events = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Json);
  expect(events).toContainEqual({ kind: "log", step: 1, text: "last words" });
  expect(events.at(-1)).toEqual({
    error: expect.objectContaining({
      code: "IMAGE_BUILD_FAILED",
      details: expect.objectContaining({ step: 1, command: "make all", status: "3", lines: ["last words"] }),
    }),
  });
  await nothingStays(world);
});

test.each([
  [
    "a signal",
    { sh: { signal: "KILL", number: 9 } as ExecExit },
    'run = ["x"]',
    "step 1 of 1 (x) was ended by SIGKILL: last words",
  ],
  ["no shell", {}, 'run = ["x"]', 'step 1 of 1 (x) needs "sh", which the base does not have\nhint: write it as a list'],
  [
    "no such program",
    {},
    'run = [["/a", "b"]]',
    'step 1 of 1 (/a b) needs "/a", which the base does not have\nhint: nothing was kept',
  ],
  [
    "no package manager",
    {},
    'packages = ["a"]',
    "step 1 of 1 (packages a) finds no package manager in the base (known: apt, apk,",
  ],
  ["a package manager that fails", { apk: { code: 1 } as ExecExit }, 'packages = ["a"]', "finds no package manager"],
])("%s", async (_what, programs, line, words) => {
  const { world, build } = await fresh(programs as Record<string, ExecExit>);
  const failed = await build(base + line);
  expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining(words)]);
  await nothingStays(world);
});

test("a program that can't be run, a file that can't be written", async () => {
  const refusing = (verb: string, code: string): FakeAgentOptions => ({
    verbs: { [verb]: (served) => served.refuse(code, "the guest says why") },
  });
  const exec = await fresh({}, refusing("exec", "not_executable"));
  expect((await exec.build(`${base}run = [["/a"]]`)).stderr).toContain(
    '(/a) needs "/a", which can\'t be run in the base',
  );
  await nothingStays(exec.world);
  const put = await fresh({}, refusing("put", "io"));
  const failed = await put.build(`${base}[[files]]\npath = "/a/b"\ncontent = "x"`);
  expect(failed.stderr).toContain("step 1 of 1 (files) can't write /a/b: the guest says why");
  await nothingStays(put.world);
});

test("owners by name are looked up in the guest once; an unknown one is reported", async () => {
  const texts: Record<string, string> = { "/etc/passwd": "app:x:7:8::/:\n", "/etc/group": "web:x:9:\n" };
  const reads: string[] = [];
  const verbs: FakeAgentOptions["verbs"] = {
    get(served) {
      const path = String(served.request["path"]);
      reads.push(path);
      const stream = served.accept();
      stream.closed.catch(() => {});
      void stream.write(1, archive([file(path.slice(5), texts[path] ?? "")]));
      void stream.finish();
    },
  };
  const { world, puts, build } = await fresh({}, { verbs });
  const one = (path: string, owner: string) => `[[files]]\npath = "${path}"\ncontent = ""\nowner = "${owner}"\n`;
  expect((await build(base + one("/a/x", "app") + one("/b/x", "app:web") + one("/x", "3"))).code).toBe(0);
  expect(puts.map(({ path, uid, gid }) => `${path} ${uid}:${gid}`)).toEqual(["/a 7:8", "/b 7:9", "/ 3:3"]);
  expect(reads).toEqual(["/etc/passwd", "/etc/group"]);
  await world.cli("image delete dev");
  const failed = await build(base + one("/a", "nobody"));
  expect(failed.stderr).toContain('(files) can\'t give /a to "nobody": no user is named "nobody" in the base\n');
  await nothingStays(world);
});

test("a signal ends the build and its VM at once, with the signal's exit code", async () => {
  const { world, build } = await fresh({});
  let send = (_signal: string) => {};
  const building = build(`${base}run = [["sleep"]]`, { onSignals: (give) => (send = give) });
  while (!world.served.machines.all().some((vm) => vm.state === "running")) await Bun.sleep(1);
  await Bun.sleep(20);
  send("INT");
  const ended = await building;
  expect([ended.code, ended.stderr]).toEqual([130, expect.stringContaining("error: interrupted by SIGINT\n")]);
  await nothingStays(world);
});

test("a file that changes only the configuration starts no VM", async () => {
  const { world, build } = await fresh({});
  const done = await build(`${base}cmd = ["serve"]\nworkdir = "/srv"`);
  expect([done.code, done.stderr]).toEqual([0, spec]);
  expect(world.served.host.world.vmms.size).toBe(0);
  const [of, its] = ["debian-bookworm", "dev"].map((name) => world.served.machines.findImage(name));
  expect([its?.layers, its?.config]).toEqual([of?.layers, { ...of!.config, cmd: ["serve"], workdir: "/srv" }]);
  expect(world.served.machines.all()).toEqual([]);
});

test("a base that is not here is pulled, an unknown one is reported", async () => {
  const { world, build } = await fresh({ sh: "" });
  const pulled = await build('base = "r.example/tool:v1"\nrun = ["x"]');
  expect([pulled.code, pulled.stderr]).toEqual([0, expect.stringContaining("image r.example/tool:v1")]);
  expect((await build('base = "debian-bookwrom"\nrun = ["x"]')).stderr).toContain('did you mean "debian-bookworm"?');
  expect(world.served.machines.all()).toEqual([]);
});

test("a suite is built on this host once; an image of that name from elsewhere is not used as its base", async () => {
  const { world, build } = await fresh({ sh: "" });
  const built: string[] = [];
  const change: CallOptions["change"] = (context) => {
    context.buildImage = async (recipe) => {
      built.push(recipe);
      return { tar: (async function* () {})(), source: `recipe ${recipe}` };
    };
  };
  for (let i = 0; i < 2; i++) expect((await build('suite = "trixie"\nrun = ["x"]', { change })).code).toBe(0);
  expect(built).toEqual(["debian-trixie"]);
  await world.served.machines.importImage(
    { name: "debian-sid", source: "file x", tar: (async function* () {})() },
    () => {},
    new AbortController().signal,
  );
  const refused = await build('suite = "sid"', { change });
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('it comes from file x\nhint: use `base = "debian-sid"`'),
  ]);
});

test("a file is recognized by its ending or a slash; its problems are reported before anything is made", async () => {
  const { world, build } = await fresh({});
  const wrong = await build('bse = "x"');
  expect(wrong).toEqual({
    code: 2,
    stdout: "",
    stderr:
      'error: dev.toml has 1 problem:\n  bse: unknown key; did you mean "base"?\nhint: docs/image-build.md lists every key\n',
  });
  expect((await world.cli("image build debian-bokworm")).stderr).toContain("did you mean debian-bookworm?");
  const asked: string[] = [];
  const change: CallOptions["change"] = (context) => {
    context.readImageFile = async (path) => {
      asked.push(path);
      throw new Error("seen");
    };
  };
  for (const path of ["a.toml", "./debian-bookworm", "/x/y"]) await world.cli(["image", "build", path], { change });
  expect(asked).toEqual(["a.toml", "./debian-bookworm", "/x/y"]);
});
