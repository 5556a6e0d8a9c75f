import { expect, test } from "bun:test";
import { parseCopy, parseOperand } from "./operand.ts";

test.each([
  ["-", { kind: "stream" }],
  ["notes.txt", { kind: "host", path: "notes.txt" }],
  ["box:", { kind: "guest", vm: "box", path: "" }],
  ["box:repo/a:b", { kind: "guest", vm: "box", path: "repo/a:b" }],
  ["box:/etc/hosts", { kind: "guest", vm: "box", path: "/etc/hosts" }],
  ["./a:b", { kind: "host", path: "./a:b" }],
  ["dir/a:b", { kind: "host", path: "dir/a:b" }],
  ["/a:b", { kind: "host", path: "/a:b" }],
])("%s", (text, operand) => {
  expect(parseOperand(text)).toEqual(operand as never);
});

test.each(["Box:x", "a b:x", ":x", "-:x", "C:\\x"])("%s is no name of a VM", (text) => {
  expect(() => parseOperand(text)).toThrow(expect.objectContaining({ code: "VM_NAME_INVALID" }));
});

test("which way it goes", () => {
  expect(parseCopy(["a", "b", "box:c"])).toEqual({ way: "in", vm: "box", target: "c", sources: ["a", "b"] } as never);
  expect(parseCopy(["-", "box:c"])).toEqual({ way: "in-tar", vm: "box", target: "c" } as never);
  const sources = [
    { vm: "box", path: "a" },
    { vm: "web", path: "b" },
  ];
  expect(parseCopy(["box:a", "web:b", "."])).toEqual({ way: "out", sources, target: "." } as never);
  expect(parseCopy(["box:a", "-"])).toEqual({ way: "out-tar", source: { vm: "box", path: "a" } } as never);
});

test.each([
  [["box:a"], "a source and a target are needed"],
  [["a", "b"], "neither the source nor the target is in a VM"],
  [["a", "box:b", "."], "neither the source nor the target is in a VM"],
  [["box:a", "web:b"], "both ends are in a VM"],
  [["a", "box:b", "web:c"], "both ends are in a VM"],
  [["-", "a", "box:b"], "- is the only source where it is one"],
  [["-", "."], "neither the source nor the target is in a VM"],
  [["box:a", "box:b", "-"], "only one source can be written to stdout"],
  [["", "box:b"], "a path is empty"],
])("%p is refused", (words, problem) => {
  expect(() => parseCopy(words)).toThrow(
    expect.objectContaining({ code: "USAGE", details: expect.objectContaining({ problem }) }),
  );
});
