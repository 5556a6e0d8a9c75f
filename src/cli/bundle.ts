/** What `image bundle` and `kernel bundle` share. */
import { fail } from "../base/errors/error.ts";
import { isCatalogName } from "../base/reference.ts";
import { stripControl } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import type { CatalogKind } from "../model/catalog.ts";
import type { Emit } from "../model/event.ts";
import { cancellable } from "./abort.ts";
import type { CliContext } from "./context.ts";
import { type JsonFlag, print, printJson, remark, running, sinkOf } from "./work.ts";

export type BundleFlags = JsonFlag & { name?: string; description?: string };

/** The content of a bundle. */
export type BundleContent = {
  kind: CatalogKind;
  /** its local name */
  name: string;
  /** the kernel of an image */
  kernel: string | null;
  /** fields of the manifest beside its files */
  facts: Record<string, unknown>;
  parts(signal: AbortSignal): { part: string; tar: AsyncIterable<Uint8Array> }[];
};

/** Writes the bundle and prints its catalog entry: TOML on stdout, ready to be appended to a catalog. */
export async function writeBundle(
  context: CliContext,
  flags: BundleFlags,
  folder: string,
  open: () => Promise<BundleContent>,
): Promise<void> {
  const sink = sinkOf(context, flags);
  await running(context, flags, async () => {
    const content = await open();
    const name = nameOf(flags.name ?? content.name);
    const description = descriptionOf(flags.description ?? "");
    const made = await cancellable(context.signals, (signal) => {
      const facts = { kind: content.kind, ...content.facts };
      const wanted = { folder, name, description, kind: content.kind, kernel: content.kernel, facts };
      return context.makeBundle({ ...wanted, parts: content.parts(signal) }, packing(content.name, sink.emit), signal);
    }).finally(() => sink.done());
    if (flags.json) return printJson(context, { folder, ...made.entry });
    print(context, made.toml);
    remark(context, flags, `the bundle is in ${folder}, ${formatSize(made.entry.size)}; add the entry to a catalog\n`);
  }).finally(() => sink.done());
}

function packing(name: string, emit: Emit): (done: number) => void {
  return (done) => emit({ kind: "progress", step: "bundle", text: `packing ${name}`, done });
}

function nameOf(text: string): string {
  if (isCatalogName(text)) return text;
  throw fail("USAGE", {
    problem: `"${stripControl(text).slice(0, 200)}" is not a valid name for a catalog`,
    next: "give a short name, such as `--name tool`",
  });
}

function descriptionOf(text: string): string {
  if (text.length <= 200 && stripControl(text) === text && !/[\n\t]/.test(text)) return text;
  throw fail("FLAG_INVALID", {
    flag: "--description",
    value: stripControl(text).slice(0, 40),
    problem: "is not a single line of at most 200 characters",
    example: '--description "Debian with our tools"',
  });
}
