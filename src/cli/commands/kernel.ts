/** `banger kernel …` */
import { buildRouteMap } from "@stricli/core";
import { bundle } from "./kernel/bundle.ts";
import { catalog } from "./kernel/catalog.ts";
import { remove } from "./kernel/delete.ts";
import { importKernel } from "./kernel/import.ts";
import { list } from "./kernel/list.ts";
import { pull } from "./kernel/pull.ts";
import { show } from "./kernel/show.ts";

export const kernel = buildRouteMap({
  routes: { list, show, catalog, pull, import: importKernel, bundle, delete: remove },
  aliases: { ls: "list", rm: "delete", search: "catalog" },
  docs: { brief: "the kernels that VMs run" },
});
