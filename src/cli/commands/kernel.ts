/** `banger kernel …` */
import { buildRouteMap } from "@stricli/core";
import { remove } from "./kernel/delete.ts";
import { importKernel } from "./kernel/import.ts";
import { list } from "./kernel/list.ts";
import { pull } from "./kernel/pull.ts";
import { show } from "./kernel/show.ts";

export const kernel = buildRouteMap({
  routes: { list, show, pull, import: importKernel, delete: remove },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "the kernels that VMs run" },
});
