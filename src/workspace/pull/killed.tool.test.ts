/** An apply that is killed: the state before it comes back whole. */
import { expect } from "bun:test";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { git, gitTest, makeRepository, type TestBed, testBed, write } from "../testing/repository.ts";
import { applyChanges } from "./apply.ts";
import { sentText } from "./sent.ts";
import { receiveFrom, type SentGuest, sendTo } from "./testing/guest.ts";
import { undoLast } from "./undo.ts";
import { judgedChanges } from "./work.ts";

const program = `${import.meta.dirname}/testing/apply-program.ts`;

/** Starts an apply in a process of its own and kills it once `isTime` says so after a change of the folder. @returns whether it had ended by itself */
async function killedApply(bed: TestBed, { guest, sent }: SentGuest, isTime: () => boolean): Promise<boolean> {
  const file = `${bed.folder}/sent.json`;
  fs.writeFileSync(file, sentText(sent));
  const child = spawn(process.execPath, [program, bed.folder, guest, file], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const watch = fs.watch(sent.root, () => {
    if (isTime()) child.kill("SIGKILL");
  });
  const code = await ended;
  watch.close();
  return code === 0;
}

function listing(folder: string): string[] {
  const names = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.startsWith(".git"));
  return names.sort().map((name) => {
    const stat = fs.lstatSync(`${folder}/${name}`);
    return `${name} ${stat.mode} ${stat.isFile() ? `${stat.mtimeMs} ${fs.readFileSync(`${folder}/${name}`, "utf8")}` : ""}`;
  });
}

for (const [title, least] of [
  ["at the first file", 1],
  ["in the middle", 200],
] as const) {
  gitTest(`killed ${title}, it is taken back, and a pull before that is refused`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    const many = Array.from({ length: 400 }, (_, i) => [`f${i}`, `${i}\n`]);
    write(repo, Object.fromEntries(many.slice(0, 200)));
    git(repo, "add", "-A");
    git(repo, "commit", "-q", "-m", "many");
    const sent = await sendTo(bed, { folder: repo });
    write(sent.guest, Object.fromEntries(many.map(([name]) => [name, "theirs\n"])));
    fs.rmSync(`${sent.guest}/src`, { recursive: true });
    write(sent.guest, { src: "a file now\n" });
    const before = listing(repo);
    const hasEnded = await killedApply(bed, sent, () => fs.readdirSync(repo).length > 200 + least);
    if (!hasEnded) {
      await using pulled = await receiveFrom(bed, sent);
      const changes = await judgedChanges(pulled.received);
      const again = applyChanges({ host: pulled.host, changes, vm: "box", applied: `${bed.folder}/applied` });
      await expect(again).rejects.toMatchObject({ code: "WORKSPACE_UNDO" });
    }
    const undone = await undoLast(`${bed.folder}/applied`, repo);
    expect(undone.wasInterrupted).toBe(!hasEnded);
    expect(listing(repo)).toEqual(before);
    expect(git(repo, "status", "--porcelain")).toBe("");
  });
}

gitTest("undo refuses when a file changed since, and says which", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const sent = await sendTo(bed, { folder: repo });
  write(sent.guest, { "README.md": "theirs\n", new: "n\n" });
  {
    await using pulled = await receiveFrom(bed, sent);
    const changes = await judgedChanges(pulled.received);
    await applyChanges({ host: pulled.host, changes, vm: "box", applied: `${bed.folder}/applied` });
  }
  write(repo, { "README.md": "mine since\n" });
  const refused = undoLast(`${bed.folder}/applied`, repo);
  await expect(refused).rejects.toMatchObject({
    code: "WORKSPACE_UNDO",
    message: expect.stringContaining("README.md"),
  });
  expect(fs.readFileSync(`${repo}/new`, "utf8")).toBe("n\n");
  write(repo, { "README.md": "theirs\n" });
  await undoLast(`${bed.folder}/applied`, repo);
  expect(git(repo, "status", "--porcelain")).toBe("");
});

gitTest("an error in the middle leaves everything as it was", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const sent = await sendTo(bed, { folder: repo });
  write(sent.guest, { "README.md": "theirs\n", "z/x": "new\n" });
  await using pulled = await receiveFrom(bed, sent);
  const changes = await judgedChanges(pulled.received);
  const before = listing(repo);
  fs.mkdirSync(`${bed.folder}/elsewhere`);
  fs.symlinkSync("../elsewhere", `${repo}/z`);
  const run = applyChanges({ host: pulled.host, changes, vm: "box", applied: `${bed.folder}/applied` });
  await expect(run).rejects.toThrow("leads through a link");
  fs.unlinkSync(`${repo}/z`);
  expect(listing(repo)).toEqual(before);
  expect(fs.readdirSync(`${bed.folder}/elsewhere`)).toEqual([]);
});
