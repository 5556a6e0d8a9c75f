/** Frames of a byte stream, for tests. */
import { FrameDecoder } from "../frame.ts";
import type { Frame } from "../types.ts";

/** Copies the payloads, so that frames outlive their chunks. @throws AGENT_PROTOCOL */
export function decodeAll(chunks: Uint8Array[], tag: number): Frame[] {
  const frames: Frame[] = [];
  const decoder = new FrameDecoder(tag);
  for (const chunk of chunks)
    decoder.push(chunk, ({ type, stream, payload }) => frames.push({ type, stream, payload: new Uint8Array(payload) }));
  return frames;
}
