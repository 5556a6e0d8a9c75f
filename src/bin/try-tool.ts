/** Looks for a program and runs it once: for `banger doctor`. */
import type { ToolFact } from "../doctor/facts.ts";
import type { Exec } from "../host/exec.ts";
import { which } from "../host/facts.ts";
import { missingTool } from "../host/packages.ts";
import { nonProgram, tryProgram } from "../host/try-program.ts";
import { isOlder, oldestQemu, parseVersion } from "../vmm/qemu/version.ts";

export type Tool = Pick<ToolFact, "program" | "needed"> & {
  /** what has it say its version and end with 0; null: it is looked for alone */
  asks: string | null;
};

export async function toolFact(exec: Exec, { program, needed, asks }: Tool): Promise<ToolFact> {
  const found = await which(program);
  const path = found ?? nonProgram(program);
  const known = { program, needed, path, ...missingTool(program) };
  if (path === null) return { ...known, failure: null };
  if (found === null) return { ...known, failure: "is not executable for this user" };
  if (asks === null) return { ...known, failure: null };
  const failure = (await tryProgram(exec, [found, asks])) ?? (await tooOld(exec, program, found));
  return { ...known, failure };
}

async function tooOld(exec: Exec, program: string, path: string): Promise<string | null> {
  if (program !== "qemu-system-x86_64") return null;
  const { stdout } = await exec([path, "--version"], { timeoutMs: 10_000 });
  return qemuProblem(new TextDecoder().decode(stdout));
}

/** Of what it says of its version. Pure. */
export function qemuProblem(said: string): string | null {
  const version = parseVersion(said);
  if (version === null) return "does not say which QEMU it is";
  return isOlder(version, oldestQemu) ? `is version ${version}, older than ${oldestQemu.join(".")}` : null;
}
