/** `banger system install`. */
import type { InstallReport } from "../../../system/install.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

type Flags = JsonFlag & { owner?: string; dryRun?: boolean };

export async function install(this: CliContext, flags: Flags): Promise<void> {
  await running(this, flags, async () => {
    const { install: carryOut } = await import("../../../system/install.ts");
    const dryRun = flags.dryRun ?? false;
    const report = await carryOut(await this.systemWorld(), { owner: flags.owner, dryRun });
    if (flags.json) return printJson(this, report);
    print(this, dryRun ? plannedText(report) : doneText(report));
  });
}

function plannedText({ steps, units }: InstallReport): string {
  const texts = Object.entries(units).map(([path, text]) => `\n${path}:\n\n${text.replace(/^(?=.)/gm, "  ")}`);
  return `${numbered(steps)}${texts.join("")}`;
}

function doneText({ owner, version, replaced, steps, rootless }: InstallReport): string {
  const what = replaced === null ? `installed banger ${version}` : `upgraded banger from ${replaced} to ${version}`;
  const adopt = rootless
    ? `images and VMs of ${owner}'s own daemon stay in ${rootless}: \`banger system adopt\` copies the images\n`
    : "";
  return `${numbered(steps)}${what} as a service of ${owner}; \`banger system status\` shows it\n${adopt}`;
}

function numbered(steps: readonly string[]): string {
  return steps.map((step, at) => `${String(at + 1).padStart(2)}. ${step}\n`).join("");
}
