/** Encodes and decodes frames (`protocol/agent.md`, "Frames"). Limits are checked before anything is buffered. */
import { fail } from "../../base/errors/error.ts";
import { type Frame, FrameType, maxPayload } from "./types.ts";

const headerBytes = 9;
const trailerBytes = 4;
const maxFrame = headerBytes + maxPayload + trailerBytes;
/**
 * Unused bytes before a large frame, so that its payload begins at a multiple of 32: memmove(3) uses `rep movsb` for much data, which
 * takes ten times as long on current AMD CPUs where its destination is not aligned.
 */
const leadBytes = 32 - headerBytes;
/** Bytes of a payload from which this counts. */
const minAligned = 2048;
/**
 * Bytes of a frame that may be sent on in its chunk, which it keeps alive while it waits for a peer that does not read: with small
 * ones a peer could make much memory wait.
 */
const minWhole = 8192;

/** @param cause the underlying error, for logs */
export function protocolError(problem: string, cause?: unknown): Error {
  return fail("AGENT_PROTOCOL", { problem }, cause);
}

/**
 * A frame with `whole` is changed into the new one, and not copied.
 * @param tag the session's, 0 between `banger` and `bangerd`
 * @param into a `frameRoom` for the copy; by default memory of its own
 */
export function encodeFrame(frame: Frame, tag: number, into?: Buffer): Buffer {
  const { length } = frame.payload;
  if (length > maxPayload) throw new RangeError(`payload of ${length} bytes`);
  const bytes = frame.whole ?? memoryFor(length, into);
  bytes.writeUInt32LE(length, 0);
  bytes[4] = frame.type;
  bytes.writeUInt32LE(frame.stream, 5);
  if (!frame.whole) bytes.set(frame.payload, headerBytes);
  bytes.writeUInt32LE(tag >>> 0, headerBytes + length);
  return bytes;
}

/** Memory that `encodeFrame` can use for one frame after the other. */
export function frameRoom(): Buffer {
  return Buffer.allocUnsafeSlow(leadBytes + maxFrame);
}

function memoryFor(length: number, into: Buffer | undefined): Buffer {
  const total = headerBytes + length + trailerBytes;
  if (length < minAligned) return Buffer.allocUnsafe(total);
  const room = into ?? Buffer.allocUnsafeSlow(leadBytes + total);
  return room.subarray(leadBytes, leadBytes + total);
}

/** Splits a byte stream into frames. A frame can be a view of the pushed chunk, which belongs to who gets the frames. */
export class FrameDecoder {
  readonly #tag: number;
  /** the start of an incomplete frame */
  #partial: Buffer | null = null;
  #have = 0;

  constructor(tag: number) {
    this.#tag = tag >>> 0;
  }

  /** Calls `deliver` for each whole frame, in order. @throws AGENT_PROTOCOL; the decoder can't be used afterwards */
  push(chunk: Uint8Array, deliver: (frame: Frame) => void): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (this.#partial === null) {
        const total = frameBytes(bytes, at);
        if (total !== null && bytes.length - at >= total) {
          deliver(this.#parse(bytes.subarray(at, at + total)));
          at += total;
          continue;
        }
        this.#partial = Buffer.allocUnsafe(total ?? maxFrame);
        this.#have = 0;
      }
      at += this.#collect(bytes, at, deliver);
    }
  }

  /** Appends to the partial frame and delivers it when complete. @returns bytes taken */
  #collect(bytes: Buffer, at: number, deliver: (frame: Frame) => void): number {
    const partial = this.#partial as Buffer;
    const total = this.#have < headerBytes ? headerBytes : (frameBytes(partial, 0) as number);
    const taken = Math.min(total - this.#have, bytes.length - at);
    bytes.copy(partial, this.#have, at, at + taken);
    this.#have += taken;
    if (this.#have < headerBytes) return taken;
    const whole = frameBytes(partial, 0) as number;
    if (this.#have === whole) {
      this.#partial = null;
      deliver(this.#parse(partial.subarray(0, whole)));
    }
    return taken;
  }

  #parse(bytes: Buffer): Frame {
    const end = bytes.length - trailerBytes;
    const tag = bytes.readUInt32LE(end);
    if (tag !== this.#tag) throw protocolError("a frame has the tag of another session");
    const type = bytes[4] as number;
    if (!isFrameType(type)) throw protocolError(`unknown frame type ${type}`);
    const whole = bytes.length < minWhole ? undefined : bytes;
    return { type, stream: bytes.readUInt32LE(5), payload: bytes.subarray(headerBytes, end), whole };
  }
}

/** Length in bytes of the frame at `at`; null while its header is incomplete. @throws AGENT_PROTOCOL when over the limit */
function frameBytes(bytes: Buffer, at: number): number | null {
  if (bytes.length - at < headerBytes) return null;
  const length = bytes.readUInt32LE(at);
  if (length > maxPayload) throw protocolError(`a frame of ${length} bytes`);
  return headerBytes + length + trailerBytes;
}

function isFrameType(type: number): boolean {
  if (type >= FrameType.Hello && type <= FrameType.Notice) return true;
  return (type >= FrameType.Data && type <= FrameType.Data + 2) || (type >= FrameType.Eof && type <= FrameType.Eof + 2);
}
