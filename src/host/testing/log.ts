import { type Logger, loggerOver } from "../log.ts";

/** Collects lines, for tests. */
export function memoryLogger(): Logger & { lines: string[] } {
  const lines: string[] = [];
  return { ...loggerOver((line) => void lines.push(line)), lines };
}
