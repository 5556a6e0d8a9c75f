/** The output of `--dry-run`: one path a line, so that it can be searched. */

import { count } from "../../base/text.ts";
import { formatSize } from "../../base/units.ts";
import { visible } from "../../base/untrusted-text.ts";
import type { DryRun, DryRunEntry } from "../../workspace/dry-run.ts";
import type { RepositorySummary } from "../../workspace/types.ts";
import type { CliContext } from "../context.ts";
import { type JsonFlag, print, printJson, remark } from "../work.ts";

export function showDryRun(context: CliContext, plan: DryRun, flags: JsonFlag): void {
  if (flags.json) return printJson(context, plan);
  const files = plan.entries.filter((entry) => entry.kind !== "folder").map(fileLine);
  print(context, [...files, ...plan.repositories.map(historyLine)].join(""));
  const { totals, guestPath } = plan;
  const what = `${count(totals.files, "file")}, ${formatSize(totals.bytes)}`;
  remark(context, flags, `${what} would be copied to ${guestPath}; nothing was created\n`);
}

function fileLine({ mode, bytes, path, target }: DryRunEntry): string {
  const link = target === undefined ? "" : ` -> ${visible(target)}`;
  return `${mode} ${formatSize(bytes).padStart(9)}  ${visible(path)}${link}\n`;
}

function historyLine({ path, branch, head, branches }: RepositorySummary): string {
  const folder = path === "" ? ".git" : `${visible(path)}/.git`;
  const commit = head ? ` at ${head.slice(0, 12)}` : ", no commit yet";
  const others = branches.length > 0 ? `, and of ${branches.map(visible).join(", ")}` : "";
  return `${folder}: history of ${branch === null ? "a detached HEAD" : visible(branch)}${commit}${others}\n`;
}
