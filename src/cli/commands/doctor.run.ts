/** `banger doctor`: 0 fine, 1 warnings, 2 failures. */
import { checkAll } from "../../doctor/checks.ts";
import type { CliContext } from "../context.ts";
import { type JsonFlag, printJson, running } from "../work.ts";

const marks = { ok: "ok  ", warning: "warn", failure: "FAIL" };

export async function doctor(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const findings = checkAll(await this.checkFacts());
    if (flags.json) printJson(this, findings);
    else {
      for (const { name, status, text, fix } of findings) {
        this.process.stdout.write(
          `${marks[status]}  ${name}: ${text}\n${fix && status !== "ok" ? `      ${fix}\n` : ""}`,
        );
      }
    }
    if (findings.some((finding) => finding.status === "failure")) return 2;
    return findings.some((finding) => finding.status === "warning") ? 1 : 0;
  });
}
