/** Transcripts of `ssh-config`. */
import { expect, test } from "bun:test";
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
