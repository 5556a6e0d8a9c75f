/** `banger template …` */
import { buildRouteMap } from "@stricli/core";
import { remove } from "./template/delete.ts";
import { list } from "./template/list.ts";
import { show } from "./template/show.ts";
import { warm } from "./template/warm.ts";

export const template = buildRouteMap({
  routes: { list, show, warm, delete: remove },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "booted VMs that new ones begin from" },
});
