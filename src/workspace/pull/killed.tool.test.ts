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

/** Runs an apply in a process of its own, which kills itself at that step. @returns the signal that ended it */
async function killedApply(bed: TestBed, { guest, sent }: SentGuest, step: number): Promise<string | null> {
  const file = `${bed.folder}/sent.json`;
  fs.writeFileSync(file, sentText(sent));
  const child = spawn(process.execPath, [program, bed.folder, guest, file, String(step)], { stdio: "inherit" });
  return new Promise((resolve) => child.on("close", (_code, signal) => resolve(signal)));
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

for (const step of [1, 2, 3, 7, 13]) {
  gitTest(`killed at step ${step}, it is taken back, and a pull before that is refused`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    const names = Array.from({ length: 10 }, (_, i) => `f${i}`);
    write(repo, Object.fromEntries(names.slice(0, 5).map((name) => [name, "mine\n"])));
    git(repo, "add", "-A");
    git(repo, "commit", "-q", "-m", "some");
    const sent = await sendTo(bed, { folder: repo });
    write(sent.guest, Object.fromEntries(names.map((name) => [name, `theirs ${name}\n`])));
    // three files are removed, then eleven written
    fs.rmSync(`${sent.guest}/src`, { recursive: true });
    fs.rmSync(`${sent.guest}/bin`, { recursive: true });
    write(sent.guest, { src: "a file now\n" });
    const before = listing(repo);
    expect(await killedApply(bed, sent, step)).toBe("SIGKILL");
    expect(listing(repo)).not.toEqual(before);
    {
      await using pulled = await receiveFrom(bed, sent);
      const changes = await judgedChanges(pulled.received);
      const again = applyChanges({ host: pulled.host, changes, vm: "box", applied: `${bed.folder}/applied` });
      await expect(again).rejects.toMatchObject({ code: "WORKSPACE_UNDO" });
    }
    expect((await undoLast(`${bed.folder}/applied`, repo)).wasInterrupted).toBe(true);
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
