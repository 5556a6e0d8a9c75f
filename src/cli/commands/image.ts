/** `banger image …` */
import { buildRouteMap } from "@stricli/core";
import { build } from "./image/build.ts";
import { remove } from "./image/delete.ts";
import { exportImage } from "./image/export.ts";
import { importArchive } from "./image/import.ts";
import { list } from "./image/list.ts";
import { prune } from "./image/prune.ts";
import { pull } from "./image/pull.ts";
import { register } from "./image/register.ts";
import { show } from "./image/show.ts";
import { tag } from "./image/tag.ts";

export const image = buildRouteMap({
  routes: { list, show, pull, import: importArchive, register, build, tag, export: exportImage, delete: remove, prune },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "what VMs boot from" },
});
