/** Connects to the daemon, and starts it if necessary. */
import type { ByteStream } from "../base/bytes.ts";
import { type DaemonPlace, unreachable } from "./connect.ts";
import { connectOwn } from "./lock-file.ts";

/** The system service is waited for, if systemd is starting it. @throws DAEMON_START_FAILED, DAEMON_UNREACHABLE */
export async function connectOrStart(place: DaemonPlace): Promise<ByteStream> {
  const running = await connectOwn(place);
  if (running) return running;
  if (place.owner) return (await import("./service.ts")).connectService(place);
  if (place.foreign) throw unreachable(place, "nobody listens there");
  const { startDaemon } = await import("./start.ts");
  return startDaemon(place);
}
