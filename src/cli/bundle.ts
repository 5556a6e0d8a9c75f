/** `image bundle` and `kernel bundle`: what they share. */
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

/** What goes into a bundle. */
export type BundleContent = {
  kind: CatalogKind;
  /** what it is called here */
  name: string;
  /** an image's own kernel */
  kernel: string | null;
  /** what the manifest says beside its files */
  facts: Record<string, unknown>;
  parts(signal: AbortSignal): { part: string; tar: AsyncIterable<Uint8Array> }[];
};

/** Writes the bundle and prints its catalog entry: TOML on stdout, ready to be put behind a catalog. */
export async function bundling(
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
    remark(
      context,
      flags,
      `the bundle is in ${folder}, ${formatSize(made.entry.size)}; the entry goes into a catalog\n`,
    );
  }).finally(() => sink.done());
}

function packing(name: string, emit: Emit): (done: number) => void {
  return (done) => emit({ kind: "progress", step: "bundle", text: `packing ${name}`, done });
}

function nameOf(text: string): string {
  if (isCatalogName(text)) return text;
  throw fail("USAGE", {
    problem: `"${stripControl(text).slice(0, 200)}" can't be a name in a catalog`,
    next: "give a short one, as in `--name tool`",
  });
}

function descriptionOf(text: string): string {
  if (text.length <= 200 && stripControl(text) === text && !/[\n\t]/.test(text)) return text;
  throw fail("FLAG_INVALID", {
    flag: "--description",
    value: stripControl(text).slice(0, 40),
    problem: "is no line of at most 200 characters",
    example: '--description "Debian with our tools"',
  });
}
