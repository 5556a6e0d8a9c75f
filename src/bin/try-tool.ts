/** Finds a program and runs it once: for `banger doctor`. */
import type { ToolFact } from "../doctor/facts.ts";
import { which } from "../host/facts.ts";
import { missingTool } from "../host/packages.ts";
import type { Exec } from "../host/process/exec.ts";
import { askProgram, nonProgram } from "../host/process/try-program.ts";

export type Tool = Pick<ToolFact, "program" | "needed"> & {
  /** the option that makes it print its version and exit with 0; null: it is only looked for */
  asks: string | null;
  /** why it is not usable, from its output; null: it is usable */
  judge?(said: string): string | null;
};

/** `said`: the first line of its output, if it can be run; else null. */
export type TriedTool = { fact: ToolFact; said: string | null };

export async function tryTool(exec: Exec, { program, needed, asks, judge }: Tool): Promise<TriedTool> {
  const found = await which(program);
  const path = found ?? nonProgram(program);
  const known = { program, needed, path, ...missingTool(program) };
  const unasked = (failure: string | null) => ({ fact: { ...known, failure }, said: null });
  if (path === null) return unasked(null);
  if (found === null) return unasked("is not executable for this user");
  if (asks === null) return unasked(null);
  const { said, failure } = await askProgram(exec, [found, asks]);
  if (failure !== null) return unasked(failure);
  return { fact: { ...known, failure: judge?.(said) ?? null }, said };
}
