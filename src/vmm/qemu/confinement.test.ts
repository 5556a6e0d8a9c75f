import { expect, test } from "bun:test";
import type { Gap } from "../../model/cage.ts";
import { requireCage } from "./confinement.ts";

const landlock: Gap = { layer: "landlock", why: "not in this kernel", leavesOpen: "it reads every file" };
const builtin = { kind: "builtin", mac: "02:00:00:00:00:01" } as const;
const wish = (value: "auto" | "required") => async () => value;
const incomplete = (text: string) => ({ code: "CONFINEMENT_INCOMPLETE", message: expect.stringContaining(text) });

test("a cage that is required and has a gap lets nothing start, and names what is missing", async () => {
  const refused = requireCage({ net: null }, [landlock], wish("required"));
  await expect(refused).rejects.toMatchObject(incomplete("no landlock (not in this kernel): it reads every file"));
});

test("a network of QEMU's own is a gap, whatever the host has", async () => {
  await expect(requireCage({ net: builtin }, [], wish("required"))).rejects.toMatchObject(
    incomplete("network namespace"),
  );
});

test("otherwise it starts, and a whole cage does not even ask", async () => {
  await requireCage({ net: builtin }, [landlock], wish("auto"));
  await requireCage({ net: null }, [], () => Promise.reject(new Error("asked")));
});
