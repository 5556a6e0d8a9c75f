/** Whether an unprivileged user can create a user namespace with more than one id, which unpacking packages needs. */
import { stdoutText } from "../../artifacts/tools.ts";
import { fail } from "../../base/errors/error.ts";
import { readTextIfAny } from "../../host/files/files.ts";
import type { Exec } from "../../host/process/exec.ts";

export type SubidDeps = { exec: Exec; uid: number /** folder that stands for `/` in tests */; root?: string };

/** @throws RECIPE_UNAVAILABLE with what root has to do once, TOOL_MISSING */
export async function checkSubordinateIds(deps: SubidDeps): Promise<void> {
  await deps.exec(["newuidmap"]);
  const user = stdoutText(await deps.exec(["id", "-un"])).trim();
  for (const file of ["/etc/subuid", "/etc/subgid"]) {
    const text = (await readTextIfAny(`${deps.root ?? ""}${file}`)) ?? "";
    if (text.split("\n").some((line) => hasRange(line, [user, String(deps.uid)]))) continue;
    throw fail("RECIPE_UNAVAILABLE", {
      reason: `user ${user} has no range of 65536 ids in ${file}, which an ordinary user needs to unpack packages`,
      next: `have root run \`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}\` with a range that nobody uses`,
    });
  }
}

function hasRange(line: string, owners: string[]): boolean {
  const [owner, start, count] = line.trim().split(":");
  return owners.includes(owner ?? "") && /^\d+$/.test(start ?? "") && Number(count) >= 65_536;
}
