import { expect, test } from "bun:test";
import { exactArguments, exactEnvironment, type OwnStrings } from "./own-bytes.ts";

const none: OwnStrings = () => {
  throw new Error("nothing is to be read");
};

test("arguments and variables that are UTF-8 are taken as they are, without a look at /proc", () => {
  expect(exactArguments(["exec", "é", ""], none)).toEqual(["exec", "é", ""]);
  const env = { HOME: "/root", GONE: undefined };
  expect(exactEnvironment(env, none)).toBe(env);
});

test("of the command line the last arguments count: what is before them is the program and the runtime's", () => {
  const read: OwnStrings = () => ["bun", "banger.ts", "exec", "a\udcffb", ""];
  expect(exactArguments(["exec", "a\ufffdb", ""], read)).toEqual(["exec", "a\udcffb", ""]);
});

test("a command line that is another one is a bug, and never guessed at", () => {
  expect(() => exactArguments(["exec", "a\ufffdb"], () => ["a\udcffb"])).toThrow("other arguments");
  expect(() => exactArguments(["exec", "a\ufffdb"], () => ["other", "a\udcffb"])).toThrow("other arguments");
});

test("a process's own bytes: arguments, names and values of variables", () => {
  const program = `
    import { exactArguments, exactEnvironment } from "${import.meta.dir}/own-bytes.ts";
    const env = exactEnvironment(process.env);
    console.log(JSON.stringify([exactArguments(process.argv.slice(-3)), env["V"], env["N\\udcfe"], env["EMPTY"]]));
  `;
  const script =
    'exec env "$(printf \'N\\376=1\')" V="$(printf \'v\\377\')" EMPTY= "$0" -e "$1" x "$(printf \'a\\377b\')" \'\' "$(printf \'\\303\')"';
  const { stdout, stderr } = Bun.spawnSync(["sh", "-c", script, process.execPath, program]);
  expect([stdout.toString(), stderr.toString()]).toEqual([
    `${JSON.stringify([["a\udcffb", "", "\udcc3"], "v\udcff", "1", ""])}\n`,
    "",
  ]);
});
