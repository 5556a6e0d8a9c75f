/** What a VM starts from: a cold boot, or a save. */
import { fail } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import type { SavedState } from "../../model/saved-state.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { Save, SaveRecord } from "../../vmm/driver.ts";
import type { TemplatesContext } from "./context.ts";

export type StartSource = ColdBoot | SavedSource;

export type ColdBoot = {
  kind: "cold";
  /** in a few words, for people */
  why: string;
};

export type SavedSource = {
  kind: "save";
  save: Save;
  /** the saved disk; null: the VM's own is unchanged */
  disk: { path: string; bytes: number } | null;
  /** in a few words, for people: `template 1f2e3d4c5b6a` */
  what: string;
  /** of the template, which is thrown away when it can't be restored */
  template: Digest | null;
  /** the save is of this VM, which resumes as the same machine */
  sameMachine: boolean;
};

export function coldBoot(why: string): ColdBoot {
  return { kind: "cold", why };
}

/** A driver's record, as the store keeps it. */
export function saveOf(state: SavedState, files: Save["files"]): Save {
  return { record: state as unknown as SaveRecord, files: { memory: files.memory, state: files.state } };
}

/** Of a suspended VM. @throws VM_STATE (a bug) for another one */
export function suspendedSource(ctx: Pick<TemplatesContext, "paths">, vm: VmRecord): SavedSource {
  if (!vm.suspended) throw fail("VM_STATE", { name: vm.name, state: vm.state, action: "wake", next: "start it" });
  const save = saveOf(vm.suspended.save, ctx.paths.suspended(vm.id));
  return { kind: "save", save, disk: null, what: "where it was suspended", template: null, sameMachine: true };
}
