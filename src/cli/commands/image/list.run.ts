/** `banger image list`. */
import { isDigest } from "../../../base/names.ts";
import { formatAge, formatSize } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { damaged, imageBytes, shortDigest, warnOfDamage } from "../../ui/artifacts.ts";
import { table } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

const header = ["NAME", "DIGEST", "SIZE", "SHARED", "INIT", "AGE", "SOURCE"];

export async function list(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const images = await this.api.json("listImages");
    if (flags.json) return printJson(this, images);
    if (images.length === 0)
      return remark(this, flags, "no images; `banger vm run` or `banger image build debian-bookworm` makes one\n");
    const rows = images.map((image) => {
      const { name, digest, init, createdAt, source, sharedBytes } = image;
      const shared = sharedBytes === 0 ? "-" : formatSize(sharedBytes);
      const age = formatAge(this.now() - createdAt);
      return [
        isDigest(name) ? "<none>" : name,
        shortDigest(digest),
        image.problem ? damaged : formatSize(imageBytes(image)),
        shared,
        init,
        age,
        source,
      ];
    });
    print(this, table([header, ...rows]));
    warnOfDamage(this, flags, images);
  });
}
