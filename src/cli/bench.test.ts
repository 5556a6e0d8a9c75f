/** `banger bench` says what it measured. */
import { expect, test } from "bun:test";
import { saving } from "../machines/testing/saving.ts";
import type { CliContext } from "./context.ts";
import { cliWorlds } from "./testing/cli.ts";

const world = cliWorlds();

async function bench(line: string) {
  const host = saving();
  const { cli, served } = await world({}, { host });
  const ran: string[] = [];
  const change = (context: CliContext) => {
    context.runSelf = async (args) => {
      ran.push(args.join(" "));
      // a use of a suspended VM wakes it
      if (args[1] === "exec") (await served.machines.session(String(args[2]))).end();
      return { code: 0, ms: 5, stderr: "" };
    };
  };
  return { said: await cli(line, { change }), ran };
}

test("its first line is the driver, its version and the accelerator", async () => {
  const { said } = await bench("bench --runs 1");
  expect(said.code).toBe(0);
  expect(said.stdout.split("\n").slice(0, 3)).toEqual(["world 1 tcg", "", expect.stringMatching(/^WHAT +MEDIAN/)]);
  const { said: asJson } = await bench("bench --runs 1 --json");
  expect(JSON.parse(asJson.stdout)).toMatchObject({ vmm: "world 1 tcg", times: expect.any(Array) });
});

test("a VMM that is named runs all that is measured", async () => {
  const { said, ran } = await bench("bench --runs 1 --vmm qemu");
  // this host has another
  expect([said.code, ran]).toEqual([5, []]);
  expect((await bench("bench --runs 1 --vmm auto")).ran).toContain("vm run --rm --json --vmm auto -- true");
});
