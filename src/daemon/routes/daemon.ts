/** The daemon itself and the host it runs on. */
import { type StopTime, stopTimes } from "../../api/types.ts";
import { fail } from "../../base/errors/error.ts";
import type { HttpExchange } from "../../host/net/http-server.ts";
import { json } from "../route.ts";

export const daemonRoutes = {
  ...json("daemonInfo", (daemon) => daemon.info()),
  ...json("host", (daemon) => daemon.host()),
  ...json("daemonStop", async (daemon, { exchange }) => {
    const when = stopTime(exchange);
    if (when === "idle") await daemon.inUse.whenIdle(exchange.signal);
    const info = daemon.info();
    const uses = info.inUse.filter(({ resumable }) => !resumable).map(({ what, pid }) => `${what} (process ${pid})`);
    if (when === "unused" && uses.length > 0) throw fail("DAEMON_IN_USE", { uses });
    await daemon.stop();
    return info;
  }),
};

function stopTime(exchange: HttpExchange): StopTime {
  const text = exchange.query.get("when") ?? "now";
  const when = stopTimes.find((one) => one === text);
  if (when) return when;
  throw fail("REQUEST_INVALID", { problems: [`when must be one of ${stopTimes.join(", ")}`] });
}
