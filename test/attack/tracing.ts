/** Whether the injector may trace a process of its own user: the need `tracing`. */
import { readFileSync } from "node:fs";

/** ptrace(2): under every scope of Yama but 0 this needs root, because the process is not a child of the injector. */
export function reasonAgainstTracing(scope = readYamaScope(), uid = process.getuid?.()): string | null {
  if (scope === "0" || uid === 0) return null;
  return `Yama's ptrace_scope is ${scope}: run it as root`;
}

/** @returns 0 where there is no Yama */
function readYamaScope(): string {
  try {
    return readFileSync("/proc/sys/kernel/yama/ptrace_scope", "utf8").trim();
  } catch {
    return "0";
  }
}
