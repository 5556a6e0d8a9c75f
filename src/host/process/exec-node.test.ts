import { describe, expect, test } from "bun:test";
import { fakeExec } from "../testing/exec.ts";
import { tempFolder } from "../testing/temp.ts";
import { createExec, minimalEnvironment } from "./exec-node.ts";

const exec = createExec({ PATH: "/usr/bin:/bin", HOME: "/h", AWS_SECRET_ACCESS_KEY: "s", http_proxy: "http://u:p@x" });
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const sh = (script: string) => ["/bin/sh", "-c", script];

describe("createExec", () => {
  test("argv is passed unchanged, streams are separate, any exit code is a result", async () => {
    const out = await exec(["printf", "%s|", "a b", "$HOME", "*", ""]);
    expect(text(out.stdout)).toBe("a b|$HOME|*||");
    const result = await exec(sh("echo out; echo err >&2; exit 3"));
    expect(result).toMatchObject({ exitCode: 3, signal: null });
    expect([text(result.stdout), text(result.stderr)]).toEqual(["out\n", "err\n"]);
  });

  test("the environment is minimal", async () => {
    const { stdout } = await exec(["env"], { env: { EXTRA: "1" } });
    expect(text(stdout).trim().split("\n").sort()).toEqual([
      "EXTRA=1",
      "HOME=/h",
      "LANG=C.UTF-8",
      "LC_ALL=C.UTF-8",
      "PATH=/usr/bin:/bin:/usr/sbin:/sbin",
    ]);
    expect(minimalEnvironment({})).toMatchObject({ PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" });
  });

  test("input is written completely; a program that doesn't read it is not a failure", async () => {
    const input = "x".repeat(1_000_000);
    expect((await exec(["wc", "-c"], { input })).stdout.toString().trim()).toBe("1000000");
    expect((await exec(["true"], { input })).exitCode).toBe(0);
  });

  test("death by a signal is reported", async () => {
    expect(await exec(sh("kill -9 $$"))).toMatchObject({ exitCode: null, signal: "SIGKILL" });
  });

  test("a missing program is TOOL_MISSING, a missing folder is reported as one", async () => {
    await expect(exec(["banger-no-such-tool"])).rejects.toMatchObject({ code: "TOOL_MISSING" });
    const missing = exec(["true"], { cwd: "/no/such/folder" });
    await expect(missing).rejects.toMatchObject({
      code: "TOOL_FAILED",
      details: { said: "there is no folder /no/such/folder" },
    });
  });

  test("a timeout; a grandchild that keeps the pipes open does not delay it", async () => {
    const started = performance.now();
    const slow = exec(sh("sleep 20 & wait"), { timeoutMs: 50 });
    await expect(slow).rejects.toMatchObject({ code: "TOOL_FAILED", details: { status: "a timeout after 0.05 s" } });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("too much output", async () => {
    const loud = exec(["head", "-c", "100000", "/dev/zero"], { maxBytes: 99_999 });
    await expect(loud).rejects.toMatchObject({ code: "TOOL_FAILED", details: { status: "more output than allowed" } });
    expect((await exec(["head", "-c", "100000", "/dev/zero"], { maxBytes: 100_000 })).stdout.length).toBe(100_000);
  });

  test("an abort ends it with the signal's reason", async () => {
    const abort = new AbortController();
    setImmediate(() => abort.abort(new Error("enough")));
    await expect(exec(["sleep", "20"], { signal: abort.signal })).rejects.toThrow("enough");
    await expect(exec(["true"], { signal: abort.signal })).rejects.toThrow("enough");
  });

  test("cwd", async () => {
    using folder = tempFolder();
    expect(text((await exec(["pwd"], { cwd: folder.path })).stdout)).toBe(`${folder.path}\n`);
  });
});

describe("fakeExec", () => {
  test("answers by command line, records calls, rejects unknown ones", async () => {
    const fake = fakeExec({ "ip link": { stdout: "lo" }, cat: ({ input }) => ({ exitCode: 1, stderr: `${input}` }) });
    expect(text((await fake(["ip", "link"])).stdout)).toBe("lo");
    expect(await fake(["cat"], { input: "in" })).toMatchObject({ exitCode: 1, stderr: Buffer.from("in") });
    await expect(fake(["rm", "-rf"])).rejects.toThrow("no answer for: rm -rf");
    expect(fake.calls).toEqual(["ip link", "cat", "rm -rf"]);
  });
});
