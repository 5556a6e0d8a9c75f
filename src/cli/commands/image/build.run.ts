/** `banger image build`: a recipe, run on this host with the user's rights. */
import { fail } from "../../../base/errors/error.ts";
import { nearest } from "../../../base/text.ts";
import { formatSize } from "../../../base/units.ts";
import { recipeFor, recipes } from "../../../images/recipes.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { buildImage } from "../../obtain.ts";
import { imageBytes } from "../../ui/artifacts.ts";
import { type JsonFlag, print, printJson, running, sinkOf } from "../../work.ts";

export async function build(this: CliContext, flags: JsonFlag, recipe: string): Promise<void> {
  await running(this, flags, async () => {
    const known = recipeFor(recipe);
    if (!known) throw noRecipe(recipe);
    const sink = sinkOf(this, flags);
    const image = await cancellable(this.signals, (signal) => buildImage(this, known, sink.emit, signal)).finally(() =>
      sink.done(),
    );
    if (flags.json) printJson(this, image);
    else print(this, `${image.name} ${formatSize(imageBytes(image))}\n`);
  });
}

function noRecipe(text: string): Error {
  const names = recipes.map((one) => one.name);
  const near = nearest(text, names);
  const next = near ? `did you mean ${near}?` : `recipes: ${names.join(", ")}`;
  return fail("USAGE", { problem: `there is no recipe "${text}"`, next });
}
