/** `banger image build`: runs a built-in recipe on this host with the user's rights, or builds an image file in a VM. */
import { fail } from "../../../base/errors/error.ts";
import { nearest } from "../../../base/text.ts";
import { formatSize } from "../../../base/units.ts";
import { buildImage } from "../../../client/artifacts/obtain.ts";
import { buildFromPlan } from "../../../client/build/build.ts";
import { recipeFor, recipes } from "../../../images/recipes.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { imageBytes } from "../../ui/artifacts.ts";
import { specFirst } from "../../ui/events.ts";
import { noticePrinter } from "../../vm-notices.ts";
import { type JsonFlag, print, printJson, rootWarning, running, sinkOf } from "../../work.ts";

export async function build(this: CliContext, flags: JsonFlag, what: string): Promise<void> {
  const isFile = what.endsWith(".toml") || what.includes("/");
  await running(this, flags, () => (isFile ? fromFile(this, flags, what) : fromRecipe(this, flags, what)));
}

async function fromRecipe(context: CliContext, flags: JsonFlag, recipe: string): Promise<void> {
  const known = recipeFor(recipe);
  if (!known) throw noRecipe(recipe);
  const sink = sinkOf(context, flags);
  const image = await cancellable(context.signals, (signal) => buildImage(context, known, sink.emit, signal)).finally(
    () => sink.done(),
  );
  if (flags.json) printJson(context, image);
  else print(context, `${image.name} ${formatSize(imageBytes(image))}\n`);
}

async function fromFile(context: CliContext, flags: JsonFlag, path: string): Promise<void> {
  const plan = await context.readImageFile(path);
  const sink = specFirst(sinkOf(context, flags));
  for (const note of rootWarning(context)) sink.emit(note);
  const { name } = await cancellable(context.signals, (signal) =>
    buildFromPlan(context, plan, { emit: sink.emit, onNotice: noticePrinter(context), signal }),
  ).finally(() => sink.done());
  const image = await context.api.json("showImage", { name });
  if (flags.json) return printJson(context, image);
  print(context, `${image.name} ${formatSize(image.ownBytes)} of its own, ${formatSize(image.sharedBytes)} shared\n`);
}

function noRecipe(text: string): Error {
  const names = recipes.map((one) => one.name);
  const near = nearest(text, names);
  const next = near ? `did you mean ${near}?` : `recipes: ${names.join(", ")}; the name of an image file ends in .toml`;
  return fail("USAGE", { problem: `there is no recipe "${text}"`, next });
}
