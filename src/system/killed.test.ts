/** An install or uninstall that gets SIGKILL between any two changes: the next one finishes it. */
import { expect, test } from "bun:test";
import { install } from "./install.ts";
import { makeBuild, scratchHost, treeOf, worldIn } from "./testing/scratch.ts";
import { uninstall } from "./uninstall.ts";

const request = { owner: undefined, dryRun: false };
const program = new URL("./testing/install-program.ts", import.meta.url).pathname;

type What = "install" | "uninstall";

async function run(root: string, what: What, last: number) {
  const child = Bun.spawn([process.execPath, program, root, what, "1.0.0", `${last}`], { stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return { signal: child.signalCode, stdout, stderr };
}

/** A host with that version, if any, and a build of 1.0.0. */
async function prepared(older: string | null) {
  const host = scratchHost();
  if (older !== null) {
    makeBuild(`${host.root}/build`, older);
    await install(worldIn(host.root, { version: older }).world, request);
    makeBuild(`${host.root}/build`, "1.0.0");
  }
  return host;
}

/** Kills one on a host of its own before each of its changes, and has `check` look at what is left. */
async function killAtEach(what: What, older: string | null, check: (root: string) => Promise<void>): Promise<void> {
  using whole = await prepared(older);
  const { signal, stdout, stderr } = await run(whole.root, what, 0);
  expect([signal, stderr]).toEqual([null, ""]);
  const changes = Number(stdout);
  expect(changes).toBeGreaterThan(8);
  const each = Array.from({ length: changes }, async (_, at) => {
    using host = await prepared(older);
    expect((await run(host.root, what, at + 1)).signal).toBe("SIGKILL");
    await check(host.root);
  });
  await Promise.all(each);
}

/** What a host is like, but for the scratch folder's name, which is in the units. */
function shapeOf(root: string): string[] {
  return treeOf(root).map((line) => (line.includes(".service ") ? line.replace(/ \d+$/, "") : line));
}

for (const older of [null, "0.9.0"]) {
  test(`an install${older ? ` over ${older}` : ""} is finished by the next, and all of it can be removed`, async () => {
    using fresh = scratchHost();
    using reference = await prepared(older);
    await install(worldIn(reference.root).world, request);
    await killAtEach("install", older, async (root) => {
      await install(worldIn(root).world, request);
      expect(shapeOf(root)).toEqual(shapeOf(reference.root));
      await uninstall(worldIn(root).world, { purge: false });
      expect(treeOf(root)).toEqual(treeOf(fresh.root));
    });
  }, 60_000);

  test(`after one${older ? ` over ${older}` : ""} that was killed, a failure still leads back to what was before`, async () => {
    using before = await prepared(older);
    await killAtEach("install", older, async (root) => {
      const daemonVersion = async () => "another";
      const error = await install(worldIn(root, { daemonVersion }).world, request).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ message: expect.stringContaining("everything was undone") });
      expect(shapeOf(root)).toEqual(shapeOf(before.root));
    });
  }, 60_000);
}

test("an uninstall is finished by the next", async () => {
  using fresh = scratchHost();
  await killAtEach("uninstall", "1.0.0", async (root) => {
    await uninstall(worldIn(root).world, { purge: false }).catch((error: { code?: string }) => {
      // it was killed after its last change
      expect(error.code).toBe("SYSTEM_NOT_INSTALLED");
    });
    expect(treeOf(root)).toEqual(treeOf(fresh.root));
  });
}, 60_000);
