/** Control groups of version 2 below a folder that was delegated to this user: the kernel's admin-guide/cgroup-v2.rst. */
import * as fs from "node:fs/promises";
import { errnoOf } from "../errno.ts";

export type CgroupFolder = {
  /**
   * Makes the group `name`, if it is not there, and sets its limits: files of its folder, with what is written to each. Limits whose controller is
   * not enabled are left out.
   * @returns the group's folder
   */
  ensure(name: string, limits: Readonly<Record<string, string>>): Promise<string>;
  /** Removes the group of processes that have ended. One that has processes stays, and one that is missing is fine. */
  remove(name: string): Promise<void>;
  /** names of the groups in the folder */
  list(): Promise<string[]>;
};

/** @param folder in /sys/fs/cgroup, with the controllers enabled for its children */
export function cgroupsIn(folder: string): CgroupFolder {
  return {
    async ensure(name, limits) {
      const group = `${folder}/${name}`;
      await fs.mkdir(group).catch(unless("EEXIST"));
      for (const [file, value] of Object.entries(limits))
        await writeExisting(`${group}/${file}`, value).catch(unless("ENOENT"));
      return group;
    },
    remove: (name) => fs.rmdir(`${folder}/${name}`).catch(unless("ENOENT", "EBUSY")),
    async list() {
      const entries = await fs.readdir(folder, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    },
  };
}

/** A file of the kernel's, which can't be made. */
async function writeExisting(path: string, text: string): Promise<void> {
  const file = await fs.open(path, fs.constants.O_WRONLY);
  try {
    await file.write(text);
  } finally {
    await file.close();
  }
}

function unless(...codes: string[]) {
  return (error: unknown) => {
    if (!codes.includes(errnoOf(error) ?? "")) throw error;
  };
}
