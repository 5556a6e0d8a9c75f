/** Files in place of the boot socket before the start: they are removed, and links are not followed. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import net from "node:net";
import { exists } from "../../host/files/files.ts";
import { makeTempFolder } from "../testing/temp.ts";
import { startQemu } from "./boot.ts";
import { qemuPaths } from "./paths.ts";

const folders = makeTempFolder("boot");
afterAll(() => folders.remove());
let count = 0;

/** A monitor that sends its greeting and whose process runs until the test ends it. */
const monitor = (socket: string) => [
  process.execPath,
  "-e",
  `const greeting = '{"QMP":{"version":{"qemu":{"major":8,"minor":2,"micro":0}},"capabilities":[]}}\\n';
   const connection = require("node:net").connect(${JSON.stringify(socket)}, () => connection.write(greeting));
   connection.on("data", (data) => { for (const text of String(data).trim().split("\\n")) connection.write(JSON.stringify({ return: {}, id: JSON.parse(text).id }) + "\\n"); });`,
];

type Planted = { path: string; victim: string };

test.each<[string, (at: Planted) => void | Promise<void>]>([
  ["a file", ({ path }) => writeFileSync(path, "planted")],
  ["a folder that is not empty", ({ path }) => void mkdirSync(`${path}/below`, { recursive: true })],
  ["a link to a file", ({ path, victim }) => symlinkSync(victim, path)],
  ["a link to nothing", ({ path, victim }) => symlinkSync(`${victim}-none`, path)],
  ["somebody's socket", ({ path }) => listening(path)],
])("%s in place of boot.sock is removed, and the connection is to QEMU", async (_, plant) => {
  const directory = await folders.make(String(count++));
  const paths = qemuPaths(directory);
  const victim = `${directory}/victim`;
  writeFileSync(victim, "untouched");
  await plant({ path: paths.boot, victim });
  const started = await startQemu({ argv: monitor(paths.boot), ...paths }, AbortSignal.timeout(30_000));
  try {
    expect(readFileSync(victim, "utf8")).toBe("untouched");
    expect(await exists(`${victim}-none`)).toBe(false);
    expect(await exists(paths.boot)).toBe(false);
  } finally {
    started.qmp.close();
    process.kill(started.process.pid, "SIGKILL");
    await started.exited;
  }
});

const servers: net.Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

function listening(path: string): Promise<void> {
  const server = net.createServer((connection) => connection.destroy());
  servers.push(server);
  return new Promise((resolve) => server.listen(path, resolve));
}
