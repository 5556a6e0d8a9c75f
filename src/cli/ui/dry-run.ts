/** What `--dry-run` prints: every path on a line of its own, so that it can be searched. */
import { count } from "../../base/text.ts";
import { formatSize } from "../../base/units.ts";
import type { DryRun } from "../../workspace/dry-run.ts";
import type { CliContext } from "../context.ts";

export function showDryRun(context: CliContext, plan: DryRun, flags: { json?: boolean }): void {
  if (flags.json) return context.process.stdout.write(`${JSON.stringify(plan, null, 2)}\n`);
  const lines = plan.entries
    .filter((entry) => entry.kind !== "folder")
    .map((entry) => {
      const target = entry.target === undefined ? "" : ` -> ${entry.target}`;
      return `${entry.mode} ${formatSize(entry.bytes).padStart(9)}  ${entry.path}${target}\n`;
    });
  context.process.stdout.write(lines.join(""));
  for (const { path, branch, head } of plan.repositories) {
    const where = path === "" ? ".git" : `${path}/.git`;
    context.process.stdout.write(
      `${where}: history of ${branch ?? "a detached HEAD"}${head ? ` at ${head.slice(0, 12)}` : ", no commit yet"}\n`,
    );
  }
  const { files, bytes } = plan.totals;
  context.process.stderr.write(
    `${count(files, "file")}, ${formatSize(bytes)} would go to ${plan.guestPath}; nothing was created\n`,
  );
}
