/** From a request to its handler: checks the peer and its version, and finds the route. */
import type { RouteName } from "../api/routes.ts";
import { fail, toBangerError } from "../base/errors/error.ts";
import { isSameFolder } from "../host/files/owner.ts";
import type { HttpExchange } from "../host/net/http-server.ts";
import { systemRoots } from "../model/paths.ts";
import { answerError } from "./answers.ts";
import type { Daemon } from "./daemon.ts";
import { handlers } from "./handlers.ts";
import { matchRoute } from "./router.ts";

/** The `Host` that clients of a unix socket send. */
const knownHosts = new Set(["bangerd", "localhost", ""]);
/** Asked by clients of every version. */
const versionless = new Set<RouteName>(["daemonInfo", "daemonStop"]);

/** Never rejects. */
export async function dispatch(daemon: Daemon, exchange: HttpExchange): Promise<void> {
  try {
    refuseBrowsers(exchange);
    requireSameState(daemon, exchange);
    const { route, name } = matchRoute(exchange.method, exchange.path);
    if (!versionless.has(route)) requireSameVersion(daemon, exchange);
    const use = daemon.inUse.begin(route, name, exchange.peer.pid);
    try {
      await handlers[route](daemon, { exchange, name, use });
    } finally {
      use.end();
    }
  } catch (thrown) {
    if (!exchange.answered) answerError(exchange, thrown, daemon.log);
    else daemon.log.warn("an answer was cut off", { path: exchange.path, error: toBangerError(thrown).message });
  }
}

/** A web page can make a browser or a proxy send requests, but not with these headers right. */
function refuseBrowsers(exchange: HttpExchange): void {
  const refuse = (reason: string) => fail("PEER_REFUSED", { reason });
  if (exchange.header("origin") !== undefined) throw refuse("requests with an Origin are not answered");
  if (exchange.header("referer") !== undefined) throw refuse("requests with a Referer are not answered");
  const host = exchange.header("host") ?? "";
  if (!knownHosts.has(host)) throw refuse("the Host must be bangerd or localhost");
}

/** Two state folders with one runtime folder share one socket: refuses a request that was meant for another daemon. */
function requireSameState(daemon: Daemon, exchange: HttpExchange): void {
  const wanted = exchange.header("banger-state");
  if (wanted === undefined) return;
  const { stateDirectory, socket } = daemon.info();
  const folder = decoded(wanted);
  if (folder === stateDirectory || isSameFolder(folder, stateDirectory)) return;
  throw fail("DAEMON_STATE", { socket, daemon: stateDirectory, cli: folder });
}

function decoded(header: string): string {
  try {
    return decodeURI(header);
  } catch {
    return header;
  }
}

function requireSameVersion(daemon: Daemon, exchange: HttpExchange): void {
  const cli = exchange.header("banger-version");
  if (cli === undefined || cli === daemon.info().version) return;
  const { version: own, stateDirectory } = daemon.info();
  const isService = stateDirectory === systemRoots("").state;
  const next = "use the banger that the service was installed with, or upgrade it with `sudo banger system install`";
  throw fail("DAEMON_VERSION", { daemon: own, cli: cli.slice(0, 64), ...(isService ? { next } : {}) });
}
