import { expect, test } from "bun:test";
import { refusalError } from "./refusal.ts";

test("a bad folder is named as in the request, with the system's message and without Rust's number", () => {
  const refusal = { code: "bad_cwd", message: "/tmp/\ufffd: No such file or directory (os error 2)" };
  const message = (cwd: string) => refusalError("exec", { argv: ["x"], cwd }, refusal).message;
  expect(message("/tmp/\udcff")).toBe('the guest refused exec: folder "/tmp/\\xff": No such file or directory');
  expect(message("")).toBe('the guest refused exec: folder "": No such file or directory');
});
