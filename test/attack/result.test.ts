import { expect, test } from "bun:test";
import { observe, resultOf, summary } from "./result.ts";

const lineOf = (result: ReturnType<typeof resultOf>) => summary("QEMU", "Linux 6.1", [result]).split("\n")[1];

test("an attack has a line at every moment, and only one that held says so", async () => {
  const result = resultOf({ name: "opens files" });
  expect(lineOf(result)).toBe("  FAILED QEMU: opens files (it was not run)");
  const gate = Promise.withResolvers<{ held: boolean; seen: string }>();
  const observing = observe(() => gate.promise, result);
  expect(lineOf(result)).toBe("  FAILED QEMU: opens files (no answer)");
  gate.resolve({ held: true, seen: "EACCES" });
  await observing;
  expect(lineOf(result)).toBe("  held   QEMU: opens files (EACCES)");
});

test("an attack that got something is open", async () => {
  const result = resultOf({ name: "opens files" });
  await observe(async () => ({ held: false, seen: "returned 3" }), result);
  expect(lineOf(result)).toBe("  OPEN   QEMU: opens files (returned 3)");
});

test("an attack that throws has failed, with the reason", async () => {
  const result = resultOf({ name: "opens files" });
  const gone = () => Promise.reject(new Error("the injector ended: EPERM\nat x"));
  await expect(observe(gone, result)).rejects.toThrow("the injector ended");
  expect(lineOf(result)).toBe("  FAILED QEMU: opens files (the injector ended: EPERM)");
});
