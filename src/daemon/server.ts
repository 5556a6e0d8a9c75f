/** The daemon's API on its socket. */
import { fail } from "../base/errors/error.ts";
import { RateLimit } from "../base/rate-limit.ts";
import { defaultLimits, type HttpLimits, type HttpServer, serveHttp } from "../host/net/http-server.ts";
import type { Daemon } from "./daemon.ts";
import { dispatch } from "./dispatch.ts";
import { type PeerFacts, refusalOf } from "./peer.ts";

/** refusals that are logged in each second */
const loggedPerSecond = 5;

/** Listens at `path`, which must not exist yet. */
export function serveApi(
  path: string,
  daemon: Daemon,
  peers: PeerFacts,
  limits: HttpLimits = defaultLimits,
): Promise<HttpServer> {
  const logged = new RateLimit(loggedPerSecond);
  return serveHttp(path, {
    limits,
    admit: (peer) => {
      const why = refusalOf(peer, peers);
      if (why !== null && logged.take()) daemon.log.warn("refused a connection", { pid: peer.pid, uid: peer.uid, why });
      return why;
    },
    refusal: (reason) => `${JSON.stringify(fail("PEER_REFUSED", { reason }).toWire())}\n`,
    handle: (exchange) => dispatch(daemon, exchange),
  });
}
