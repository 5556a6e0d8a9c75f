/** The golden vectors of `protocol/vectors.json`, which the agent's tests read too. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { encodeFrame } from "./frame.ts";
import { incomingOf, type ListenRequest } from "./listen.ts";
import { preamble, tagOf } from "./preamble.ts";
import { decodeAll } from "./testing/decode.ts";
import type {
  ExecRequest,
  IdentityReply,
  IdentityRequest,
  ResumeReply,
  ResumeRequest,
  SettleReply,
  SettleRequest,
  StatsReply,
} from "./types.ts";

type Vectors = {
  frames: { name: string; type: number; stream: number; tag: number; payloadHex: string; encodedHex: string }[];
  rejected: { name: string; tag: number; encodedHex: string; why: string }[];
  preamble: { nonceHex: string; encodedHex: string; tag: number };
  verbs: { name: string; open: Record<string, unknown>; reply: Record<string, unknown>; event?: object }[];
};

const vectorsFile = new URL("../../../protocol/vectors.json", import.meta.url);
const vectors = JSON.parse(readFileSync(vectorsFile, "utf8")) as Vectors;
const hex = (text: string) => Buffer.from(text, "hex");

describe("frames", () => {
  for (const { name, type, stream, tag, payloadHex, encodedHex } of vectors.frames) {
    test(name, () => {
      const frame = { type, stream, payload: hex(payloadHex) };
      expect(Buffer.from(encodeFrame(frame, tag)).toString("hex")).toBe(encodedHex);
      const [decoded] = decodeAll([hex(encodedHex)], tag);
      expect(decoded).toMatchObject({ type, stream });
      expect(Buffer.from(decoded?.payload ?? []).toString("hex")).toBe(payloadHex);
    });
  }

  for (const { name, tag, encodedHex, why } of vectors.rejected) {
    test(`rejected: ${name}`, () => {
      const bytes = hex(encodedHex);
      const single = [...bytes].map((byte) => Uint8Array.of(byte));
      const protocolError = expect.objectContaining({ code: "AGENT_PROTOCOL" });
      expect(() => decodeAll([bytes], tag), why).toThrow(protocolError);
      expect(() => decodeAll(single, tag), why).toThrow(protocolError);
    });
  }
});

test("preamble", () => {
  const { nonceHex, encodedHex, tag } = vectors.preamble;
  expect(preamble(hex(nonceHex), false).toString("hex")).toBe(encodedHex);
  expect(tagOf(hex(nonceHex))).toBe(tag);
});

const identities: Record<string, { open: IdentityRequest; reply: IdentityReply }> = {
  "identity of a template": {
    open: {
      generation: 1,
      template: true,
      hostname: "template",
      machineId: "00112233445566778899aabbccddeeff",
      clock: "1763900000.5",
      entropy: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
      authorizedKeys: [],
      environment: {},
      caCertificates: [],
    },
    reply: {},
  },
  "identity of a copy": {
    open: {
      generation: 2,
      keepBootId: true,
      hostname: "devbox.example",
      network: {
        address: "192.0.2.15",
        prefix: 24,
        gateway: "192.0.2.2",
        mac: "02:AB:00:00:00:0f",
        dns: ["192.0.2.3", "2001:db8::53"],
        search: ["example"],
      },
      sshHostKeys: [{ type: "ed25519", private: "PEM", public: "line" }],
      session: { user: "app:web", workdir: "/srv" },
    },
    reply: { skipped: ["machine-id: EROFS: Read-only file system (os error 30)"] },
  },
  "identity that sets the clock alone": { open: { generation: 2, clock: "1763900000.123456789" }, reply: {} },
};

const others: Record<string, { open: object; reply: object }> = {
  settle: {
    open: { trim: true, dropCaches: true } satisfies SettleRequest,
    reply: { trimmed: 8429142016 } satisfies SettleReply,
  },
  stats: {
    open: {},
    reply: {
      uptimeMs: 61250,
      cpuMs: 8340,
      connections: 2,
      load1: 0.25,
      memory: { total: 1073741824, available: 536870912 },
      disk: { total: 8589934592, free: 4294967296 },
    } satisfies StatsReply,
  },
  exec: {
    open: {
      argv: ["echo", "hello"],
      cwd: "/",
      resumable: "0123456789abcdef0123456789abcdef",
    } satisfies ExecRequest,
    reply: { pid: 123, resumable: true },
  },
  "exec of sftp": { open: { builtin: "sftp", user: "ann" } satisfies ExecRequest, reply: { pid: 124 } },
  "exec of scp": {
    open: { builtin: "scp", arguments: "-r -f -- 'a b'/*.txt", user: "ann" } satisfies ExecRequest,
    reply: { pid: 125 },
  },
  resume: {
    open: { token: "0123456789abcdef0123456789abcdef", stdout: 3, stderr: 0 } satisfies ResumeRequest,
    reply: { stdin: 0, signals: 0 } satisfies ResumeReply,
  },
  listen: {
    open: { host: "localhost", port: 0, user: "ann" } satisfies ListenRequest,
    reply: { port: 40123 },
  },
  "listen at a socket": {
    open: { unix: true, name: "0123456789abcdef" } satisfies ListenRequest,
    reply: { path: "/run/banger/listen-0123456789abcdef/socket" },
  },
  accept: { open: { id: 7 }, reply: {} },
};

const known: Record<string, { open: object; reply: object }> = { ...identities, ...others };

describe("verbs", () => {
  test("each vector is written here in our types", () => {
    expect(vectors.verbs.map(({ name }) => name)).toEqual(Object.keys(known));
  });

  for (const { name, open, reply } of vectors.verbs) {
    test(name, () => {
      const { verb, ...request } = open;
      expect(verb).toBe(/^(identity|listen|exec)|.*/.exec(name)?.[1] ?? name);
      expect(request).toEqual({ ...known[name]?.open });
      expect(reply).toEqual({ ok: true, ...known[name]?.reply });
    });
  }

  test("events of listen", () => {
    const events = vectors.verbs.flatMap(({ event }) => (event ? [incomingOf({ ...event })] : []));
    expect(events).toEqual([
      { id: 7, address: "127.0.0.1", port: 40000 },
      { id: 8, address: "", port: 0 },
    ]);
  });
});
