/** The handler of every route; a route without one does not compile. */
import type { RouteName } from "../api/routes.ts";
import type { Handler } from "./route.ts";
import { agentRoutes } from "./routes/agent.ts";
import { daemonRoutes } from "./routes/daemon.ts";
import { eventRoutes } from "./routes/events.ts";
import { imageRoutes } from "./routes/images.ts";
import { kernelRoutes } from "./routes/kernels.ts";
import { lifecycleRoutes } from "./routes/lifecycle.ts";
import { logRoutes } from "./routes/logs.ts";
import { saveRoutes } from "./routes/saves.ts";
import { vmRoutes } from "./routes/vms.ts";

export const handlers: Record<RouteName, Handler> = {
  ...daemonRoutes,
  ...eventRoutes,
  ...vmRoutes,
  ...lifecycleRoutes,
  ...saveRoutes,
  ...logRoutes,
  ...agentRoutes,
  ...imageRoutes,
  ...kernelRoutes,
};
