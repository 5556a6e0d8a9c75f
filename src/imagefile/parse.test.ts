/** Image files: what they request, and all problems at once. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { BangerError } from "../base/errors/error.ts";
import { maxAll, maxString } from "../base/exec-limits.ts";
import { patience, runs } from "../base/testing/budget.ts";
import { parseImageFile } from "./parse.ts";
import { isGuestPath, keysAt } from "./schema.ts";

function problems(text: string, file = "/x/dev.toml"): readonly string[] {
  try {
    parseImageFile(file, text);
  } catch (error) {
    if (!(error instanceof BangerError)) throw error;
    expect(error.code).toBe("IMAGE_FILE_INVALID");
    return error.details["problems"] as string[];
  }
  return [];
}

test("everything that a file can contain", () => {
  const text = `
    name = "team/dev:v2"
    base = "docker.io/library/debian:12"
    packages = ["curl", "libc6:i386", "nodejs=18.*"]
    run = ["make install", ["/bin/tool", "a b"], """
      first
      second"""]
    entrypoint = ["/usr/bin/app"]
    cmd = []
    user = "app:web"
    workdir = "/srv/app"
    [[files]]
    path = "/etc/motd"
    content = "hi\\n"
    mode = "4755"
    owner = "1:2"
    [env]
    CI = "1"
    [environment]
    APP = "x"
    [vm]
    vcpu = 4
    memory = "1025M"
    disk = "20G"
  `.replace('"nodejs=18.*"', '"nodejs=18"');
  expect(parseImageFile("/x/dev.toml", text)).toEqual({
    name: "team/dev:v2" as never,
    source: "build dev.toml",
    base: { image: "docker.io/library/debian:12" },
    packages: ["curl", "libc6:i386", "nodejs=18"],
    files: [{ path: "/etc/motd", content: "hi\n", mode: "4755", owner: "1:2" }],
    run: [
      { argv: ["sh", "-eu", "-c", "make install"], title: "make install", isShell: true },
      { argv: ["/bin/tool", "a b"], title: "/bin/tool 'a b'", isShell: false },
      { argv: ["sh", "-eu", "-c", expect.stringContaining("second")], title: "first…", isShell: true },
    ],
    env: { CI: "1" },
    config: { env: { APP: "x" }, entrypoint: ["/usr/bin/app"], cmd: [], user: "app:web", workdir: "/srv/app" },
    vm: { vcpu: 4, memoryMib: 1024, diskBytes: 20 * 1024 ** 3 },
  });
});

test("little is required: a base; the name is the file's", () => {
  expect(parseImageFile("a/b/my-tool.toml", 'suite = "trixie"')).toEqual({
    name: "my-tool" as never,
    source: "build my-tool.toml",
    base: { suite: "trixie" },
    ...{ packages: [], files: [], run: [], env: {}, config: null, vm: {} },
  });
  expect(problems('base = "x"', "My Tool.toml")).toEqual([
    'name: must be given, as in `name = "dev"`: the file\'s name is not a valid image name',
  ]);
});

test("all problems of form at once, each with its path and a suggestion", () => {
  const text = `
    bse = "x"
    packages = ["--force", "a b"]
    run = "make"
    cmd = "serve"
    workdir = "srv"
    user = "a b"
    [[files]]
    path = "../etc/x"
    mod = "644"
    source = "../../secret"
    [env]
    "A=B" = "1"
    [environment]
    N = 1
    [vm]
    memory = 2048
    vcpus = 2
    run = []
  `;
  expect([...problems(text)].sort()).toEqual([
    'bse: unknown key; did you mean "base"?',
    'cmd: must be a list of strings, as in `cmd = ["serve"]`',
    'env.A=B: must be a table of names and strings, as in `[env]` and `CI = "1"`',
    'environment.N: must be a table of names and strings, as in `[environment]` and `CI = "1"`',
    'files.0.mod: unknown key; did you mean "mode"?',
    "files.0.path: must be an absolute path in the image, without `..`",
    "files.0.source: must be a path relative to this file's folder, without `..`",
    "packages.0: is not a package name",
    "packages.1: is not a package name",
    'run: must be a list of steps, as in `run = ["make install", ["/bin/tool", "arg"]]`',
    'user: must be a user, as in `user = "app"`',
    'vm.memory: must be a size from 128M to 1T, as in `memory = "2G"`',
    "vm.run: unknown key; it belongs to the top of the file, before the first [table]",
    'vm.vcpus: unknown key; did you mean "vcpu"?',
    'workdir: must be an absolute path, as in `workdir = "/srv"`',
  ]);
});

test("all problems of meaning at once", () => {
  const text = `
    base = "x"
    suite = "bookworm"
    run = ["${"y".repeat(maxString)}"]
    [[files]]
    path = "/run/x"
    content = ""
    [[files]]
    path = "/etc/ssh/ssh_host_rsa_key"
    [[files]]
    path = "/etc/ssh/ssh_host_rsa_key"
    content = ""
    source = "y"
  `;
  expect(problems(text)).toEqual([
    "suite: can't be combined with `base`",
    "files.0.path: files in /run are not kept in an image",
    "files.1: must have either `content` or `source`",
    "files.1.path: /etc/ssh/ssh_host_rsa_key belongs to each VM and is never kept in an image",
    "files.2: must have either `content` or `source`",
    "files.2.path: /etc/ssh/ssh_host_rsa_key belongs to each VM and is never kept in an image",
    "files.2.path: /etc/ssh/ssh_host_rsa_key occurs twice",
    "run.0: argument 3 has 131072 bytes, and Linux takes up to 131071 in one string: put it into a file with `files` and run that",
  ]);
  expect(problems("")).toEqual([
    'base: must say what the image is made from, as in `base = "debian-bookworm"`, or `suite = "bookworm"`',
  ]);
});

test.each([
  ['base = ""', "base"],
  ['base = "x"\nrun = [[]]', "run.0"],
  ['base = "x"\nrun = [["", "a"]]', "run.0"],
  ['base = "x"\nrun = ["  "]', "run.0"],
  ['base = "x"\nrun = ["a\\u0000b"]', "run.0"],
  ['base = "x"\nrun = [3]', "run.0"],
  ['base = "x"\nname = "UP"', "name"],
  ['suite = "../x"', "suite"],
  ['base = "x"\n[[files]]\npath = "/a/../b"\ncontent = ""', "files.0.path"],
  ['base = "x"\n[[files]]\npath = "/a/"\ncontent = ""', "files.0.path"],
  ['base = "x"\n[[files]]\npath = "/"\ncontent = ""', "files.0.path"],
  ['base = "x"\n[[files]]\npath = "/a"\nsource = "/etc/passwd"', "files.0.source"],
  ['base = "x"\n[[files]]\npath = "/a"\nsource = "b/../../c"', "files.0.source"],
  ['base = "x"\n[[files]]\npath = "/a"\ncontent = ""\nmode = "0999"', "files.0.mode"],
  ['base = "x"\n[[files]]\npath = "/a"\ncontent = ""\nowner = "a:b:c"', "files.0.owner"],
  ['base = "x"\nworkdir = "/a/../b"', "workdir"],
  ['base = "x"\nvm = 3', "vm"],
  ['base = "x"\nfiles = 3', "files"],
])("%j is refused at %s", (text, path) => {
  const found = problems(text);
  expect(found.length).toBeGreaterThan(0);
  for (const problem of found) expect(problem).toStartWith(`${path}: `);
});

const list = (count: number, item: string) => `[${Array(count).fill(item).join(", ")}]`;
const folderPath = (length: number) => `/${"p/".repeat(length)}`.slice(0, length - 1).replace(/.$/, "pp");
/** A table of 20 variables that take so many bytes of a program's limit, including each one's terminator and pointer. */
const tableOf = (bytes: number) => {
  const each = Math.floor(bytes / 20);
  const rest = bytes - 19 * each;
  const variable = (name: string, room: number) => `${name} = "${"x".repeat(room - `${name}=`.length - 9)}"`;
  return [...[..."ABCDEFGHIJKLMNOPQRS"].map((name) => variable(name, each)), variable("T", rest)].join("\n");
};
const limits: [what: string, most: number, text: (amount: number) => string][] = [
  ["the bytes of a variable", maxString - 1, (bytes) => `[env]\n"a.b-c" = "${"x".repeat(bytes - "a.b-c=".length)}"`],
  ["the bytes of a variable's name", maxString - 1, (bytes) => `[env]\n${"A".repeat(bytes - "=1".length)} = "1"`],
  ["the variables of commands", maxAll, (json) => `[env]\n${tableOf(json)}`],
  ["the variables of the image", maxAll, (json) => `[environment]\n${tableOf(json)}`],
  ["the words of a command", 256, (count) => `cmd = ${list(count, '"x"')}`],
  ["the characters of a command's word", 8192, (length) => `entrypoint = ["${"x".repeat(length)}"]`],
  ["the characters of a path in the guest", 4000, (length) => `workdir = "${folderPath(length)}"`],
  ["the bytes of a name in a path", 255, (length) => `workdir = "/${"é".repeat(length / 2)}${"x".repeat(length % 2)}"`],
  [
    "the characters of a source",
    4000,
    (length) => `[[files]]\npath = "/a"\nsource = "${folderPath(length + 1).slice(1)}"`,
  ],
  ["the characters of an owner's name", 64, (length) => `user = "${"u".repeat(length)}"`],
  ["the packages", 1000, (count) => `packages = ${list(count, '"curl"')}`],
  ["the characters of a package's name", 255, (length) => `packages = ["${"x".repeat(length)}"]`],
  ["the steps", 1000, (count) => `run = ${list(count, '"make"')}`],
  ["the words of a step", 4096, (count) => `run = [${list(count, '"x"')}]`],
  [
    "the files",
    1000,
    (count) => [...Array(count).keys()].map((at) => `[[files]]\npath = "/${at}"\ncontent = ""`).join("\n"),
  ],
  ["the bytes of a step", maxString - 1, (bytes) => `run = ["${"x".repeat(bytes)}"]`],
  [
    "the bytes of a step and its variables",
    maxAll,
    // sh -eu -c, and make
    (bytes) => `run = ["make"]\n[env]\n${tableOf(bytes - "sh-eu-cmake".length - 4 * 9)}`,
  ],
  [
    "the bytes of all packages and the variables",
    maxAll,
    (bytes) => `packages = ["curl"]\n[env]\n${tableOf(bytes - "curl".length - 9)}`,
  ],
];
test.each(limits)("%s: %i are accepted, and one more is refused", (_what, most, text) => {
  expect(problems(`suite = "bookworm"\n${text(most)}`)).toEqual([]);
  expect(problems(`suite = "bookworm"\n${text(most + 1)}`)).toHaveLength(1);
});

test.each([
  ["the characters of a base", "base", "b", 512],
  ["the letters of a suite", "suite", "s", 20],
])("%s: %s is accepted at its limit, and refused one past it", (_what, key, letter, most) => {
  expect(problems(`${key} = "${letter.repeat(most)}"`)).toEqual([]);
  expect(problems(`${key} = "${letter.repeat(most + 1)}"`)).toHaveLength(1);
});

test("a step is shown whole up to 60 characters, and shortened beyond that", () => {
  const title = (length: number) =>
    parseImageFile("x.toml", `base = "x"\nrun = ["${"m".repeat(length)}"]`).run[0]?.title;
  expect(title(60)).toBe("m".repeat(60));
  expect(title(61)).toBe(`${"m".repeat(60)}…`);
});

test("at most 50 problems are listed", () => {
  const wrong = (count: number) =>
    `base = "x"\n[env]\n${[...Array(count).keys()].map((at) => `A${at} = 1`).join("\n")}`;
  expect([50, 51].map((count) => problems(wrong(count)).length)).toEqual([50, 50]);
  const doubled = (count: number) => `base = "x"\n${'[[files]]\npath = "/a"\ncontent = ""\n'.repeat(count)}`;
  expect([51, 52].map((count) => problems(doubled(count)).length)).toEqual([50, 50]);
});

test("a syntax error names line and column", () => {
  expect(problems("a = 1\nb = [1,\n")[0]).toMatch(/^line \d+, column \d+: ./);
});

test(
  "any text is a plan or a list of problems, and no plan leaves the image or the file's folder",
  () => {
    const key = fc.constantFrom(...keysAt([]), ...keysAt(["files", 0]), ...keysAt(["vm"]), "__proto__", "x");
    const value = fc.oneof(
      fc.constantFrom(
        "1",
        "true",
        '"/a"',
        '"../a"',
        '"a/b"',
        '["a"]',
        '[["a", "b"]]',
        "[]",
        "{}",
        '{ A = "b" }',
        "1979-05-27",
      ),
      fc.string({ maxLength: 20 }).map((text) => JSON.stringify(text)),
    );
    const line = fc.oneof(
      fc.tuple(key, value).map(([name, one]) => `${name} = ${one}`),
      fc.constantFrom("[[files]]", "[vm]", "[env]", "[environment]", "", "\u0000", "'''"),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const text = lines.join("\n");
        if (problems(text).length > 0) return;
        const plan = parseImageFile("/x/dev.toml", text);
        for (const { path, source = "a" } of plan.files) {
          expect(isGuestPath(path)).toBe(true);
          expect(source.split("/")).not.toContain("..");
          expect(source).not.toStartWith("/");
        }
        for (const { argv, title } of plan.run) expect([argv.length > 0, title.length <= 62]).toEqual([true, true]);
      }),
      { numRuns: runs(500) },
    );
  },
  patience,
);

test("docs/image-build.md has a row for every key, and no other row", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/image-build.md"), "utf8");
  const rows = [...page.matchAll(/^\| `([a-z_.[\]]+)` \|/gm)].map((match) => match[1] as string);
  const inner = (table: string) => keysAt([table]).map((key) => `${table}.${key}`);
  const keys = keysAt([]).filter((key) => !["files", "vm"].includes(key));
  expect(rows.sort()).toEqual([...keys, ...inner("files"), ...inner("vm")].sort());
});
