/** `banger image …` */
import { buildRouteMap } from "@stricli/core";
import { build } from "./image/build.ts";
import { bundle } from "./image/bundle.ts";
import { catalog } from "./image/catalog.ts";
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
  routes: {
    list,
    show,
    catalog,
    pull,
    import: importArchive,
    register,
    build,
    tag,
    export: exportImage,
    bundle,
    delete: remove,
    prune,
  },
  aliases: { ls: "list", rm: "delete", search: "catalog" },
  docs: { brief: "what VMs boot from" },
});
