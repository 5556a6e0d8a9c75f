import { expect, test } from "bun:test";
import type { Gap } from "../../model/cage.ts";
import { requireCage } from "./confinement.ts";

const landlock: Gap = { layer: "landlock", why: "not in this kernel", leavesOpen: "it reads every file" };
const builtin = { kind: "builtin", mac: "02:00:00:00:00:01" } as const;
const wish = (value: "auto" | "required") => async () => value;
const incomplete = (text: string) => ({ code: "CONFINEMENT_INCOMPLETE", message: expect.stringContaining(text) });

test("a required cage with a gap prevents the start, and the error names the gap", async () => {
  const refused = requireCage({ net: null }, [landlock], wish("required"));
  await expect(refused).rejects.toMatchObject(incomplete("no landlock (not in this kernel): it reads every file"));
});

test("QEMU's own network is a gap, whatever the host provides", async () => {
  await expect(requireCage({ net: builtin }, [], wish("required"))).rejects.toMatchObject(
    incomplete("network namespace"),
  );
});

test("otherwise the VM starts; with a complete cage the policy is not read", async () => {
  await requireCage({ net: builtin }, [landlock], wish("auto"));
  await requireCage({ net: null }, [], () => Promise.reject(new Error("asked")));
});
