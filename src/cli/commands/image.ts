/** `banger image …` */
import { buildRouteMap } from "@stricli/core";
import { build } from "./image/build.ts";
import { remove } from "./image/delete.ts";
import { list } from "./image/list.ts";
import { show } from "./image/show.ts";

export const image = buildRouteMap({
  routes: { list, show, build, delete: remove },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "what VMs boot from" },
});
