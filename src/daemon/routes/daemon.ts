/** The daemon itself and the host it runs on. */
import { stopTimes } from "../../api/types.ts";
import { fail } from "../../base/errors/error.ts";
import { chosen } from "../query.ts";
import { json } from "../route.ts";

export const daemonRoutes = {
  ...json("daemonInfo", (daemon) => daemon.info()),
  ...json("host", (daemon) => daemon.host()),
  ...json("daemonStop", async (daemon, { exchange }) => {
    const when = chosen(exchange, "when", stopTimes);
    if (when === "idle") await daemon.inUse.whenIdle(exchange.signal);
    const info = daemon.info();
    const uses = info.inUse.filter(({ resumable }) => !resumable).map(({ what, pid }) => `${what} (process ${pid})`);
    if (when === "unused" && uses.length > 0) throw fail("DAEMON_IN_USE", { uses });
    await daemon.stop();
    return info;
  }),
};
