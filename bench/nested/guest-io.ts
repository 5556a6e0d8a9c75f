/** The bench's own program in guests, compiled here, for hosts without a compiler. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Its bytes: static, without debug information. */
export function guestIo(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "guest-io-"));
  try {
    const path = join(folder, "guest-io");
    const options = ["--edition=2021", "-O", "-Cstrip=symbols", "-Ctarget-feature=+crt-static", "-o", path];
    const made = Bun.spawnSync(["rustc", ...options, join(import.meta.dirname, "guest-io.rs")], { stderr: "pipe" });
    if (made.exitCode !== 0) throw new Error(`rustc failed: ${made.stderr}`);
    return new Uint8Array(readFileSync(path));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
