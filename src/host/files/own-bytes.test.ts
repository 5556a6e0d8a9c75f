import { expect, test } from "bun:test";
import { exactArguments, exactEnvironment, type OwnStrings } from "./own-bytes.ts";

const none: OwnStrings = () => {
  throw new Error("nothing is to be read");
};

test("arguments and variables that are UTF-8 are used as they are, without reading /proc", () => {
  expect(exactArguments(["exec", "é", ""], none)).toEqual(["exec", "é", ""]);
  const env = { HOME: "/root", GONE: undefined };
  expect(exactEnvironment(env, none)).toBe(env);
});

test("only the last arguments of the command line count: those before are the program's and the runtime's", () => {
  const read: OwnStrings = () => ["bun", "banger.ts", "exec", "a\udcffb", ""];
  expect(exactArguments(["exec", "a\ufffdb", ""], read)).toEqual(["exec", "a\udcffb", ""]);
});

test("a command line that does not match is a bug, and is not guessed at", () => {
  expect(() => exactArguments(["exec", "a\ufffdb"], () => ["a\udcffb"])).toThrow("other arguments");
  expect(() => exactArguments(["exec", "a\ufffdb"], () => ["other", "a\udcffb"])).toThrow("other arguments");
});

test("the exact bytes of a process's arguments, variable names and values", () => {
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
