/** `banger image …` and `banger kernel …`. */
import { fail } from "../../base/errors/error.ts";
import { nearest } from "../../base/text.ts";
import { formatAge, formatSize } from "../../base/units.ts";
import { recipeFor, recipes } from "../../images/recipes.ts";
import type { ImageRecord, KernelRecord } from "../../model/artifact.ts";
import { cancellable } from "../abort.ts";
import type { CliContext } from "../context.ts";
import { buildImage } from "../obtain.ts";
import { pairs, table } from "../ui/table.ts";
import { type JsonFlag, printJson, running, sinkOf } from "../work.ts";

const sizeOf = (image: ImageRecord) => image.layers.reduce((sum, layer) => sum + layer.bytes, 0);
const short = (digest: string) => digest.slice("sha256:".length, "sha256:".length + 12);

export async function listImages(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const images = await this.api.json<ImageRecord[]>("GET", "/v1/images");
    if (flags.json) return printJson(this, images);
    if (images.length === 0)
      return this.process.stderr.write(
        "no images; `banger vm run` or `banger image build debian-bookworm` makes one\n",
      );
    const rows = images.map((one) => [
      one.name,
      short(one.digest),
      formatSize(sizeOf(one)),
      one.init,
      formatAge(this.now() - one.createdAt),
      one.source,
    ]);
    this.process.stdout.write(table([["NAME", "DIGEST", "SIZE", "INIT", "AGE", "SOURCE"], ...rows]));
  });
}

export async function showImage(this: CliContext, flags: JsonFlag, name: string): Promise<void> {
  await running(this, flags, async () => {
    const image = await this.api.json<ImageRecord>("GET", `/v1/images/${encodeURIComponent(name)}`);
    if (flags.json) return printJson(this, image);
    this.process.stdout.write(
      pairs([
        ["name", image.name],
        ["digest", image.digest],
        ["size", formatSize(sizeOf(image))],
        ["layers", String(image.layers.length)],
        ["init", image.init],
        ["source", image.source],
        ["created", new Date(image.createdAt).toISOString()],
      ]),
    );
  });
}

export async function build(this: CliContext, flags: JsonFlag, recipe: string): Promise<void> {
  await running(this, flags, async () => {
    const known = recipeFor(recipe);
    if (!known) {
      const names = recipes.map((one) => one.name);
      const near = nearest(recipe, names);
      throw fail("USAGE", {
        problem: `there is no recipe "${recipe}"`,
        next: near ? `did you mean ${near}?` : `recipes: ${names.join(", ")}`,
      });
    }
    const sink = sinkOf(this, flags);
    const image = await cancellable(this.signals, (signal) => buildImage(this, known, sink.emit, signal)).finally(() =>
      sink.done(),
    );
    if (flags.json) printJson(this, image);
    else this.process.stdout.write(`${image.name} ${formatSize(sizeOf(image))}\n`);
  });
}

export async function deleteImages(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await deleteAll(this, flags, "/v1/images/", names);
}

export async function listKernels(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const kernels = await this.api.json<KernelRecord[]>("GET", "/v1/kernels");
    if (flags.json) return printJson(this, kernels);
    if (kernels.length === 0) return this.process.stderr.write("no kernels; `banger vm run` fetches one\n");
    const rows = kernels.map((one) => [
      one.name,
      one.release,
      formatSize(one.bytes),
      formatAge(this.now() - one.createdAt),
      one.source,
    ]);
    this.process.stdout.write(table([["NAME", "RELEASE", "SIZE", "AGE", "SOURCE"], ...rows]));
  });
}

export async function showKernel(this: CliContext, flags: JsonFlag, name: string): Promise<void> {
  await running(this, flags, async () => {
    const kernel = await this.api.json<KernelRecord>("GET", `/v1/kernels/${encodeURIComponent(name)}`);
    if (flags.json) return printJson(this, kernel);
    const { digest, release, bytes, source, createdAt } = kernel;
    const created = new Date(createdAt).toISOString();
    this.process.stdout.write(
      pairs([
        ["name", kernel.name],
        ["digest", digest],
        ["release", release],
        ["size", formatSize(bytes)],
        ["source", source],
        ["created", created],
      ]),
    );
  });
}

export async function deleteKernels(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await deleteAll(this, flags, "/v1/kernels/", names);
}

async function deleteAll(context: CliContext, flags: JsonFlag, base: string, names: string[]): Promise<void> {
  await running(context, flags, async () => {
    const deleted: unknown[] = [];
    for (const name of new Set(names)) {
      deleted.push(await context.api.json("DELETE", `${base}${encodeURIComponent(name)}`));
      if (!flags.json) context.process.stdout.write(`${name} is deleted\n`);
    }
    if (flags.json) printJson(context, deleted);
  });
}
