/** Requests with any bytes and of any size, as sent and as received. */
import { describe, expect, test } from "bun:test";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "./client.ts";
import { encodeJson } from "./json.ts";
import { relayAgent } from "./relay.ts";
import { data, delivered, eof, RawPeer } from "./testing/raw.ts";
import { FrameType, initialCredit, type Json, maxPayload } from "./types.ts";

const { Open, Reply, Credit, Close } = FrameType;

/** client — relay — guest; the test plays the guest, which returns no credit on its own */
function relayed(onOpen?: (verb: string, request: Json) => Json) {
  const [clientConnection, relayConnection] = memoryPair();
  const [upstreamConnection, guestConnection] = memoryPair();
  const options = { allow: ["exec"], ...(onOpen ? { onOpen } : {}) };
  void relayAgent(relayConnection, plainClient(upstreamConnection), options);
  return { clientConnection, client: () => plainClient(clientConnection), guest: new RawPeer(guestConnection) };
}

describe("bytes that are not UTF-8", () => {
  const cases: [what: string, text: string, json: string][] = [
    ["a byte", "a\udcffb", '"a\\u0000ffb"'],
    ["two in a row", "\udcc3\udc80", '"\\u0000c3\\u000080"'],
    ["a backslash before one", "\\\udcff", '"\\\\\\u0000ff"'],
    ["text that looks like an escape", "\\udcff", '"\\\\udcff"'],
    ["a quote and a newline", '"\n\udc80"', '"\\"\\n\\u000080\\""'],
    ["a character of two surrogates", "\u{1f480}", '"\u{1f480}"'],
  ];
  for (const [what, text, json] of cases) {
    test(what, () => {
      expect(Buffer.from(encodeJson({ argv: [text] })).toString()).toBe(`{"argv":[${json}]}`);
    });
  }

  test("also in names of variables", () => {
    expect(Buffer.from(encodeJson({ env: { "N\udcfe": "1" } })).toString()).toBe('{"env":{"N\\u0000fe":"1"}}');
  });

  test("a relay forwards them", async () => {
    const { client, guest } = relayed();
    void client()
      .open("exec", { argv: ["a\udcffb"], cwd: "/\udce9" })
      .catch(() => {});
    expect(Buffer.from((await guest.next(Open)).payload).toString()).toBe(
      '{"verb":"exec","argv":["a\\u0000ffb"],"cwd":"/\\u0000e9"}',
    );
  });
});

describe("requests larger than a frame", () => {
  const large = { argv: ["x".repeat(100_000)] };
  const size = encodeJson(large).length;

  async function bodyOf(guest: RawPeer, length: number): Promise<string> {
    const parts: Uint8Array[] = [];
    for (let got = 0; got < length; ) {
      const { payload } = await guest.next(data(0));
      parts.push(payload.slice());
      got += payload.length;
    }
    return Buffer.concat(parts).toString();
  }

  test("the largest request that fits in a frame has no body", async () => {
    const { client, guest } = relayed();
    const fits = maxPayload - encodeJson({ verb: "exec", argv: [""] }).length;
    void client()
      .open("exec", { argv: ["x".repeat(fits)] })
      .catch(() => {});
    expect((await guest.next(Open)).payload.length).toBe(maxPayload);
  });

  test("a body follows OPEN, before stdin, through a relay that sees the whole request", async () => {
    const seen: Json[] = [];
    const { client, guest } = relayed((_, request) => {
      seen.push(request);
      return { ...request, user: "root" };
    });
    const opening = client().open("exec", large);
    const open = await guest.next(Open);
    const changed = { ...large, user: "root" };
    const length = encodeJson(changed).length;
    expect(JSON.parse(Buffer.from(open.payload).toString())).toEqual({ verb: "exec", body: length });
    expect(JSON.parse(await bodyOf(guest, length))).toEqual(changed);
    expect(seen).toEqual([large]);
    guest.send(Reply, open.stream, { ok: true, pid: 7 });
    const stream = await opening;
    await stream.write(0, Buffer.from("stdin"));
    expect(Buffer.from((await guest.next(data(0))).payload).toString()).toBe("stdin");
  });

  test("a body larger than the window is sent as credit is returned, before the reply", async () => {
    const [connection, guestConnection] = memoryPair();
    const guest = new RawPeer(guestConnection);
    const body = { argv: ["y".repeat(2 * initialCredit)] };
    const length = encodeJson(body).length;
    const opening = plainClient(connection).open("exec", body);
    const { stream } = await guest.next(Open);
    for (let got = 0; got < length; ) {
      const { payload } = await guest.next(data(0));
      got += payload.length;
      const credit = Buffer.alloc(5);
      credit.writeUInt32LE(payload.length, 1);
      guest.send(Credit, stream, credit);
    }
    guest.send(Reply, stream, { ok: true });
    await opening;
  });

  test("a body that is not JSON, or does not end with a frame, ends the client's connection", async () => {
    for (const [said, sent] of [
      [2, "[]"],
      [4, "{}{}"],
      [1, "{}"],
    ] as const) {
      const { clientConnection } = relayed();
      const client = new RawPeer(clientConnection);
      client.send(Open, 1, { verb: "exec", body: said });
      client.send(data(0), 1, Buffer.from(sent));
      await client.closed;
    }
  });

  test("invalid sizes, and sizes over 16 MiB, end the client's connection", async () => {
    for (const body of [0, -1, 1.5, "9", null, 16 * 1024 * 1024 + 1]) {
      const { clientConnection } = relayed();
      const client = new RawPeer(clientConnection);
      client.send(Open, 1, { verb: "exec", body });
      await client.closed;
    }
  });

  test("a client that closes before its body is complete leaves nothing, and the connection continues", async () => {
    const { clientConnection, guest } = relayed();
    const client = new RawPeer(clientConnection);
    client.send(Open, 1, { verb: "exec", body: 100 });
    client.send(data(0), 1, Buffer.from("{"));
    client.send(Close, 1, new Uint8Array());
    await client.next(Close);
    client.send(data(0), 1, Buffer.from("}"));
    client.send(Open, 3, { verb: "exec", argv: ["x"] });
    expect(JSON.parse(Buffer.from((await guest.next(Open)).payload).toString())).toEqual({ verb: "exec", argv: ["x"] });
    client.send(eof(0), 3, new Uint8Array());
    await delivered();
  });

  test("a guest's request is refused before its body, which is not buffered", async () => {
    const [connection, guestConnection] = memoryPair();
    const guest = new RawPeer(guestConnection);
    const client = plainClient(connection);
    guest.send(Open, 2, { verb: "exec", body: 16 * 1024 * 1024 });
    expect(await guest.nextJson(Reply)).toMatchObject({ ok: false, error: { code: "unsupported" } });
    guest.send(data(0), 2, new Uint8Array(maxPayload));
    await delivered();
    expect(guest.seen).toEqual([]);
    client.destroy();
  });

  test("a request over the limit of agents is refused by the client", async () => {
    const [connection] = memoryPair();
    await expect(plainClient(connection).open("exec", { argv: ["x".repeat(17 * 1024 * 1024)] })).rejects.toMatchObject({
      code: "AGENT_REFUSED",
      details: { code: "limit" },
    });
    expect(size).toBeGreaterThan(maxPayload);
  });
});
