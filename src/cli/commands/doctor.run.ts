/** `banger doctor`. Exits with 0, 1 (warnings) or 2 (failures). */
import { oneLine } from "../../base/untrusted-text.ts";
import { checkAll, type Finding } from "../../doctor/checks.ts";
import type { CliContext } from "../context.ts";
import { type JsonFlag, print, printJson, running } from "../work.ts";

const marks = { ok: "ok  ", warning: "warn", failure: "FAIL" };

export async function doctor(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const findings = checkAll(await this.checkFacts());
    if (flags.json) printJson(this, findings);
    else print(this, findings.map(linesOf).join(""));
    if (findings.some((finding) => finding.status === "failure")) return 2;
    return findings.some((finding) => finding.status === "warning") ? 1 : 0;
  });
}

function linesOf({ name, status, text, fix }: Finding): string {
  return `${marks[status]}  ${name}: ${oneLine(text)}\n${fix && status !== "ok" ? `      ${oneLine(fix)}\n` : ""}`;
}
