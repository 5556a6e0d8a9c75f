/** What the shells' scripts get from `__complete`. */
import { expect, test } from "bun:test";
import type { CliContext } from "../context.ts";
import { cliWorlds } from "../testing/cli.ts";

const world = cliWorlds();
const complete = (line: string) => ["__complete", "--", ...line.split(" ")];

test("live names come with what they are, and those that are there already do not come again", async () => {
  const { cli } = await world();
  await cli("vm create --name box");
  await cli("vm create --name bar");
  const stdout = "bar\tstopped, debian-bookworm\nbox\tstopped, debian-bookworm\n";
  const sorted = (text: string) => `${text.trim().split("\n").toSorted().join("\n")}\n`;
  const first = await cli(complete("vm start "));
  expect({ ...first, stdout: sorted(first.stdout) }).toEqual({ code: 0, stdout, stderr: "" });
  expect((await cli(complete("vm start box "))).stdout).toBe("bar\tstopped, debian-bookworm\n");
  expect((await cli(complete("vm start bo"))).stdout).toBe("box\tstopped, debian-bookworm\n");
  expect((await cli(["__complete", "--new-word", "--", "vm", "start", "box"])).stdout).toStartWith("bar\t");
  expect((await cli(complete("vm run --image=deb"))).stdout).toStartWith("--image=debian-bookworm\t");
});

test("vm cp gets each VM with a colon, and paths here until there is one", async () => {
  const { cli } = await world();
  await cli("vm create --name box");
  expect((await cli(complete("vm cp b"))).stdout).toBe("box:\tstopped, debian-bookworm\n:files\n:nospace\n");
  expect((await cli(complete("vm cp ./x"))).stdout).toBe(":files\n");
  expect((await cli(complete("vm cp box:/et"))).stdout).toBe("");
});

test("without a daemon, or with one that fails, nothing is printed, and the exit code is 0", async () => {
  const { cli } = await world();
  const without = (runningApi: CliContext["runningApi"]) => ({
    change: (context: CliContext) => {
      const api = { json: async () => Promise.reject(new Error("it was started")) } as unknown as CliContext["api"];
      Object.assign(context, { api, runningApi });
    },
  });
  const nothing = { code: 0, stdout: "", stderr: "" };
  expect(
    await cli(
      complete("vm start "),
      without(async () => null),
    ),
  ).toEqual(nothing);
  expect(
    await cli(
      complete("vm start "),
      without(() => Promise.reject(new Error("untrusted"))),
    ),
  ).toEqual(nothing);
});

test("a hostile name is left out, and what a name is stays within its line", async () => {
  const { cli } = await world();
  const names = ["$(reboot)", "a b", "a;b", "`id`", "a\nb", "a\u001b[31mb", "'x'", "r.example/ok:v1"];
  const images = names.map((name) => ({ name, source: "x\n:files\u001b[2J" }));
  const api = { json: async () => images } as unknown as CliContext["api"];
  const change = (context: CliContext) => void Object.assign(context, { runningApi: async () => api });
  const { stdout } = await cli(complete("vm run --image "), { change });
  expect(stdout).toBe("r.example/ok:v1\tx :files\n");
});

test("each shell's script is printed, and asks only `__complete`", async () => {
  const { cli } = await world();
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const { code, stdout } = await cli(`completion ${shell}`);
    expect(code).toBe(0);
    expect(stdout).toContain("__complete");
    expect(stdout).not.toMatch(/\beval\b|Invoke-Expression|iex /);
  }
});
