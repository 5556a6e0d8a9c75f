import { expect, test } from "bun:test";
import { spawnPiped } from "./children.ts";
import { parentOf, processesAbout } from "./tree.ts";

test("a child's parent is this process; an ended one has none", async () => {
  const child = spawnPiped(["sleep", "60"]);
  expect(parentOf(child.pid)).toBe(process.pid);
  child.kill("SIGKILL");
  await child.done;
  expect(parentOf(child.pid)).toBe(0);
  expect(parentOf(1)).toBe(0);
});

test("finds programs by a folder in their arguments, and only the wanted ones", async () => {
  const folder = `/tmp/about-${process.pid}`;
  const about = (...extra: string[]) => spawnPiped(["sh", "-c", "read line", ...extra], { stdin: "pipe" });
  const children = [
    about(folder),
    about(`${folder}/a.sock`),
    about(`path=${folder}/b,server=on`),
    about(`${folder}x`),
    about("other"),
  ];
  const isShell = (program: string) => program === "sh";
  // a spawned process has its own arguments only after execve(2)
  const expected = children.slice(0, 3).map((child) => child.pid);
  expect(processesAbout(folder, isShell).toSorted()).toEqual(expected.toSorted());
  expect(processesAbout(folder, () => false)).toEqual([]);
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map((child) => child.done));
});
