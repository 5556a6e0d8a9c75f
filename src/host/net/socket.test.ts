import { describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { spawnPiped } from "../process/children.ts";
import { tempFolder } from "../testing/temp.ts";
import { connectUnix, listenUnix, type Peer } from "./socket.ts";
import { maxSocketPath } from "./socket-path.ts";
import { connectUnixFast } from "./unix-connection.ts";

async function connected(path: string, mode = 0o600, connect = connectUnix) {
  const accepted = new Deferred<{ stream: ByteStream; peer: Peer }>();
  const listener = await listenUnix(path, { mode }, (stream, peer) => accepted.resolve({ stream, peer }));
  const client = await connect(path);
  const { stream: server, peer } = await accepted.promise;
  return { listener, client, server, peer };
}

/** Everything up to the end, and then how it closed. */
function read(stream: ByteStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  const ended = new Deferred<string>();
  stream.onData((chunk) => void chunks.push(chunk));
  stream.onEnd(() => ended.resolve(Buffer.concat(chunks).toString()));
  stream.onClose(() => ended.resolve(`${Buffer.concat(chunks)} (closed)`));
  return ended.promise;
}

describe.each([
  ["connectUnix", connectUnix],
  ["connectUnixFast", connectUnixFast],
])("streams of %s", (_, connect) => {
  test("both directions, half close, close", async () => {
    using folder = tempFolder();
    const { listener, client, server } = await connected(`${folder.path}/s`, 0o600, connect);
    client.write(Buffer.from("ping"));
    client.end();
    expect(await read(server)).toBe("ping");
    server.write(Buffer.from("pong"));
    server.end();
    expect(await read(client)).toBe("pong");
    await listener.close();
  });

  test("data before the first listener is kept, and so is a close", async () => {
    using folder = tempFolder();
    const { listener, client, server } = await connected(`${folder.path}/s`, 0o600, connect);
    server.write(Buffer.from("early"));
    server.end();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(await read(client)).toBe("early");
    client.destroy();
    await new Promise(setImmediate);
    const closed = new Deferred<void>();
    client.onClose(() => closed.resolve());
    await closed.promise;
    await listener.close();
  });

  test("a writer is told to wait while the peer does not read, and continues when it does", async () => {
    using folder = tempFolder();
    const { listener, client, server } = await connected(`${folder.path}/s`, 0o600, connect);
    const chunk = new Uint8Array(256 * 1024);
    let sent = 0;
    while (client.write(chunk)) sent += chunk.length;
    sent += chunk.length;
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    let got = 0;
    const all = new Deferred<void>();
    server.onData((bytes) => {
      got += bytes.length;
      if (got === sent) all.resolve();
    });
    await client.drained();
    await all.promise;
    await listener.close();
  });

  test("paused, nothing is delivered", async () => {
    using folder = tempFolder();
    const { listener, client, server } = await connected(`${folder.path}/s`, 0o600, connect);
    let got = 0;
    const first = new Deferred<void>();
    const second = new Deferred<void>();
    server.onData((bytes) => {
      got += bytes.length;
      server.pause();
      (got === 1 ? first : second).resolve();
    });
    client.write(Uint8Array.of(1));
    await first.promise;
    client.write(Uint8Array.of(2));
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect(got).toBe(1);
    server.resume();
    await second.promise;
    expect(got).toBe(2);
    await listener.close();
  });

  test("writes after the peer has gone don't throw, and waiting for room ends", async () => {
    using folder = tempFolder();
    const { listener, client, server } = await connected(`${folder.path}/s`, 0o600, connect);
    const closed = new Deferred<void>();
    client.onData(() => {});
    client.onClose(() => closed.resolve());
    while (client.write(new Uint8Array(65_536))) {}
    const waiting = client.drained();
    server.destroy();
    await waiting;
    await closed.promise;
    expect(client.write(Uint8Array.of(1))).toBe(true);
    client.end();
    client.destroy();
    await listener.close();
  });

  test("everything written arrives before the half-close, however slow the reader", async () => {
    using folder = tempFolder();
    const { listener, client, server } = await connected(`${folder.path}/s`, 0o600, connect);
    const chunks = Array.from({ length: 40 }, (_, at) => new Uint8Array(100_000).fill(at));
    for (const chunk of chunks) client.write(chunk);
    client.end();
    const got: Uint8Array[] = [];
    const ended = new Deferred<void>();
    server.onEnd(ended.resolve);
    server.onData((bytes) => {
      got.push(bytes.slice());
      server.pause();
      setImmediate(() => server.resume());
    });
    await ended.promise;
    expect(Buffer.concat(got).equals(Buffer.concat(chunks))).toBe(true);
    await listener.close();
  });

  test("what the peer sent before it left is read, then its end, then the close", async () => {
    using folder = tempFolder();
    const { listener, client, server } = await connected(`${folder.path}/s`, 0o600, connect);
    server.onData(() => {});
    server.onEnd(() => server.end());
    server.write(Buffer.from("last words"));
    server.end();
    const said: string[] = [];
    const closed = new Deferred<Error | undefined>();
    client.onEnd(() => {
      said.push("end");
      client.end();
    });
    client.onClose((error) => closed.resolve(error));
    client.onData((bytes) => void said.push(Buffer.from(bytes).toString()));
    expect(await closed.promise).toBeUndefined();
    expect(said).toEqual(["last words", "end"]);
    await listener.close();
  });

  test("destroyed with a reason, it closes with that", async () => {
    using folder = tempFolder();
    const { listener, client, server } = await connected(`${folder.path}/s`, 0o600, connect);
    const [ours, theirs] = [new Deferred<Error | undefined>(), new Deferred<void>()];
    client.onClose((error) => ours.resolve(error));
    server.onData(() => {});
    server.onEnd(() => server.destroy());
    server.onClose(() => theirs.resolve());
    client.destroy(new Error("enough"));
    client.destroy(new Error("again"));
    expect((await ours.promise)?.message).toBe("enough");
    await theirs.promise;
    await listener.close();
  });

  test("no listener, and a path too long for a socket", async () => {
    using folder = tempFolder();
    await expect(connect(`${folder.path}/none`)).rejects.toMatchObject({ code: "ENOENT" });
    fs.writeFileSync(`${folder.path}/plain`, "");
    await expect(connect(`${folder.path}/plain`)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const long = `/tmp/${"x".repeat(maxSocketPath)}`;
    await expect(connect(long)).rejects.toMatchObject({ code: "PATH_TOO_LONG" });
  });
});

describe("listening", () => {
  test("mode and peer credentials", async () => {
    using folder = tempFolder();
    const path = `${folder.path}/s`;
    const { listener, peer } = await connected(path, 0o660);
    expect(fs.statSync(path).mode & 0o777).toBe(0o660);
    expect(peer).toEqual({ pid: process.pid, uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 });
    await listener.close();
    expect(fs.existsSync(path)).toBe(false);
  });

  test("other files created meanwhile have their normal modes", async () => {
    using folder = tempFolder();
    const before = process.umask();
    const seen = new Set<number>();
    let isListening = true;
    const watching = (async () => {
      while (isListening) {
        seen.add(process.umask());
        await new Promise(setImmediate);
      }
    })();
    const all = Array.from({ length: 8 }, (_, at) => listenUnix(`${folder.path}/${at}`, { mode: 0o600 }, () => {}));
    const listeners = await Promise.all(all);
    isListening = false;
    await watching;
    expect([...seen, process.umask()]).toEqual([before, before]);
    await Promise.all(listeners.map((listener) => listener.close()));
  });

  test("another process is identified by its own pid", async () => {
    using folder = tempFolder();
    const path = `${folder.path}/s`;
    const peer = new Deferred<Peer>();
    const listener = await listenUnix(path, { mode: 0o600 }, (stream, who) => {
      peer.resolve(who);
      stream.destroy();
    });
    const source = `require("node:net").connect(${JSON.stringify(path)}).on("close", () => process.exit())`;
    const other = spawnPiped([process.execPath, "-e", source]);
    expect((await peer.promise).pid).toBe(other.pid);
    await other.done;
    await listener.close();
  });

  test.each([
    ["connectUnix", connectUnix],
    ["connectUnixFast", connectUnixFast],
  ])("%s is told who listens, and goes no further when that throws", async (_, connect) => {
    using folder = tempFolder();
    const path = `${folder.path}/s`;
    const ended = new Deferred<string>();
    const listener = await listenUnix(path, { mode: 0o600 }, (stream) => void read(stream).then(ended.resolve));
    const found: (Peer | null)[] = [];
    const connecting = connect(path, undefined, (who) => {
      found.push(who);
      throw new Error("not that one");
    });
    await expect(connecting).rejects.toThrow("not that one");
    expect(found).toMatchObject([{ pid: process.pid, uid: process.getuid?.() }]);
    expect(await ended.promise).toMatch(/^( \(closed\))?$/);
    await listener.close();
  });

  test("a stale socket is replaced, a live one or a regular file is not", async () => {
    using folder = tempFolder();
    const path = `${folder.path}/s`;
    const source = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    await spawnPiped([process.execPath, "-e", source]).done;
    expect(fs.lstatSync(path).isSocket()).toBe(true);
    const listener = await listenUnix(path, { mode: 0o600 }, () => {});
    const second = listenUnix(path, { mode: 0o600 }, () => {});
    await expect(second).rejects.toMatchObject({ code: "EADDRINUSE" });
    await connectUnix(path);
    await listener.close();
    fs.writeFileSync(path, "precious");
    await expect(listenUnix(path, { mode: 0o600 }, () => {})).rejects.toThrow();
    expect(fs.readFileSync(path, "utf8")).toBe("precious");
  });

  test("a path too long for a socket is refused by name", async () => {
    const path = `/tmp/${"x".repeat(maxSocketPath)}`;
    await expect(listenUnix(path, { mode: 0o600 }, () => {})).rejects.toMatchObject({ code: "PATH_TOO_LONG" });
  });

  test("connections outlive their listener", async () => {
    using folder = tempFolder();
    const { listener, client, server } = await connected(`${folder.path}/s`);
    await listener.close();
    client.write(Buffer.from("still"));
    client.end();
    expect(await read(server)).toBe("still");
    server.destroy();
  });
});
