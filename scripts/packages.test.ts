import { expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** What is there everywhere, made by the build, or missing on purpose. */
const ours = new Set(["sh", "banger-vsock-agent", "banger-no-such-tool"]);

test("every tool that a test asks for is one that set-up installs", () => {
  const table = readFileSync(join(root, "scripts/packages.sh"), "utf8");
  const known = new Set([...table.matchAll(/^([^|\s#]+)\|/gm)].map((match) => match[1]?.split("/").at(-1)));
  // what comes in one package with another
  if (known.has("sqfstar")) known.add("mksquashfs").add("unsquashfs");
  if (known.has("mkfs.ext4")) known.add("mke2fs");
  if (known.has("ssh")) known.add("scp").add("sftp");
  const asked = globSync("{src,test,scripts,bench}/**/*.test.ts", { cwd: root }).flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const asks = file.includes(".attack.test.ts")
      ? /"tool:([a-z0-9._-]+)"/g
      : /(?:gate|gatedTest)\(\s*"tool:([a-z0-9._-]+)"/g;
    return [...text.matchAll(asks)].map((match) => match[1] as string);
  });
  expect(asked.length).toBeGreaterThan(10);
  const missing = [...new Set(asked)].filter((tool) => !known.has(tool) && !ours.has(tool));
  expect(missing).toEqual([]);
});
