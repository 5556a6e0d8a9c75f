/** Things that are hard to remove and that an ordinary process can leave. */
import * as fs from "node:fs";
import net from "node:net";

/** Files of every kind, with names of every kind, in a new folder. */
export async function makeEveryKind(folder: string): Promise<void> {
  fs.mkdirSync(`${folder}/a/b`, { recursive: true });
  fs.writeFileSync(`${folder}/a/b/file`, "");
  fs.writeFileSync(`${folder}/mode-0`, "", { mode: 0 });
  fs.writeFileSync(`${folder}/-rf`, "");
  fs.writeFileSync(`${folder}/new\nline`, "");
  const raw = Buffer.concat([Buffer.from(`${folder}/a/`), Buffer.from([0xff, 0xfe, 0x80])]);
  fs.mkdirSync(raw);
  fs.writeFileSync(Buffer.concat([raw, Buffer.from([0x2f, 0xc3])]), "");
  fs.symlinkSync("/nonexistent", `${folder}/a/dangling`);
  run(["mkfifo", `${folder}/fifo`]);
  const server = net.createServer().listen(`${folder}/a/socket`);
  await new Promise((resolve) => server.once("listening", resolve));
  // closing it would remove its file
  fs.renameSync(`${folder}/a/socket`, `${folder}/a/stale.sock`);
  server.close();
}

/** Nested folders with names of 200 bytes. */
export function makeDeepTree(folder: string, levels: number): void {
  const step =
    'd=$(printf %0200d 0); i=0; while [ $i -lt "$2" ]; do mkdir "$d" && cd -P "./$d" || exit 1; i=$((i+1)); done; : > file';
  fs.mkdirSync(folder);
  run(["sh", "-c", `cd -P "$1" && ${step}`, "sh", folder, String(levels)]);
}

/** Nested folders whose modes keep their owner out. */
export function makeLocked(folder: string): void {
  fs.mkdirSync(`${folder}/none/none/none`, { recursive: true });
  fs.mkdirSync(`${folder}/read-only/inside`, { recursive: true });
  fs.mkdirSync(`${folder}/no-search`);
  for (const path of ["none/none/none/f", "none/f", "read-only/f", "read-only/inside/f", "no-search/f"])
    fs.writeFileSync(`${folder}/${path}`, "", { mode: 0 });
  for (const path of ["none/none/none", "none/none", "none"]) fs.chmodSync(`${folder}/${path}`, 0);
  for (const path of ["read-only/inside", "read-only"]) fs.chmodSync(`${folder}/${path}`, 0o500);
  fs.chmodSync(`${folder}/no-search`, 0o600);
}

function run(argv: string[]): void {
  const done = Bun.spawnSync(argv, { stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${done.stderr.toString()}`);
}
