/** `banger snapshot …` */
import { buildRouteMap } from "@stricli/core";
import { remove } from "./snapshot/delete.ts";
import { list } from "./snapshot/list.ts";
import { show } from "./snapshot/show.ts";

export const snapshot = buildRouteMap({
  routes: { list, show, delete: remove },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "VMs as they were: taken by `vm snapshot`, gone back to by `vm restore`" },
});
