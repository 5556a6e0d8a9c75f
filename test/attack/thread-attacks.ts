/** A process in a VMM's cage that makes threads without end, so that its user can start no more processes. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { agentBinary } from "../../src/host/testing/gate.ts";
import { parseCage } from "../../src/model/cage.ts";
import type { Attack } from "./report.ts";

const limit = 97;

/** None where the kernel can't limit the threads of one cage, which `banger doctor` reports. @param folder for the program */
export function threadAttacks(folder: string, profile: string): Attack[] {
  const agent = agentBinary();
  if (agent === null) return [];
  const cage = parseCage(execFileSync(agent, ["confine", "--check"], { encoding: "utf8" }));
  if (cage === null || cage.processes !== null) return [];
  return [{ name: "makes threads without end", run: () => bomb(agent, folder, profile) }];
}

async function bomb(agent: string, folder: string, profile: string) {
  const program = join(folder, "threads");
  execFileSync("cc", ["-O1", "-pthread", "-static", "-o", program, join(import.meta.dir, "threads.c")]);
  const words = ["--ro", program, "--isolate", "all", "--network", "none", "--limit", `processes=${limit}`];
  const child = spawn(agent, ["confine", ...words, "--profile", profile, "--", program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const made = Number((await lines.next()).value);
  const other = spawnSync("true").status;
  child.stdin.end();
  await once(child, "close");
  return { held: made > 0 && made < limit && other === 0, seen: `${made} threads, another process: ${other}` };
}
