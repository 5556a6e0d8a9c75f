import { expect, test } from "bun:test";
import { AsyncQueue } from "../base/async.ts";
import { monitors, type WatchDeps, watchHost } from "./watch.ts";

function watched() {
  const started: { program: string; output: AsyncQueue<Uint8Array> }[] = [];
  const changes: boolean[] = [];
  const ended: string[] = [];
  const folders: { onChange: () => void; isClosed: boolean }[] = [];
  const pauses: (() => void)[] = [];
  const deps: WatchDeps = {
    follow(argv, signal) {
      const output = new AsyncQueue<Uint8Array>();
      signal.addEventListener("abort", () => output.end());
      started.push({ program: argv.join(" "), output });
      return output;
    },
    watchFolder(_path, onChange) {
      const folder = { onChange, isClosed: false };
      folders.push(folder);
      return {
        close() {
          folder.isClosed = true;
        },
      };
    },
    pause: () => new Promise((resolve) => pauses.push(resolve)),
    changed: ({ isFirewalld }) => void changes.push(isFirewalld),
    ended: (argv, why) => void ended.push(`${argv.join(" ")}: ${why}`),
  };
  const stop = watchHost(deps);
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const elapse = async () => {
    for (const resolve of pauses.splice(0)) resolve();
    await settle();
  };
  return { started, changes, ended, folders, stop, settle, elapse };
}

test("each output of a monitor is a change; firewalld's are told apart", async () => {
  const { started, changes, settle } = watched();
  expect(started.map(({ program }) => program)).toEqual(monitors.map((argv) => argv.join(" ")));
  started[0]?.output.push(Buffer.from("delete table inet banger\n"));
  await settle();
  started[1]?.output.push(Buffer.from("Deleted 4: br-banger\n"));
  await settle();
  started[0]?.output.push(Buffer.from("add rule inet firewalld filter_INPUT accept\n"));
  await settle();
  expect(changes).toEqual([false, false, true]);
});

test("what happens before a monitor listens is looked for once it does", async () => {
  const { changes, elapse } = watched();
  await elapse();
  expect(changes).toEqual([true, true]);
});

test("a monitor that ends is started again, and what it missed is looked for", async () => {
  const { started, changes, ended, settle, elapse } = watched();
  await elapse();
  changes.splice(0);
  started[1]?.output.end(new Error("no such program"));
  await settle();
  expect(ended).toEqual(["ip monitor link address netconf: Error: no such program"]);
  await elapse();
  expect(started.map(({ program }) => program.split(" ")[0])).toEqual(["nft", "ip", "ip"]);
  await elapse();
  expect(changes).toEqual([true]);
});

test("resolved's folder is watched anew after each change: it may have been removed", () => {
  const { folders, changes } = watched();
  folders[0]?.onChange();
  expect(folders.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  expect(changes).toEqual([false]);
});

test("after the stop nothing runs and nothing is started", async () => {
  const { started, folders, ended, stop, settle, elapse } = watched();
  stop();
  await settle();
  await elapse();
  folders[0]?.onChange();
  expect([started.length, ended, folders.length]).toEqual([2, [], 1]);
});
