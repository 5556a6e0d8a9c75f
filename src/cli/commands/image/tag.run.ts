/** `banger image tag`. */
import type { ImageName } from "../../../base/names.ts";
import type { CliContext } from "../../context.ts";
import { shortDigest } from "../../ui/artifacts.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function tag(this: CliContext, flags: JsonFlag, image: string, name: ImageName): Promise<void> {
  await running(this, flags, async () => {
    const tagged = await this.api.json("tagImage", { name: image, body: { name } });
    if (flags.json) printJson(this, tagged);
    else print(this, `${tagged.name} is ${shortDigest(tagged.digest)}\n`);
  });
}
