/** Transcripts of the commands about saved VMs. */
import { expect, test } from "bun:test";
import { saving } from "../machines/testing/saving.ts";
import { type CliWorld, cliWorlds } from "./testing/cli.ts";

const open = cliWorlds();
const world = () => open({}, { host: saving() });

/** One that runs. */
async function withVm(): Promise<CliWorld> {
  const made = await world();
  await made.cli("vm run --name web --detach");
  await made.served.machines.idle();
  return made;
}

test("run reports its start source: one boot, then the template", async () => {
  const { cli } = await world();
  const first = await cli("vm run --rm -- true");
  expect(first.stderr).toContain("booting, once: later VMs of this kind begin where it ends\n");
  expect(first.stderr).toMatch(/restoring from template [0-9a-f]{12}\n/);
  const second = await cli("vm run --rm -- true");
  expect(second.stderr).not.toContain("booting");
  expect((await cli("vm run --cold --name cold --detach")).stderr).toContain("booting\n");
  expect((await cli("vm show cold")).stdout).toMatch(/^last start: +cold \(as requested\): decide/m);
});

test("the timing of the phases is reported with --json", async () => {
  const { cli } = await withVm();
  const { stderr } = await cli("vm run --rm --json -- true");
  const events = stderr.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  const phases = events.filter(({ kind }) => kind === "timing").flatMap((event) => event.phases);
  expect(phases.map(({ name }: { name: string }) => name)).toEqual([
    ...["decide", "image", "warm", "record", "template", "turn", "network", "vmm", "load", "agent", "identity"],
    ...["cli.begin", "cli.start", "cli.enter", "cli.command", "cli.end"],
  ]);
});

test("templates are listed, shown, warmed, deleted", async () => {
  const { cli, served } = await world();
  expect((await cli("template ls")).stderr).toContain("no templates");
  const warmed = await cli("template warm debian-bookworm --vcpu 1");
  expect(warmed.stdout).toMatch(/^[0-9a-f]{12} 4 KiB\n$/);
  const key = warmed.stdout.slice(0, 12);
  expect((await cli("template warm --vcpu 1")).stdout).toBe(warmed.stdout);
  await served.machines.idle();
  const list = (await cli("template list")).stdout.split("\n");
  expect(list[0]).toMatch(/^KEY +IMAGE +KERNEL +CPU +MEMORY +NETWORK +SIZE +USES +LAST USE$/);
  expect(list[1]).toMatch(new RegExp(`^${key} +debian-bookworm +debian-bookworm-cloud +1 +1 GiB +user +4 KiB +0 +`));
  expect((await cli(`template show ${key.slice(0, 4)}`)).stdout).toMatch(/^saved by: +world 1 tcg$/m);
  expect(await cli(`template delete ${key}`)).toEqual({ code: 0, stdout: `${key} is deleted\n`, stderr: "" });
  expect(await cli(`template show ${key}`)).toEqual({
    code: 3,
    stdout: "",
    stderr: `error: there is no template "${key}"\nhint: \`banger template list\` shows all templates; the first digits of a key are enough\n`,
  });
});

test("prune --all removes templates too, and --dry-run announces it", async () => {
  const { cli, served } = await withVm();
  expect((await cli("image prune --all --dry-run")).stderr).toBe(
    "1 template would be removed, 4 KiB; nothing was removed\n",
  );
  expect(served.machines.templates()).toHaveLength(1);
  expect((await cli("image prune --all")).stderr).toBe("1 template removed, 4 KiB\n");
  expect(served.machines.templates()).toEqual([]);
});

test("pause, resume, suspend, start", async () => {
  const { cli } = await withVm();
  expect((await cli("vm pause web")).stdout).toBe("web is paused\n");
  expect(await cli("vm exec web -- true")).toMatchObject({
    code: 125,
    stderr: 'error: can\'t open a session in VM "web": it is paused\nhint: resume it with `banger vm resume web`\n',
  });
  expect((await cli("vm resume web")).stdout).toBe("web is running\n");
  expect(await cli("vm resume web")).toMatchObject({ code: 4 });
  expect((await cli("vm suspend web")).stdout).toBe(
    "web is suspended: `banger vm ssh web` or `banger vm start web` wakes it\n",
  );
  expect((await cli("vm ls")).stdout).toMatch(/^web +suspended/m);
  expect((await cli("vm show web")).stdout).toMatch(/^suspended: +suspended \(\d+\w ago\); the next use wakes it$/m);
  expect((await cli("vm exec web -- echo awake")).stdout).toBe("awake\n");
  expect((await cli("vm ls")).stdout).toMatch(/^web +running/m);
});

test("snapshots are taken, listed, restored and deleted", async () => {
  const { cli } = await withVm();
  expect((await cli("snapshot ls")).stderr).toBe("no snapshots; take one with `banger vm snapshot VM`\n");
  expect(await cli("vm snapshot web before")).toEqual({
    code: 0,
    stdout: "before 4 KiB\n",
    stderr: "saving web\nreturn to it with `banger vm restore web before`\n",
  });
  expect((await cli("vm snapshot web before")).stderr).toContain("`banger snapshot delete web before`");
  expect((await cli("vm snapshot web Bad_Name")).code).toBe(2);
  expect((await cli("snapshot list web")).stdout).toMatch(
    /^VM +NAME +SIZE +AGE +HOLDS\nweb +before +4 KiB +\d+\w +memory and disk\n$/,
  );
  expect((await cli("snapshot show web before")).stdout).toMatch(/^saved by: +world 1$/m);
  expect((await cli("vm restore web befor")).stderr).toContain('did you mean "before"?');
  expect(await cli("vm restore web before")).toEqual({
    code: 2,
    stdout: "",
    stderr: expect.stringMatching(
      /^error: everything on the disk of "web" that changed since snapshot "before" was taken \(\d+\w ago\) is lost, and so is all that runs in it now; there is no terminal to confirm it on\nhint: add --force to skip the question\n$/,
    ),
  });
  const declined = await cli("vm restore web before", { terminal: true, stdin: "n\n" });
  expect(declined).toMatchObject({ code: 1, stderr: expect.stringContaining('return to "before"? [y/N] ') });
  const confirmed = await cli("vm restore web before", { terminal: true, stdin: "y\n" });
  expect(confirmed.stdout).toBe("web is running, as of before\n");
  for (const flag of ["--force", "-f", "-y"])
    expect((await cli(`vm restore ${flag} web before`)).stdout).toBe("web is running, as of before\n");
  expect(await cli("snapshot delete web")).toMatchObject({ code: 2 });
  expect((await cli("snapshot delete web before")).stdout).toBe("before of web is deleted\n");
});

test("fork prints the names of the forks", async () => {
  const { cli } = await withVm();
  expect((await cli("vm fork web one two")).stdout).toBe("one\ntwo\n");
  expect((await cli("vm fork web --count 2")).stdout.trim().split("\n")).toHaveLength(2);
  expect((await cli("vm fork web one")).code).toBe(4);
  expect((await cli("vm fork web --count 0")).stderr).toContain("--count");
  expect((await cli("vm fork nope")).code).toBe(3);
});

test.each(["0s", "soon", "5", "400d"])("--idle-timeout %s is refused with an example", async (text) => {
  const { cli } = await world();
  const said = await cli(`vm create --idle-timeout ${text}`);
  expect(said).toMatchObject({ code: 2, stderr: expect.stringContaining("--idle-timeout 30m") });
});

test("a VM's idle timeout is shown", async () => {
  const { cli } = await world();
  await cli("vm create --name web --idle-timeout 90m");
  expect((await cli("vm show web")).stdout).toMatch(/^idle timeout: +90m$/m);
});

test("a VM whose guest may run VMs says so, and so does its template", async () => {
  const { cli } = await world();
  await cli("vm create --name web --nested");
  expect((await cli("vm show web")).stdout).toMatch(/^nested VMs: +the guest can run VMs of its own$/m);
  await cli("vm create --name plain");
  expect((await cli("vm show plain")).stdout).not.toContain("nested");
  expect((await cli("template warm --nested --json")).stdout).toMatch(/"nested": ?true/);
});

test("VMs inside VMs are refused where the host has none of them, before anything is made", async () => {
  const { cli, served } = await world();
  served.host.world.nested = false;
  const said = await cli("vm create --name web --nested");
  expect(said).toMatchObject({ code: 5, stderr: expect.stringMatching(/can't run VMs of their own.*\n.*--nested/s) });
  expect((await cli("vm ls")).stdout).not.toContain("web");
});
