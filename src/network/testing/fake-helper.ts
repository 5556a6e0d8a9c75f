/** A host with a root helper, in memory, that speaks the helper's frames; it keeps what it made when the helper ends. */
import type { ByteStream } from "../../base/bytes.ts";
import type { VmId } from "../../base/names.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { decodeBody, encodeFrame, FrameReader } from "../../wire/helper/frames.ts";
import type { HelperErrorKind, HelperRequest, TapRequest } from "../../wire/helper/verbs.ts";
import { type HelperConnection, helperOver } from "../helper-client.ts";

type Refusal = { kind: HelperErrorKind; message: string; free?: string };

export class FakeHelper {
  /** verbs in the order in which they came, with the VM of those about one */
  readonly calls: string[] = [];
  readonly taps = new Map<VmId, Omit<TapRequest, "verb">>();
  bridge: { address: string; prefix: number } | null = null;
  isRouted = false;
  /** by verb: how it is refused */
  readonly refusals = new Map<string, Refusal>();
  /** whether anything listens */
  isAway = false;
  /** verbs that get no answer */
  readonly silent = new Set<string>();
  readonly #connections: ByteStream[] = [];

  async connect(limitMs?: number): Promise<HelperConnection> {
    if (this.isAway) throw Object.assign(new Error("connect ECONNREFUSED /h.sock"), { code: "ECONNREFUSED" });
    const [ours, theirs] = memoryPair();
    this.#serve(theirs);
    return helperOver(ours, limitMs);
  }

  /** The helper's process ends; what it made stays. */
  end(): void {
    for (const connection of this.#connections.splice(0)) connection.destroy();
  }

  #serve(stream: ByteStream): void {
    this.#connections.push(stream);
    const reader = new FrameReader();
    stream.onClose(() => {});
    stream.onData((chunk) => {
      for (const body of reader.push(chunk)) this.#answer(stream, decodeBody(body) as HelperRequest & { id: number });
    });
  }

  #answer(stream: ByteStream, request: HelperRequest & { id: number }): void {
    this.calls.push("vm" in request ? `${request.verb} ${request.vm}` : request.verb);
    if (this.silent.has(request.verb)) return;
    const error = this.refusals.get(request.verb);
    const { id } = request;
    stream.write(encodeFrame(error ? { id, error } : { id, result: this.#act(request) }));
  }

  #act(request: HelperRequest): object {
    if (request.verb === "bridge.ensure") this.bridge = { address: request.address, prefix: request.prefix };
    if (request.verb === "tap.create") {
      const { vm, address, isolated, deny } = request;
      this.taps.set(vm, { vm, address, isolated, deny });
    }
    if (request.verb === "tap.delete") this.taps.delete(request.vm);
    if (request.verb === "resolver.route") this.isRouted = true;
    if (request.verb === "resolver.unroute") this.isRouted = false;
    if (request.verb !== "status") return {};
    const resolver = this.isRouted ? { routed: true } : { routed: false, why: "nobody asked" };
    const taps = [...this.taps.keys()];
    return { version: "1.0", pid: 7, bridge: this.bridge, taps, nat: true, resolver, firewalls: [] };
  }
}
