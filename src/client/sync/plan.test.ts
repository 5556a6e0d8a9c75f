/** What is read of a home, and what is not: links, races, limits. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { BangerError } from "../../base/errors/error.ts";
import { tarEvents } from "../../formats/tar/events.ts";
import { FolderReader } from "../../host/files/folder-reader.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { type FileSyncEntry, fileSyncLimits } from "../../model/file-sync.ts";
import { workspaceTar } from "../../workspace/stream.ts";
import { gather } from "./gather.ts";
import { planSync, type SyncPlan } from "./plan.ts";

let base: ReturnType<typeof tempFolder>;
let home: string;
const plans: SyncPlan[] = [];
beforeEach(() => {
  base = tempFolder("sync");
  home = `${base.path}/home`;
  fs.mkdirSync(home);
  fs.mkdirSync(`${base.path}/outside`);
  fs.writeFileSync(`${base.path}/outside/secret`, "outside");
});
afterEach(() => {
  for (const plan of plans.splice(0)) plan.close();
  base[Symbol.dispose]();
});

function write(path: string, text = "text", mode = 0o644): void {
  fs.mkdirSync(`${home}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
  fs.writeFileSync(`${home}/${path}`, text, { mode });
}

const entryOf = (host: string, more: Partial<FileSyncEntry> = {}): FileSyncEntry => ({
  host,
  guest: host.startsWith("~/") ? host : "~/x",
  mode: null,
  required: false,
  ...more,
});

function plan(...entries: FileSyncEntry[]): SyncPlan {
  const made = planSync(home, entries);
  plans.push(made);
  return made;
}

const namesOf = ({ parts }: SyncPlan) => parts.flatMap(({ entries }) => entries.map(({ path }) => path));
const notesOf = ({ notes }: SyncPlan) => notes.map(({ text }) => text);

function problemOf(...entries: FileSyncEntry[]): [string, string] {
  try {
    plan(...entries);
  } catch (error) {
    if (error instanceof BangerError) return [error.code, error.message];
    throw error;
  }
  return ["", ""];
}

/** What the guest gets, by name; and what vanished. */
async function sent({ parts }: SyncPlan): Promise<{ files: Record<string, string>; vanished: string[] }> {
  const files: Record<string, string> = {};
  const vanished: string[] = [];
  const entries = parts.flatMap((part) => part.entries);
  const tar = workspaceTar(
    { async prepare() {}, entries, git: async function* () {} },
    { onVanished: (path) => vanished.push(path) },
  );
  let name = "";
  for await (const event of tarEvents(tar, { entries: 100, bytes: 1e6 })) {
    if (event.kind === "entry") {
      name = event.entry.name;
      if (event.entry.kind === "file") files[name] = "";
    } else if (event.kind === "data") files[name] += Buffer.from(event.chunk).toString("latin1");
  }
  return { files, vanished };
}

test("a file and a folder: modes by default, and where they go", async () => {
  write(".gitconfig", "[user]");
  write(".claude/settings.json", "{}");
  write(".claude/hooks/run", "#!/bin/sh", 0o755);
  const made = plan(entryOf("~/.gitconfig"), entryOf("~/.claude", { guest: "/root/c" }));
  expect(made.notes).toEqual([]);
  expect(made.parts.map(({ base: at, name }) => [at, name])).toEqual([
    ["home", ".gitconfig"],
    ["root", "c"],
  ]);
  expect(made.parts.flatMap(({ entries }) => entries.map(({ path, mode }) => [path, mode.toString(8)]))).toEqual([
    [".gitconfig", "600"],
    ["c", "700"],
    ["c/hooks", "700"],
    ["c/hooks/run", "700"],
    ["c/settings.json", "600"],
  ]);
  expect(await sent(made)).toEqual({
    files: { ".gitconfig": "[user]", "c/hooks/run": "#!/bin/sh", "c/settings.json": "{}" },
    vanished: [],
  });
});

test("a mode of its own, and folders that it lets be entered", () => {
  write("a/run", "", 0o755);
  const modes = (mode: number) => plan(entryOf("~/a", { mode })).parts[0]?.entries.map((one) => one.mode.toString(8));
  expect(modes(0o644)).toEqual(["755", "644"]);
  expect(modes(0o440)).toEqual(["750", "440"]);
  expect(modes(0o400)).toEqual(["700", "400"]);
});

test("an absolute path inside the home, also of a home that is reached through a link", () => {
  write("a/b");
  expect(namesOf(plan(entryOf(`${home}/a/b`)))).toEqual(["x"]);
  fs.symlinkSync(home, `${base.path}/link`);
  const made = planSync(`${base.path}/link`, [
    entryOf(`${home}/a/b`),
    entryOf(`${base.path}/link/a`, { guest: "~/y" }),
  ]);
  plans.push(made);
  expect(namesOf(made)).toEqual(["x", "y", "y/b"]);
});

test("a link at the top is followed inside the home, and nowhere else", async () => {
  write("dotfiles/gitconfig", "linked");
  write("dotfiles/config/gh/hosts.yml", "token");
  fs.symlinkSync("dotfiles/gitconfig", `${home}/.gitconfig`);
  fs.symlinkSync(`${home}/dotfiles/config`, `${home}/.config`);
  const made = plan(entryOf("~/.gitconfig"), entryOf("~/.config/gh"));
  expect((await sent(made)).files).toEqual({ ".gitconfig": "linked", ".config/gh/hosts.yml": "token" });
});

test.each<[string, (at: string) => void, string]>([
  ["a link out", (at) => fs.symlinkSync(`${base.path}/outside/secret`, at), "a link leads out of your home, to "],
  ["a relative link out", (at) => fs.symlinkSync("../outside/secret", at), "a link leads out of your home"],
  [
    "a link to a link out",
    (at) => {
      fs.symlinkSync("../outside", `${home}/o`);
      fs.symlinkSync("o/secret", at);
    },
    "leads out",
  ],
  ["a link to the home's parent", (at) => fs.symlinkSync("..", at), "a link leads out of your home"],
  ["a link to the home itself", (at) => fs.symlinkSync(".", at), "it leads to your home itself"],
  ["a link to itself", (at) => fs.symlinkSync("entry", at), "its links lead in circles"],
])("%s is refused", (_what, make, problem) => {
  make(`${home}/entry`);
  const [code, message] = problemOf(entryOf("~/entry"));
  expect([code, message]).toEqual(["SYNC_REFUSED", expect.stringContaining(`file_sync can't copy ~/entry: `)]);
  expect(message).toContain(problem);
});

test("a folder on the way that leads out is refused, and a path outside too", () => {
  fs.symlinkSync("../outside", `${home}/way`);
  expect(problemOf(entryOf("~/way/secret"))).toEqual([
    "SYNC_REFUSED",
    expect.stringContaining("leads out of your home"),
  ]);
  for (const host of [`${base.path}/outside/secret`, `${home}-other/x`, home, "/etc/passwd"])
    expect(problemOf(entryOf(host))).toEqual(["SYNC_REFUSED", expect.stringContaining("it is not inside your home")]);
});

test("links, FIFOs and what can't be read below a folder are left out, each said", () => {
  write("d/file");
  for (const name of ["l1", "l2", "l3", "l4"]) fs.symlinkSync("file", `${home}/d/${name}`);
  fs.symlinkSync(`${base.path}/outside`, `${home}/d/folder`);
  Bun.spawnSync(["mkfifo", `${home}/d/fifo`]);
  const made = plan(entryOf("~/d"));
  expect(namesOf(made)).toEqual(["d", "d/file"]);
  expect(notesOf(made)).toEqual([
    "file_sync left out d/folder, d/l1, d/l2 and 2 more: symbolic links are not copied",
    "file_sync left out d/fifo: it is a device, a socket or a FIFO",
  ]);
});

test("a missing file is said, or refused where it is required", () => {
  write("there");
  fs.symlinkSync("nowhere", `${home}/dangling`);
  const made = plan(
    entryOf("~/none"),
    entryOf("~/there"),
    entryOf("~/there/below", { guest: "~/b" }),
    entryOf("~/dangling"),
  );
  expect(namesOf(made)).toEqual(["there"]);
  expect(notesOf(made)).toEqual([
    "file_sync: ~/none does not exist, and is not copied",
    "file_sync: ~/there/below does not exist, and is not copied",
    "file_sync: ~/dangling does not exist, and is not copied",
  ]);
  expect(problemOf(entryOf("~/there"), entryOf("~/none", { required: true }))).toEqual([
    "SYNC_MISSING",
    "~/none does not exist, and file_sync requires it",
  ]);
  Bun.spawnSync(["mkfifo", `${home}/fifo`]);
  expect(problemOf(entryOf("~/fifo", { required: true }))[1]).toContain("nothing of it can be copied");
});

test("a home that is not there is refused only when it is needed", () => {
  expect(planSync("/none", []).parts).toEqual([]);
  expect(() => planSync("/none", [entryOf("~/x")])).toThrow("the home /none can't be read (ENOENT)");
});

test("a file that is swapped for a link while it is copied is not followed", async () => {
  write("d/a", "inside");
  write("d/b", "inside");
  const made = plan(entryOf("~/d"));
  fs.rmSync(`${home}/d/a`);
  fs.symlinkSync(`${base.path}/outside/secret`, `${home}/d/a`);
  expect(await sent(made)).toEqual({ files: { "d/b": "inside" }, vanished: ["d/a"] });
});

test("a folder that is swapped for a link is not followed, at the top and below", async () => {
  write("top/in/secret", "inside");
  const made = plan(entryOf("~/top"), entryOf("~/top/in/secret", { guest: "~/one" }));
  fs.renameSync(`${home}/top/in`, `${home}/moved`);
  fs.symlinkSync(`${base.path}/outside`, `${home}/top/in`);
  expect(fs.readFileSync(`${home}/top/in/secret`, "utf8")).toBe("outside");
  expect(await sent(made)).toEqual({ files: {}, vanished: ["top/in/secret", "one"] });
});

test("a home that is swapped is not read either", async () => {
  write("a", "inside");
  const made = plan(entryOf("~/a"));
  fs.renameSync(home, `${base.path}/moved`);
  fs.mkdirSync(home);
  write("a", "another");
  expect((await sent(made)).files).toEqual({ a: "inside" });
});

test("too much is refused by the entry that is too much", () => {
  write("small");
  fs.writeFileSync(`${home}/large`, "");
  fs.truncateSync(`${home}/large`, fileSyncLimits.bytes);
  expect(namesOf(plan(entryOf("~/large")))).toEqual(["large"]);
  const most = "with it, all entries together have more than 20000 files and folders or 512 MiB";
  expect(problemOf(entryOf("~/large"), entryOf("~/small"))).toEqual([
    "SYNC_REFUSED",
    `file_sync can't copy ~/small: ${most}`,
  ]);
});

test("folders count as files do", () => {
  write("d/e/file");
  using reader = new DisposableStack();
  const folder = reader.adopt(new FolderReader(home), (one) => one.close());
  const walk = (entries: number) => gather(folder, entryOf("~/d"), "d", "d", { entries, bytes: 100 }).entries.length;
  expect(walk(3)).toBe(3);
  expect(() => walk(2)).toThrow("file_sync can't copy ~/d: with it, all entries together have more than");
});

test("a file that grows beyond the limit while it is copied ends the copy", async () => {
  write("a", "1");
  const made = plan(entryOf("~/a"));
  fs.truncateSync(`${home}/a`, fileSyncLimits.bytes + 1);
  expect(sent(made)).rejects.toThrow("with it, all entries together have more than");
});
