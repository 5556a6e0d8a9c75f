/** How files go into a guest: what the daemon is told first, whose they are, and what a guest may refuse. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tarEvents } from "../../formats/tar/events.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import type { WorkEvent } from "../../model/event.ts";
import type { FileSyncEntry } from "../../model/file-sync.ts";
import type { VmView } from "../../model/vm.ts";
import { workspaceTar } from "../../workspace/stream.ts";
import { type FakeFiles, withGuest } from "../copy/testing/fake-guest.ts";
import { planSync } from "./plan.ts";
import { sendSync } from "./send.ts";

let base: ReturnType<typeof tempFolder>;
beforeEach(() => {
  base = tempFolder("sync");
  fs.mkdirSync(`${base.path}/d`);
  fs.writeFileSync(`${base.path}/f`, "s3cret");
  fs.writeFileSync(`${base.path}/d/in`, "inner");
});
afterEach(() => base[Symbol.dispose]());

const entry = (guest: string, host = "~/f"): FileSyncEntry => ({ host, guest, mode: null, required: false });
const app = { uid: 1000, gid: 1001, home: "/home/app/" };
const root = { uid: 0, gid: 0, home: "/root" };

type Call = { paths: string[]; isComplete?: boolean };

/** Sends the entries to a guest in memory. @returns what happened, in order */
async function send(
  entries: FileSyncEntry[],
  { user = app, signal = new AbortController().signal, note = () => {}, ...files }: FakeFiles & Options = {},
) {
  const log: string[] = [];
  const tars: Uint8Array[] = [];
  const events: WorkEvent[] = [];
  const api = {
    json: async (route: string, { name, body }: { name: string; body: Call }) => {
      log.push(`${route} ${name} ${body.isComplete ? "complete" : body.paths.join(" ")}`);
      note(body);
      return {} as VmView;
    },
  } as never;
  const onPut: FakeFiles["onPut"] = ({ path, uid, gid, create }, tar) => {
    if (uid === undefined) return;
    tars.push(tar);
    log.push(`put ${path} ${uid}:${gid} ${create}`);
  };
  const plan = planSync(base.path, entries);
  const emit = (event: WorkEvent) => void events.push(event);
  try {
    const synced = await withGuest({ ...files, onPut }, (guest) =>
      sendSync({ api, workspaceTar }, { ...guest, user }, plan, emit, signal),
    );
    return { synced, log, events, entries: await Promise.all(tars.map(listed)) };
  } finally {
    plan.close();
  }
}
type Options = { user?: typeof app; signal?: AbortSignal; note?: (body: Call) => void };

async function listed(tar: Uint8Array): Promise<string[]> {
  const lines: string[] = [];
  for await (const event of tarEvents([tar] as never, { entries: 100, bytes: 1e6 }))
    if (event.kind === "entry") lines.push(`${event.entry.name} ${event.entry.mode.toString(8)}`);
  return lines;
}

test("the daemon knows the paths before a byte goes in; each file is its user's", async () => {
  const { log, entries, synced } = await send([entry("~/.x"), entry("/root/d", "~/d"), entry("~/y")]);
  expect(log).toEqual([
    "noteSyncedPaths box /home/app/.x /root/d /home/app/y",
    "put /home/app 1000:1001 true",
    "put /root 0:0 true",
    "noteSyncedPaths box complete",
  ]);
  expect(entries).toEqual([
    [".x 600", "y 600"],
    ["d 700", "d/in 600"],
  ]);
  expect(synced).toEqual({ entries: 4, bytes: 17 });
});

test("root's home by either name is one tar", async () => {
  const { log } = await send([entry("~/a"), entry("/root/b")], { user: root });
  expect(log.filter((line) => line.startsWith("put"))).toEqual(["put /root 0:0 true"]);
});

test("a home that is the root folder", async () => {
  const { log } = await send([entry("~/a")], { user: { ...app, home: "/" } });
  expect(log[1]).toBe("put / 1000:1001 true");
});

test("folders above an entry are made 0700 where the guest has none, and left as they are where it has them", async () => {
  const refusals = { "/root/.config/gh": "ENOENT", "/root/new": "ENOENT" };
  const entries = [entry("~/.config/gh/a"), entry("~/.config/gh/b"), entry("~/new/deep/c")];
  expect((await send(entries, { user: root, refusals })).entries).toEqual([
    [".config/gh 700", "new 700", "new/deep 700", ".config/gh/a 600", ".config/gh/b 600", "new/deep/c 600"],
  ]);
});

test("a home that can't be one is refused before anything", async () => {
  for (const home of ["/home/../etc", "/home/a\nb"])
    expect(send([entry("~/a")], { user: { ...app, home } })).rejects.toMatchObject({
      code: "SYNC_FAILED",
      message: expect.stringContaining("the guest names a home that can't be one"),
    });
});

test("nothing goes in when the daemon can't note it", async () => {
  const note = () => {
    throw new Error("no space");
  };
  let puts = 0;
  const sending = send([entry("~/a")], { note, onPut: () => puts++ });
  expect(sending).rejects.toThrow("no space");
  await sending.catch(() => {});
  expect(puts).toBe(0);
});

test("what the guest refuses is said, with the VM to try again", async () => {
  expect(send([entry("~/a")], { refusals: { "/home/app": "ENOSPC" } })).rejects.toMatchObject({
    code: "SYNC_FAILED",
    message: 'copying /home/app into VM "box" failed: /home/app: the disk is full',
    hint: expect.stringContaining("`banger vm sync box`"),
  });
});

test("a file that vanishes is said; progress counts bytes, and no event has content", async () => {
  const note = ({ isComplete }: Call) => void (isComplete || fs.rmSync(`${base.path}/d/in`));
  const { events } = await send([entry("~/d", "~/d"), entry("~/f")], { note });
  expect(events).toContainEqual({
    kind: "note",
    level: "warn",
    text: "file_sync left out d/in: it was removed or replaced while it was copied",
  });
  expect(events.at(-1)).toMatchObject({ kind: "progress", step: "sync", done: 6, total: 11 });
  expect(JSON.stringify(events)).not.toContain("s3cret");
});

test("an abort is its reason", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  expect(send([entry("~/a")], { signal })).rejects.toThrow("enough");
});
