/** Reaching the daemon, whether it runs yet or not. */
import type { ByteStream } from "../base/bytes.ts";
import { fail } from "../base/errors/error.ts";
import type { DaemonPlace } from "./connect.ts";
import { connectOwn } from "./lock-file.ts";

/** A connection; starts the daemon when it isn't there. @throws DAEMON_START_FAILED, DAEMON_UNREACHABLE */
export async function connectOrStart(place: DaemonPlace): Promise<ByteStream> {
  const running = await connectOwn(place);
  if (running) return running;
  if (place.foreign) {
    const next = "unset BANGER_SOCKET to use your own daemon, which starts by itself";
    throw fail("DAEMON_UNREACHABLE", { socket: place.socket, reason: "nobody listens there", next });
  }
  const { startDaemon } = await import("./start.ts");
  return startDaemon(place);
}
