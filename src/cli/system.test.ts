/** Transcripts of `system …`, on a host in a folder. */
import { expect, test } from "bun:test";
import * as fs from "node:fs";
import type { Api } from "../client/api.ts";
import { type ScratchOptions, scratchHost, treeOf, worldIn } from "../system/testing/scratch.ts";
import type { CliContext } from "./context.ts";
import { type CallOptions, cliWorlds } from "./testing/cli.ts";

const world = cliWorlds();

/** A command line on that host; `uid` is whose. */
async function on(root: string, line: string, options: ScratchOptions = {}, call: CallOptions = {}, more = {}) {
  const { cli } = await world();
  const change = (context: CliContext) =>
    void Object.assign(context, { systemWorld: async () => worldIn(root, options).world, ...more });
  return cli(line, { ...call, change });
}

test("install prints its steps, and what the owner's own daemon has", async () => {
  using host = scratchHost();
  const { code, stdout } = await on(host.root, "system install");
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^ 1\. make the folder .*\n[\s\S]*\ninstalled banger 1\.0\.0 as a service of anna; /),
  ]);
  const again = await on(host.root, "system install --json", { version: "1.1.0" });
  expect(JSON.parse(again.stdout)).toMatchObject({ owner: "anna", replaced: "1.0.0" });
});

test("install --dry-run prints the units, and changes nothing", async () => {
  using host = scratchHost();
  const before = treeOf(host.root);
  const { code, stdout } = await on(host.root, "system install --owner anna --dry-run", { uid: 1000 });
  expect([code, stdout]).toEqual([0, expect.stringContaining("\n  ExecStart=")]);
  expect(treeOf(host.root)).toEqual(before);
});

test.each(["install", "restart", "uninstall"])(
  "without root, %s says what to type and changes nothing",
  async (command) => {
    using host = scratchHost();
    const before = treeOf(host.root);
    const { code, stdout, stderr } = await on(host.root, `system ${command}`, { uid: 1000 });
    expect([code, stdout]).toEqual([5, ""]);
    expect(stderr).toMatch(
      new RegExp(`^error: .* needs root; nothing was changed\nhint: run \`sudo banger system ${command}`),
    );
    expect(treeOf(host.root)).toEqual(before);
  },
);

test("status exits with 1 when something is wrong, and 3 without an install", async () => {
  using host = scratchHost();
  expect((await on(host.root, "system status")).code).toBe(3);
  await on(host.root, "system install");
  const { code, stdout } = await on(host.root, "system status");
  expect([code, stdout]).toEqual([0, expect.stringContaining("bangerd.service:")]);
  const older = await on(host.root, "system status", { daemonVersion: async () => "0.9.0" });
  expect([older.code, older.stdout]).toEqual([1, expect.stringContaining("problem: the daemon does not answer")]);
});

test("restart shows both units", async () => {
  using host = scratchHost();
  await on(host.root, "system install");
  expect((await on(host.root, "system restart")).stdout).toBe(
    "bangerd-root.service is active (pid 7)\nbangerd.service is active (pid 7)\n",
  );
});

test("uninstall asks, naming the VMs that run, and stops them", async () => {
  using host = scratchHost();
  await on(host.root, "system install");
  const stopped: string[] = [];
  const api = {
    json: async () => [
      { name: "sandbox", state: "running" },
      { name: "old", state: "stopped" },
    ],
    work: async (_route: string, { name }: { name: string }) => stopped.push(name),
  } as unknown as Api;
  const service = { serviceOwner: "anna", api, runningApi: async () => api };
  const before = treeOf(host.root);
  const refused = await on(host.root, "system uninstall", {}, {}, service);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("will be stopped: sandbox")]);
  expect(refused.stderr).toContain("hint: add --yes to skip the question");
  const denied = await on(host.root, "system uninstall --purge", {}, { terminal: true, stdin: "n" }, service);
  expect([denied.code, denied.stderr]).toEqual([
    1,
    expect.stringContaining("its 2 VMs, and all images, will be deleted"),
  ]);
  expect([treeOf(host.root), stopped]).toEqual([before, []]);
  const { code, stdout } = await on(host.root, "system uninstall --yes", {}, {}, service);
  expect([code, stdout]).toEqual([0, expect.stringContaining("/usr/local/lib/banger\n")]);
  expect(stopped).toEqual(["sandbox"]);
  expect(fs.existsSync(`${host.root}/etc/banger`)).toBe(false);
});

test("adopt is for users of the service, and for those who had a daemon of their own", async () => {
  using host = scratchHost();
  expect((await on(host.root, "system adopt")).code).toBe(3);
  const without = await on(host.root, "system adopt", {}, {}, { serviceOwner: "anna" });
  expect([without.code, without.stderr]).toEqual([0, "you have no images of your own daemon\n"]);
  const own = { json: async (route: string) => (route === "listKernels" ? [] : [{ name: "tiny" }]) };
  const more = { serviceOwner: "anna", ownApi: async () => own, api: own };
  const { code, stdout } = await on(host.root, "system adopt", {}, {}, more);
  expect([code, stdout]).toEqual([0, "tiny was there already\n"]);
});

test("a service that was stopped, or does not run, is started by sudo, and not by the next command", async () => {
  const { cli } = await world();
  const asOwner = (more: object) => ({ change: (context: CliContext) => void Object.assign(context, more) });
  const stopped = await cli("daemon stop", asOwner({ serviceOwner: "anna" }));
  expect([stopped.code, stopped.stderr]).toEqual([0, "`sudo banger system restart` starts the service again\n"]);
  const down = await cli("daemon status", asOwner({ serviceOwner: "anna", runningApi: async () => null }));
  expect([down.code, down.stderr]).toEqual([6, expect.stringContaining("hint: `sudo banger system restart`")]);
});
