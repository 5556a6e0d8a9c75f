/** Frames of the root helper's socket (`verbs.ts`): a length, then as many bytes of JSON. */
import { maxFrame } from "./verbs.ts";

const headBytes = 4;

/** The other end broke the protocol; its connection can't be used any more. */
export class FrameError extends Error {
  override name = "FrameError";
}

/** @throws FrameError when the value's JSON is longer than `maxFrame` */
export function encodeFrame(value: unknown): Uint8Array {
  const body = Buffer.from(JSON.stringify(value), "utf8");
  if (body.length > maxFrame) throw new FrameError(`a frame of ${body.length} bytes is longer than ${maxFrame}`);
  const frame = Buffer.alloc(headBytes + body.length);
  frame.writeUInt32LE(body.length);
  body.copy(frame, headBytes);
  return frame;
}

/** Cuts a byte stream into frames. Keeps at most one frame that is not complete. */
export class FrameReader {
  #kept: Buffer = Buffer.alloc(0);
  #failure: FrameError | null = null;

  /** whether a frame has begun and is not complete */
  get isPartial(): boolean {
    return this.#kept.length > 0;
  }

  /**
   * @returns the bodies that are complete with `chunk`, in order
   * @throws FrameError for a length of zero or over `maxFrame`, as soon as it is known; and again at each later call
   */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.#failure) throw this.#failure;
    let bytes = Buffer.concat([this.#kept, chunk]);
    const bodies: Uint8Array[] = [];
    while (bytes.length >= headBytes) {
      const end = headBytes + this.#checked(bytes.readUInt32LE());
      if (bytes.length < end) break;
      bodies.push(bytes.subarray(headBytes, end));
      bytes = bytes.subarray(end);
    }
    this.#kept = Buffer.from(bytes);
    return bodies;
  }

  #checked(length: number): number {
    if (length > 0 && length <= maxFrame) return length;
    this.#failure = new FrameError(`a frame of ${length} bytes: 1 to ${maxFrame} are allowed`);
    throw this.#failure;
  }
}

/** The JSON value of a frame's body. @throws FrameError when it is not JSON in UTF-8 */
export function decodeBody(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    throw new FrameError("a frame is not JSON in UTF-8");
  }
}
