/** Transcripts of `ssh-config`, and what `vm ssh` hands to ssh. */
import { describe, expect, test } from "bun:test";
import type { CliContext, SshAccess } from "./context.ts";
import { cliWorlds } from "./testing/cli.ts";

const world = cliWorlds();

async function run(line: string, changed = true) {
  const { cli } = await world();
  const ssh: Partial<SshAccess> = {
    writeConfig: async () => ({ file: "/k/ssh_config", include: "Include ~/k/ssh_config" }),
    install: async () => changed,
    uninstall: async () => changed,
    userConfig: async () => "/h/.ssh/config",
  };
  return cli(line, { change: (context: CliContext) => void Object.assign(context, { sshAccess: async () => ssh }) });
}

test("prints the line to include, alone on stdout", async () => {
  expect(await run("ssh-config")).toMatchObject({ code: 0, stdout: "Include ~/k/ssh_config\n", stderr: "" });
  expect(JSON.parse((await run("ssh-config --json")).stdout)).toEqual({
    file: "/k/ssh_config",
    include: "Include ~/k/ssh_config",
  });
});

test.each([
  ["--install", true, "/h/.ssh/config includes /k/ssh_config: `ssh NAME.vm` reaches a VM\n"],
  ["--install", false, "/h/.ssh/config already includes /k/ssh_config: `ssh NAME.vm` reaches a VM\n"],
  ["--uninstall", true, "/h/.ssh/config is as it was\n"],
  ["--uninstall", false, "/h/.ssh/config has no lines of banger's\n"],
])("%s says what it did (changed: %p)", async (flag, changed, text) => {
  expect(await run(`ssh-config ${flag}`, changed)).toMatchObject({ code: 0, stdout: "", stderr: text });
});

test("one of the two at most", async () => {
  expect(await run("ssh-config --install --uninstall")).toMatchObject({ code: 2 });
});

describe("vm ssh", () => {
  async function handed(line: string): Promise<{ words: readonly string[] | null; code: unknown; stderr: string }> {
    const { cli } = await world();
    let words: readonly string[] | null = null;
    const connect = async (given: readonly string[]) => {
      words = given;
      return undefined as never;
    };
    const ran = await cli(line, {
      change: (context: CliContext) => void Object.assign(context, { sshAccess: async () => ({ connect }) }),
    });
    return { words, code: ran.code, stderr: ran.stderr };
  }

  test.each([
    ["vm ssh box", ["box.vm"]],
    ["vm ssh box -- ls -l", ["box.vm", "ls", "-l"]],
    ["vm ssh -u dev box -- -L 8080:localhost:80", ["-l", "dev", "box.vm", "-L", "8080:localhost:80"]],
    ["vm ssh box -- -- -odd", ["box.vm", "--", "-odd"]],
  ])("`%s`", async (line, words) => {
    expect((await handed(line)).words).toEqual(words);
  });

  test.each(["-oProxyCommand=x", "a.b", "a@b", "A"])("a name that is no VM's does not reach ssh: %p", async (name) => {
    const { words, code, stderr } = await handed(`vm ssh ${name}`);
    expect([words, code === 0, stderr]).toEqual([null, false, expect.stringContaining(name)]);
  });
});
