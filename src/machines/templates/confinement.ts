/** The consequences of a cage that this host can't close: a warning, and VMs that must not share memory. */

import { describeGaps } from "../../model/cage.ts";
import type { Emit } from "../../model/event.ts";
import type { UsableProbe } from "../guest/usable-vmm.ts";
import type { TemplatesContext } from "./context.ts";

/** Why VMs have to boot, as a clause; null: they may begin from templates. */
export async function whyNoTemplates(
  ctx: Pick<TemplatesContext, "templateLimit" | "confinement">,
  probe: UsableProbe,
): Promise<string | null> {
  if (!probe.features.snapshots) return `${probe.driver} ${probe.version} can't save VMs`;
  if ((await ctx.templateLimit()) === 0) return "templates are turned off";
  if (probe.sharing === null || (await ctx.confinement()) === "auto") return null;
  return `confinement is required, and ${probe.sharing.why}`;
}

/** Warns once for each driver, at its first start in this daemon; `banger doctor` shows the same at any time. */
export async function reportGaps(
  ctx: Pick<TemplatesContext, "gaps" | "log" | "confinement">,
  probe: UsableProbe,
  emit: Emit,
): Promise<void> {
  const { driver } = probe;
  if (ctx.gaps.notedFor.has(driver)) return;
  // where confinement is required no VM shares memory
  const sharing = probe.sharing !== null && (await ctx.confinement()) === "auto" ? probe.sharing : null;
  const gaps = sharing === null ? probe.gaps : [...probe.gaps, sharing];
  if (gaps.length === 0 || ctx.gaps.notedFor.has(driver)) return;
  ctx.gaps.notedFor.add(driver);
  const text = `VMMs are not fully confined on this host: ${describeGaps(gaps)}`;
  ctx.log.warn(text);
  emit({ kind: "note", level: "warn", text });
}
