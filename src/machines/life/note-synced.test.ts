/** The record of what `file_sync` copied into a VM: what becomes of it over the VM's life, and what is saved of the VM. */
import { expect, test } from "bun:test";
import type { SavedMachine } from "../../images/save.ts";
import { depsOf, newHost, recorder, startDaemon } from "../testing/daemon.ts";

const { emit, signal } = recorder();
const start = { wait: "agent" } as const;

test("paths add up, and outlive the daemon", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  await machines.create({ name: "web", awaitsSync: true, ephemeral: false }, null, emit, signal);
  expect(machines.find("web")).toMatchObject({ syncedPaths: [], awaitsSync: true });
  machines.noteSynced("web", { paths: ["/root/.a", "/root/.b"] });
  expect(machines.noteSynced("web", { paths: ["/root/.b", "/home/u/.c"] })).toMatchObject({
    syncedPaths: ["/root/.a", "/root/.b", "/home/u/.c"],
    awaitsSync: true,
  });
  machines.noteSynced("web", { paths: [], isComplete: true });
  machines.release();
  const next = await startDaemon(host);
  expect(next.find("web")).toMatchObject({ syncedPaths: ["/root/.a", "/root/.b", "/home/u/.c"], awaitsSync: false });
  expect(() => next.noteSynced("none", { paths: [] })).toThrow('no VM is named "none"');
});

test("a VM has at most 1024", async () => {
  const machines = await startDaemon(newHost());
  await machines.create({ name: "web", ephemeral: false }, null, emit, signal);
  const paths = Array.from({ length: 1024 }, (_, at) => `/root/${at}`);
  machines.noteSynced("web", { paths });
  expect(() => machines.noteSynced("web", { paths: ["/root/1024"] })).toThrow("more than 1024");
  expect(machines.find("web").syncedPaths).toEqual(paths);
});

test("a fork has its parent's, as it has the files; a VM that starts from a template has none", async () => {
  const host = newHost();
  host.world.canSave = true;
  const machines = await startDaemon(host);
  await machines.create({ name: "web", ephemeral: false }, start, emit, signal);
  machines.noteSynced("web", { paths: ["/root/.a"], isComplete: true });
  await machines.snapshot("web", "s1", emit, signal);
  machines.noteSynced("web", { paths: ["/root/.later"] });
  const [child] = await machines.fork("web", { names: ["child"] }, emit, signal);
  expect(child?.syncedPaths).toEqual(["/root/.a", "/root/.later"]);
  await machines.restore("web", "s1", {}, emit, signal);
  expect(machines.find("web").syncedPaths).toEqual(["/root/.a", "/root/.later"]);
  const { vm } = await machines.create({ name: "other", ephemeral: false }, start, emit, signal);
  expect(vm).toMatchObject({ syncedPaths: [], awaitsSync: false });
});

test("a saved image is without them and says so; withSyncedFiles keeps them and warns", async () => {
  const host = newHost();
  const seen: SavedMachine[] = [];
  const { artifacts } = depsOf(host);
  const machines = await startDaemon(host, undefined, {
    artifacts: {
      ...artifacts,
      saveImage(saved, ...rest) {
        seen.push(saved);
        return artifacts.saveImage(saved, ...rest);
      },
    },
  });
  await machines.create({ name: "web", ephemeral: false }, start, emit, signal);
  machines.noteSynced("web", { paths: ["/root/.a", "/root/.b"] });
  await machines.stop("web", {}, emit);
  const notes: unknown[] = [];
  const note = (event: { kind: string }) => void (event.kind === "note" && notes.push(event));
  await machines.save("web", { image: "without" }, note, signal);
  await machines.save("web", { image: "with", withSyncedFiles: true }, note, signal);
  expect(seen.map(({ synced }) => synced)).toEqual([["/root/.a", "/root/.b"], []]);
  expect(notes).toEqual([
    { kind: "note", level: "info", text: "left out, as file_sync copied it into the VM: /root/.a, /root/.b" },
    {
      kind: "note",
      level: "warn",
      text: 'image "with" has what file_sync copied into the VM: who gets the image gets /root/.a, /root/.b',
    },
  ]);
});
