/** All templates: the recorded ones, and those that were just made. */
import { fail } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import type { TemplateRecord } from "../../model/save.ts";
import type { TemplatesContext } from "./context.ts";

/** Includes those that are made but not recorded yet. */
export function templateByKey(ctx: TemplatesContext, key: Digest): TemplateRecord | null {
  return ctx.templates.fresh.get(key) ?? ctx.store.templates.byKey(key);
}

export function allTemplates(ctx: TemplatesContext): TemplateRecord[] {
  const noted = ctx.store.templates.all();
  return [...[...ctx.templates.fresh.values()].filter(({ key }) => !noted.some((one) => one.key === key)), ...noted];
}

/** @param text a key, or the first digits of one @throws TEMPLATE_NOT_FOUND, TEMPLATE_AMBIGUOUS */
export function findTemplate(ctx: TemplatesContext, text: string): TemplateRecord {
  const digits = text.replace(/^sha256:/, "");
  const found = /^[0-9a-f]{1,64}$/.test(digits)
    ? allTemplates(ctx).filter(({ key }) => key.startsWith(`sha256:${digits}`))
    : [];
  if (found.length > 1) throw fail("TEMPLATE_AMBIGUOUS", { key: text, count: found.length });
  if (!found[0]) throw fail("TEMPLATE_NOT_FOUND", { key: text.slice(0, 80) });
  return found[0];
}

/** Counts one more VM that started from it. */
export function noteUse(ctx: TemplatesContext, key: Digest): void {
  ctx.templates.failures.delete(key);
  const fresh = ctx.templates.fresh.get(key);
  if (fresh) Object.assign(fresh, { uses: fresh.uses + 1, lastUsedAt: ctx.clock.now() });
  else ctx.store.templates.used(key, ctx.clock.now());
}
