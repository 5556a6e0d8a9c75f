/** Which templates to remove so that the others fit. Pure. */
import type { TemplateRecord } from "../../model/save.ts";

/**
 * The least recently used ones, until the rest fits. The most recently used one stays whatever its size: it would only be
 * made again.
 * @param all used last comes first @param limit of all together, in bytes
 */
export function tooMuch(all: readonly TemplateRecord[], limit: number): TemplateRecord[] {
  let left = limit;
  return all.filter(({ bytes }, at) => {
    left -= bytes;
    return at > 0 && left < 0;
  });
}
