/** Clients from PyPI, in a folder that the tests' user fills once and keeps, named by what is in it. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testRoot } from "../home.ts";

const wanted = ["ansible-core==2.19.14", "paramiko==5.1.0"];
export const python = "/usr/bin/python3";

export type PythonClients = { /** for PYTHONPATH */ path: string } | { /** why there are none */ reason: string };

/** @throws when BANGER_REQUIRE has `pypi` and there are none */
export function pythonClients(): PythonClients {
  const name = createHash("sha256").update(wanted.join()).digest("hex").slice(0, 12);
  const path = join(testRoot, `python-${name}`);
  const problem = existsSync(path) ? null : problemOfFetching(path);
  if (problem === null) return { path };
  if ((process.env["BANGER_REQUIRE"] ?? "").split(",").includes("pypi")) throw new Error(problem);
  return { reason: `${wanted.join(", ")}: ${problem}` };
}

function problemOfFetching(path: string): string | null {
  const unfinished = `${path}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(testRoot, { recursive: true, mode: 0o700 });
  const options = ["--quiet", "--disable-pip-version-check", "--target", unfinished];
  const fetched = Bun.spawnSync([python, "-m", "pip", "install", ...options, ...wanted], { stderr: "pipe" });
  if (fetched.exitCode !== 0) return fetched.stderr.toString().trim().split("\n").at(-1) ?? "pip failed";
  renameSync(unfinished, path);
  return null;
}
