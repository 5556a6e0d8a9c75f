/** `banger kernel …` */
import { buildRouteMap } from "@stricli/core";
import { remove } from "./kernel/delete.ts";
import { list } from "./kernel/list.ts";
import { show } from "./kernel/show.ts";

export const kernel = buildRouteMap({
  routes: { list, show, delete: remove },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "the kernels that VMs run" },
});
