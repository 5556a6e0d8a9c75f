/** A guest in memory for tests of `vm cp`: its answers to `get` and `put` are the test's. */
import { memoryPair } from "../../../host/testing/memory-pair.ts";
import { plainClient } from "../../../wire/agent/client.ts";
import type { ServedStream } from "../../../wire/agent/served.ts";
import { fakeAgent } from "../../../wire/agent/testing/fake.ts";
import type { Json } from "../../../wire/agent/types.ts";
import type { Guest } from "../into.ts";

export type FakeFiles = {
  /** by path: the tar stream that `get` sends; anything else is missing */
  files?: Record<string, Uint8Array>;
  /** by path: what `put` refuses with, such as `ENOENT`; anything else is a folder */
  refusals?: Record<string, string>;
  onPut?: (request: Json, tar: Uint8Array) => void;
};

const words: Record<string, string> = { ENOENT: "No such file or directory", ENOTDIR: "Not a directory" };

function refuse(served: ServedStream, path: string, errno: string): void {
  served.refuse("io", `${path}: ${errno}: ${words[errno] ?? "Some other error"} (os error 1)`);
}

/** The answers of such a guest, for `fakeAgent`. */
export function fakeVerbs({ files = {}, refusals = {}, onPut }: FakeFiles) {
  const get = async (served: ServedStream) => {
    const path = String(served.request["path"]);
    const tar = files[path];
    if (tar === undefined) return refuse(served, path, "ENOENT");
    const stream = served.accept();
    stream.closed.catch(() => {});
    await stream.write(1, tar);
    stream.eof(1);
    await stream.finish();
  };
  const put = (served: ServedStream) => {
    const path = String(served.request["path"]);
    const errno = refusals[path];
    if (errno !== undefined) return refuse(served, path, errno);
    const stream = served.accept();
    const chunks: Uint8Array[] = [];
    stream.closed.catch(() => {});
    stream.onData((_channel, data) => void chunks.push(new Uint8Array(data)));
    stream.onEof(() => {
      const tar = new Uint8Array(Buffer.concat(chunks));
      onPut?.(served.request, tar);
      stream.event({ event: "done", entries: 1, bytes: tar.length });
      void stream.finish();
    });
  };
  return { get: (served: ServedStream) => void get(served), put };
}

/** Runs `use` with such a guest, whose VM is named `box` and whose user is root. */
export async function withGuest<T>(files: FakeFiles, use: (guest: Guest) => Promise<T>): Promise<T> {
  const [ours, theirs] = memoryPair();
  fakeAgent(theirs, { plain: true, verbs: fakeVerbs(files) });
  const client = plainClient(ours, "box");
  try {
    return await use({ vm: "box", client, user: { uid: 0, gid: 0, home: "/root" } });
  } finally {
    client.destroy();
  }
}
