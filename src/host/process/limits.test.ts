import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { raiseFileSizeLimit } from "./limits.ts";

test("the file size limit of a process is raised, and never lowered", async () => {
  const child = spawn("sh", ["-c", "ulimit -S -f 8; echo; exec sleep 1000"], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    if (child.stdout === null || child.pid === undefined) throw new Error("no process");
    await once(child.stdout, "data");
    const limit = () => /Max file size\s+(\S+)/.exec(readFileSync(`/proc/${child.pid}/limits`, "utf8"))?.[1];
    const before = Number(limit());
    raiseFileSizeLimit(child.pid, before + 512);
    expect(limit()).toBe(String(before + 512));
    raiseFileSizeLimit(child.pid, before);
    expect(limit()).toBe(String(before + 512));
  } finally {
    child.kill("SIGKILL");
  }
});

test("a missing process is an error", () => {
  expect(() => raiseFileSizeLimit(2 ** 30, 1)).toThrow("can't be read");
});
