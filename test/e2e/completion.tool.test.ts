/** Completion in real shells on a terminal, with a daemon that has names. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CliWorld, cliWorld } from "../../src/cli/testing/cli.ts";
import { gatedTest } from "../../src/host/testing/gate.ts";
import { Home, repository } from "./home.ts";
import { onTerminal } from "./pty.ts";

let home: Home;
let world: CliWorld;

/** Completes as banger does, or proposes what HOSTILE is; any other command line is only printed, word by word. */
const wrapper = `#!/bin/sh
case $1 in
  __complete)
    [ -z "$HOSTILE" ] || { printf '%s\\tx\\n' "$HOSTILE"; exit; }
    exec ${process.execPath} ${join(repository, "src/bin/banger.ts")} "$@" ;;
  completion) exec ${process.execPath} ${join(repository, "src/bin/banger.ts")} "$@" ;;
  *) printf 'RAN'; printf '[%s]' "$@"; printf '.\\n' ;;
esac
`;

beforeAll(async () => {
  home = new Home("comp");
  world = await cliWorld();
  for (const line of ["vm create --name box", "image pull r.example/tool:v1", "vm snapshot box before"])
    await world.cli(line);
  mkdirSync(join(home.folder, "bin"));
  writeFileSync(join(home.folder, "bin/banger"), wrapper);
  chmodSync(join(home.folder, "bin/banger"), 0o755);
  for (const file of ["notes.txt", "boring", "with space"]) writeFileSync(join(home.folder, file), "");
  mkdirSync(join(home.folder, "project"));
});
afterAll(async () => {
  await world.close();
  await home.close();
});

const shells = {
  bash: { argv: ["bash", "--norc", "--noprofile", "-i"], load: "source <(banger completion bash)" },
  zsh: {
    argv: ["zsh", "-f", "-i"],
    load: "autoload -U compinit; compinit -u -D; source <(banger completion zsh)",
  },
  fish: { argv: ["fish", "--no-config", "-i"], load: "banger completion fish | source" },
};
type Shell = keyof typeof shells;

function started(shell: Shell, env: Record<string, string> = {}) {
  const { argv, load } = shells[shell];
  const path = `${join(home.folder, "bin")}:${process.env["PATH"]}`;
  const own = { ...home.env, PATH: path, BANGER_SOCKET: world.served.socket, ...env };
  const terminal = onTerminal({ folder: home.folder, env: own } as unknown as Home, [], { cols: 200, rows: 40 }, argv);
  terminal.type(`${load}; echo load''ed\r`);
  return { terminal, ready: terminal.see("loaded") };
}

/** What is run after these keys. */
async function ran(session: ReturnType<typeof started>, keys: string): Promise<string> {
  await session.ready;
  session.terminal.type(`${keys}\r`);
  const words = (await session.terminal.see(/RAN((?:\[.*\])?)\.[\r\n]/))[1] ?? "";
  // zsh takes it off again at the end of the line
  return words.replace("/]", "]");
}

const rows: [keys: string, words: string][] = [
  ["banger ima\tcat\t", "[image][catalog]"],
  ["banger vm sta\tbo\t", "[vm][start][box]"],
  ["banger vm run --image=deb\t", "[vm][run][--image=debian-bookworm]"],
  ["banger vm run --vmm fire\t", "[vm][run][--vmm][firecracker]"],
  ["banger vm run proj\t", "[vm][run][project]"],
  ["banger image show r.example/tool:v\t", "[image][show][r.example/tool:v1]"],
  ["banger vm restore box be\t", "[vm][restore][box][before]"],
  ["banger vm cp note\tbox\tx", "[vm][cp][notes.txt][box:x]"],
  ["banger vm cp with\t", "[vm][cp][with space]"],
  // a file that begins so is no VM
  ["banger vm start bori\t", "[vm][start][bori]"],
];

for (const shell of Object.keys(shells) as Shell[]) {
  gatedTest(
    `tool:${shell}`,
    `${shell} completes commands, flags, values, names and paths`,
    async () => {
      const session = started(shell);
      const found: [string, string][] = [];
      for (const [keys] of rows) found.push([keys, await ran(session, keys)]);
      session.terminal.type("exit\r");
      await session.terminal.exited;
      expect(found).toEqual(rows);
    },
    60_000,
  );

  gatedTest(
    `tool:${shell}`,
    `${shell} proposes nothing without a daemon, and quotes a hostile name`,
    async () => {
      const down = started(shell, { BANGER_SOCKET: join(home.folder, "none/socket") });
      expect(await ran(down, "banger vm start bo\t")).toBe("[vm][start][bo]");
      const hostile = `$(touch ${shell}-ran);\`touch ${shell}-ran\`'"&`;
      const quoted = started(shell, { HOSTILE: hostile });
      expect(await ran(quoted, "banger vm start \t")).toBe(`[vm][start][${hostile}]`);
      expect(existsSync(join(home.folder, `${shell}-ran`))).toBe(false);
      for (const { terminal } of [down, quoted]) {
        terminal.type("exit\r");
        await terminal.exited;
      }
    },
    60_000,
  );
}

test("the script of PowerShell quotes what is not plain, runs no text, and keeps files out", async () => {
  const { stdout } = await world.cli("completion powershell");
  expect(stdout).toContain("Register-ArgumentCompleter -Native -CommandName banger -ScriptBlock {");
  expect(stdout).toContain(`$text = "'" + $name.Replace("'", "''") + "'"`);
  expect(stdout).toContain("if ($found.Count -eq 0) { return '' }");
  expect(stdout).toContain("if ($wordToComplete -eq '') { $new = @('--new-word') }");
  const depth = [...stdout].reduce((sum, char) => sum + (char === "{" ? 1 : char === "}" ? -1 : 0), 0);
  expect(depth).toBe(0);
});
