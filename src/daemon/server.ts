/** The daemon's API on its socket. */
import { fail } from "../base/errors/error.ts";
import { defaultLimits, type HttpLimits, type HttpServer, serveHttp } from "../host/net/http-server.ts";
import type { Daemon } from "./daemon.ts";
import { dispatch } from "./dispatch.ts";
import { type PeerFacts, refusalOf } from "./peer.ts";

/** Listens at `path`, which must not exist yet. */
export function serveApi(
  path: string,
  daemon: Daemon,
  peers: PeerFacts,
  limits: HttpLimits = defaultLimits,
): Promise<HttpServer> {
  return serveHttp(path, {
    limits,
    admit: (peer) => refusalOf(peer, peers),
    refusal: (reason) => `${JSON.stringify(fail("PEER_REFUSED", { reason }).toWire())}\n`,
    handle: (exchange) => dispatch(daemon, exchange),
  });
}
