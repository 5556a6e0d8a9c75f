/** Connects to the daemon, and starts it if necessary. */
import type { ByteStream } from "../base/bytes.ts";
import { fail } from "../base/errors/error.ts";
import type { DaemonPlace } from "./connect.ts";
import { connectOwn } from "./lock-file.ts";

/** @throws DAEMON_START_FAILED, DAEMON_UNREACHABLE */
export async function connectOrStart(place: DaemonPlace): Promise<ByteStream> {
  const running = await connectOwn(place);
  if (running) return running;
  if (place.foreign) {
    const next = "unset BANGER_SOCKET to use your own daemon, which is started when needed";
    throw fail("DAEMON_UNREACHABLE", { socket: place.socket, reason: "nobody listens there", next });
  }
  const { startDaemon } = await import("./start.ts");
  return startDaemon(place);
}
