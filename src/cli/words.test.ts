/** Words that people bring from docker, kubectl and ssh, and mistakes in ours: what is understood, and what the answer names. */
import { expect, test } from "bun:test";
import { root } from "./app.ts";
import { propose } from "./completion/propose.ts";
import { cliWorlds } from "./testing/cli.ts";

const world = cliWorlds();

test.each([
  ["ls", "vm ls"],
  ["ps", "vm ls"],
  ["ps -a", "vm ls"],
  ["vm ps", "vm ls"],
  ["inspect box --json", "vm show box --json"],
  ["vm inspect box --json", "vm show box --json"],
  ["images", "image ls"],
  ["image inspect debian-bookworm --json", "image show debian-bookworm --json"],
])("`banger %s` is `banger %s`", async (line, ours) => {
  const { cli } = await world();
  await cli("vm create --name box");
  const wanted = await cli(ours);
  expect([wanted.code, wanted.stdout]).toEqual([0, expect.stringMatching(/./)]);
  expect(await cli(line)).toEqual(wanted);
});

test("rm -f deletes, as vm delete does", async () => {
  const { cli } = await world();
  await cli("vm create --name box");
  expect((await cli("rm -f box")).code).toBe(0);
  expect((await cli("vm show box")).code).toBe(3);
});

test("the short ways are in the help of the program and are completed; docker's words are neither", async () => {
  const { cli } = await world();
  expect((await cli("--help")).stdout).toContain(
    "\nSHORT\n  run, ssh, exec, cp, ls, logs, stop, rm  short for banger vm run, ...\n",
  );
  expect((await cli("run --help")).stdout).toContain("  banger run [flags] [FOLDER]\n");
  const words = propose(root, [""]).words.map(([word]) => word);
  expect(words).toEqual(expect.arrayContaining(["run", "ssh", "ls"]));
  expect(words).not.toContain("ps");
  expect((await cli("exec --help")).stdout).not.toContain("interactive");
});

test.each([
  ["vm run -v /a:/b", "`banger vm run` has no -v", "folders are copied, not mounted: `banger vm run FOLDER`"],
  ["run --volume /a:/b", "`banger run` has no --volume", "folders are copied, not mounted"],
  ["vm exec -w /srv box", "`banger vm exec` has no -w", "`--cwd DIR` is the working directory"],
  ["vm ls -q", "`banger vm ls` has no -q", "`--json` is for scripts"],
  ["vm run --nmae x", "`banger vm run` has no --nmae", "did you mean --name?; see `banger vm run --help`"],
  ["vm run --zzzz", "`banger vm run` has no --zzzz", "see `banger vm run --help`"],
  ["vm run -Z", "`banger vm run` has no -Z", "see `banger vm run --help`"],
  ["vm show", "VM is missing", "see `banger vm show --help`"],
  ["vm start", "VM is missing", "see `banger vm start --help`"],
  ["vm rename a", "NEW is missing", "see `banger vm rename --help`"],
  ["vm show a b", '"b" is one argument too many', "see `banger vm show --help`"],
  ["exec -it box bash -l", '"bash" is one argument too many', "`banger exec -it box -- bash -l`"],
  [
    "exec -it box ls /srv",
    '"ls" is one argument too many',
    "a command for the guest goes after --: `banger exec -it box -- ls /srv`; see `banger exec --help`",
  ],
  ["vm run --name", "--name needs a value", "see `banger vm run --help`"],
  ["vm run --name --rm", "--name needs a value", "see `banger vm run --help`"],
  ["vm run --name a --name b", "--name can be given only once", "see `banger vm run --help`"],
  ["vm exec --no-tty=x box", "--no-tty takes no value", "see `banger vm exec --help`"],
  ["vm exec --tty=x box", '--tty: "x" is not true or false', "see `banger vm exec --help`"],
  ["vm top", 'there is no command "top"', "`banger --help` lists every command"],
  ["vm strat", 'there is no command "strat"', "did you mean `banger vm start`?"],
  ["commit box", 'there is no command "commit"', "`banger vm save VM IMAGE` makes an image"],
  ["get vms", 'there is no command "get"', "`banger vm ls` lists VMs"],
  ["vm --frob", "`banger vm` has no --frob", "see `banger vm --help`"],
])("`banger %s` is refused: %s", async (line, problem, next) => {
  const { cli } = await world();
  const { code, stdout, stderr } = await cli(line);
  const [error, hint = ""] = stderr.replace(/\s+$/, "").split("\n");
  expect([code, stdout, error]).toEqual([2, "", `error: ${problem}`]);
  expect(hint).toContain(next);
  expect(stderr).not.toMatch(/registered|argument\(s\)|alias|encountered|parse/i);
});
