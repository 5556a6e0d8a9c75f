/** `banger daemon …` */
import { buildRouteMap } from "@stricli/core";
import { status } from "./daemon/status.ts";
import { stop } from "./daemon/stop.ts";

export const daemon = buildRouteMap({
  routes: { status, stop },
  docs: { brief: "the process that keeps your VMs" },
});
