/** What `make test-images` prints. */
import type { Comparison } from "./compare.ts";

export function tableOf(rows: readonly Comparison[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines = rows.map(({ name, tool, outcome, why }) => {
    const verdict = outcome === "same" ? "same" : why === null ? `DIFFERS  ${outcome}` : `explained  ${why}`;
    return `${name.padEnd(width)}  ${tool.padEnd(6)}  ${verdict}`;
  });
  return `${lines.join("\n")}\n`;
}
