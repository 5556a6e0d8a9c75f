/** What Firecracker 1.14.1 is sent, and what it or an impostor may answer: `protocol/firecracker.json`. */
import { describe, expect, test } from "bun:test";
import vectors from "../../../protocol/firecracker.json";
import { AnswerReader } from "./answer.ts";
import { type ApiRequest, encodeRequest, requests } from "./requests.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("requests", () => {
  for (const { name, make, bytes } of vectors.requests) {
    test(name, () => {
      const [kind, argument] = make as [keyof typeof requests, never];
      const request: ApiRequest = requests[kind](argument);
      const text = new TextDecoder().decode(encodeRequest(request));
      const [head, body = ""] = text.split("\r\n\r\n");
      if (body !== "") expect(head).toContain(`Content-Length: ${bytesOf(body).length}`);
      expect(text).toBe(bytes);
    });
  }
});

describe("answers", () => {
  for (const { name, bytes, answers, error } of vectors.answers as Answered[]) {
    test(name, () => {
      const read = (pieces: Uint8Array[]) => {
        const reader = new AnswerReader();
        return pieces.flatMap((piece) => reader.push(piece));
      };
      const whole = bytesOf(bytes);
      const single = [...whole].map((byte) => Uint8Array.of(byte));
      for (const pieces of [[whole], single]) {
        if (error !== undefined) expect(() => read(pieces)).toThrow(error);
        else
          expect(read(pieces).map(({ status, body }) => ({ status, body: new TextDecoder().decode(body) }))).toEqual(
            answers ?? [],
          );
      }
    });
  }

  test("a head without an end is not kept for ever", () => {
    const reader = new AnswerReader();
    const fill = () => {
      for (let sent = 0; sent < 8192; sent += 64) reader.push(bytesOf("x".repeat(64)));
    };
    expect(fill).toThrow("too long");
  });
});

type Answered = { name: string; bytes: string; answers?: { status: number; body: string }[] | null; error?: string };
