/** What serves ports of the host's loopback, in memory. */
import type { ByteStream } from "../../base/bytes.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";

/** By port: each connection to it is given to its service. */
export class HostServices extends Map<number, (connection: ByteStream) => void> {
  async dial(port: number): Promise<ByteStream> {
    const serve = this.get(port);
    if (!serve) throw Object.assign(new Error(`port ${port}`), { code: "ECONNREFUSED" });
    const [ours, theirs] = memoryPair();
    serve(theirs);
    return ours;
  }
}
