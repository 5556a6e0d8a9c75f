import { describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import type { ProcessRef } from "../../base/process.ts";
import { tempFolder } from "../testing/temp.ts";
import { isAlive, processRef, signalProcess, spawnDetached, spawnPiped } from "./children.ts";
import { waitForExit } from "./end.ts";

const sh = (script: string) => ["/bin/sh", "-c", script];

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("piped", () => {
  test("input, output, the end of stderr, exit code", async () => {
    const child = spawnPiped(sh("cat; echo last words >&2; exit 4"), { stdin: "pipe" });
    await child.stdin.write(Buffer.from("hello"));
    child.stdin.end();
    expect(await textOf(child.stdout)).toBe("hello");
    expect(await child.done).toEqual({ exitCode: 4, signal: null });
    expect(child.stderrTail()).toBe("last words\n");
  });

  test("stderr is bounded", async () => {
    const child = spawnPiped(sh("yes x | head -c 100000 >&2; echo end >&2"), { maxStderr: 8 });
    await child.done;
    expect(child.stderrTail()).toBe("x\nx\nend\n");
  });

  test("a reader that doesn't read blocks the writer, and nothing is lost", async () => {
    const child = spawnPiped(["head", "-c", "3000000", "/dev/zero"]);
    let bytes = 0;
    for await (const chunk of child.stdout) bytes += chunk.length;
    expect(bytes).toBe(3_000_000);
  });

  test("back-pressure on input: a write resolves only when the pipe has accepted it", async () => {
    const child = spawnPiped(["sleep", "20"], { stdin: "pipe" });
    let done = false;
    const writing = child.stdin.write(new Uint8Array(1_000_000)).then(
      () => {
        done = true;
      },
      () => {},
    );
    await new Promise(setImmediate);
    expect(done).toBe(false);
    child.kill("SIGKILL");
    expect(await child.done).toEqual({ exitCode: null, signal: "SIGKILL" });
    await writing;
  });

  test("a missing program rejects `done`", async () => {
    const child = spawnPiped(["banger-no-such-tool"]);
    await expect(child.done).rejects.toMatchObject({ code: "TOOL_MISSING" });
    await expect(textOf(child.stdout)).rejects.toMatchObject({ code: "TOOL_MISSING" });
  });

  test("aborted", async () => {
    const abort = new AbortController();
    const child = spawnPiped(["sleep", "20"], { signal: abort.signal });
    abort.abort();
    expect(await child.done).toEqual({ exitCode: null, signal: "SIGTERM" });
    expect(await spawnPiped(["sleep", "20"], { signal: abort.signal }).done).toMatchObject({ signal: "SIGTERM" });
  });
});

describe("detached", () => {
  test("own session, /dev/null as input, output appended to files of mode 0600, exact environment", async () => {
    using folder = tempFolder();
    const file = `${folder.path}/log`;
    fs.writeFileSync(file, "before\n", { mode: 0o600 });
    const options = { cwd: folder.path, env: { PATH: "/usr/bin:/bin", K: "V" }, stdoutFile: file, stderrFile: file };
    const script = 'readlink /proc/self/fd/0; pwd; env | grep -c . ; echo "$K"; echo err >&2; ps -o sid= -p $$';
    const { ref, exited } = await spawnDetached(sh(script), options);
    expect(await exited).toEqual({ exitCode: 0, signal: null });
    const lines = fs.readFileSync(file, "utf8").trim().split("\n");
    expect(lines.filter((line) => !/^\d+$/.test(line.trim()))).toEqual([
      "before",
      "/dev/null",
      folder.path,
      "V",
      "err",
    ]);
    expect(Number(lines.at(-1))).toBe(ref.pid);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(isAlive(ref)).toBe(false);
  });

  test("inherits none of our open files", async () => {
    using folder = tempFolder();
    const held = fs.openSync(`${folder.path}/held`, "w");
    const out = `${folder.path}/out`;
    const options = { cwd: "/", env: { PATH: "/usr/bin:/bin" }, stdoutFile: out, stderrFile: out };
    const { exited } = await spawnDetached(["ls", "-l", "/proc/self/fd"], options);
    await exited;
    fs.closeSync(held);
    const targets = fs.readFileSync(out, "utf8").match(/-> .*/g) ?? [];
    expect(targets.filter((line) => !/null|\/out$|\/proc\/\d+\/fd$/.test(line))).toEqual([]);
  });

  test("a missing program throws", async () => {
    using folder = tempFolder();
    const file = `${folder.path}/log`;
    const start = spawnDetached(["banger-no-such-tool"], { cwd: "/", env: {}, stdoutFile: file, stderrFile: file });
    await expect(start).rejects.toMatchObject({ code: "TOOL_MISSING" });
  });

  test("it outlives a parent that is killed, and is found again by pid and start time", async () => {
    using folder = tempFolder();
    const file = `${folder.path}/log`;
    const source = `
      import { spawnDetached } from ${JSON.stringify(new URL("./children.ts", import.meta.url).pathname)};
      const files = { stdoutFile: ${JSON.stringify(file)}, stderrFile: ${JSON.stringify(file)} };
      const { ref } = await spawnDetached(["sleep", "60"], { cwd: "/", env: { PATH: "/usr/bin:/bin" }, ...files });
      console.log(JSON.stringify(ref));
      process.kill(process.pid, "SIGKILL");`;
    const parent = spawnPiped([process.execPath, "-e", source]);
    const ref = JSON.parse(await textOf(parent.stdout));
    expect(await parent.done).toMatchObject({ signal: "SIGKILL" });
    expect(isAlive(ref)).toBe(true);
    expect(processRef(ref.pid)).toEqual(ref);
    let over = false;
    const ended = waitForExit(ref).then(() => {
      over = true;
    });
    await new Promise(setImmediate);
    expect(over).toBe(false);
    expect(signalProcess({ ...ref, startTicks: ref.startTicks - 1 }, "SIGKILL")).toBe(false);
    // the same pid and start time in another boot of the host
    const earlier = { ...ref, boot: crypto.randomUUID() };
    expect(isAlive(earlier)).toBe(false);
    expect(signalProcess(earlier, "SIGKILL")).toBe(false);
    await waitForExit(earlier);
    // of a version that did not note the boot
    const { boot: _, ...unmarked } = ref;
    expect(isAlive(unmarked)).toBe(true);
    expect(signalProcess(ref, "SIGKILL")).toBe(true);
    await ended;
    expect(isAlive(ref)).toBe(false);
    expect(signalProcess(ref, "SIGKILL")).toBe(false);
  });
});

describe("waitForExit", () => {
  test("at once for a process that has ended, or whose pid was reused", async () => {
    await waitForExit({ pid: 2 ** 22 - 1, startTicks: 1 });
    await waitForExit({ pid: process.pid, startTicks: 1 });
  });

  test("resolves soon after the end, and leaks no descriptor", async () => {
    const open = () => fs.readdirSync("/proc/self/fd").length;
    const child = spawnPiped(["sleep", "60"]);
    const ref = processRef(child.pid);
    if (!ref) throw new Error("no such process");
    const before = open();
    const ended = waitForExit(ref);
    child.kill("SIGKILL");
    const started = performance.now();
    await ended;
    // by the event, not by the check every 250 ms
    expect(performance.now() - started).toBeLessThan(200);
    await child.done;
    expect(open()).toBeLessThanOrEqual(before);
  });
});

test("a process whose first thread has ended is alive until the others have", async () => {
  // the system call exit(2) ends only the calling thread; the runtime has others
  const program = `
    import { dlopen, FFIType } from "bun:ffi";
    const { syscall } = dlopen("libc.so.6", { syscall: { args: [FFIType.i64, FFIType.i32], returns: FFIType.i64 } }).symbols;
    const worker = new Worker("data:text/javascript,setInterval(() => {}, 1e6); postMessage(1)");
    worker.onmessage = () => {
      process.stdout.write("ready");
      setTimeout(() => syscall(60n, 0), 0);
    };`;
  const child = spawnPiped([process.execPath, "-e", program], {});
  const ref = processRef(child.pid) as ProcessRef;
  for await (const _ of child.stdout) break;
  while (!/\nState:\tZ/.test(fs.readFileSync(`/proc/${child.pid}/status`, "utf8"))) await new Promise(setImmediate);
  expect(isAlive(ref)).toBe(true);
  const ended = waitForExit(ref);
  expect(await Promise.race([ended.then(() => "ended"), new Promise(setImmediate).then(() => "alive")])).toBe("alive");
  expect(signalProcess(ref, "SIGKILL")).toBe(true);
  await ended;
  expect(isAlive(ref)).toBe(false);
});
