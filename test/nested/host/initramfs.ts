/** The test host's initramfs: the product's agent as `/init`, and the modules of a PC's devices. */
import { type CpioEntry, encodeCpio } from "../../../src/formats/cpio.ts";
import { openSquashfs } from "../../../src/formats/squashfs/reader.ts";
import { openForRead } from "../../../src/host/files/random-access.ts";
import { Union } from "../../../src/images/union/union.ts";
import { indexModules, loadOrder } from "../../../src/kernels/boot-modules.ts";

const wanted = [
  "virtio_pci",
  "virtio_blk",
  "virtio_console",
  "virtio_net",
  "virtio_rng",
  "squashfs",
  "overlay",
  "ext4",
];

/** @param agent its content @param modules path of a squashfs with `lib/modules/RELEASE` as its root */
export async function hostInitramfs(agent: Uint8Array, modules: string): Promise<Uint8Array> {
  const file = await openForRead(modules);
  try {
    const tree = new Union([await openSquashfs(file, file.size)], {});
    const loaded = await bootModules(tree);
    const list = loaded.map(({ name }) => `/${name}\n`).join("");
    const folders = ["dev", "proc", "sys", "run", "root", "modules"];
    return encodeCpio([
      ...folders.map((name): CpioEntry => ({ name, kind: "folder", mode: 0o755 })),
      { name: "dev/console", kind: "device", mode: 0o600, major: 5, minor: 1 },
      { name: "init", kind: "file", mode: 0o755, content: agent },
      { name: "modules.list", kind: "file", mode: 0o644, content: new TextEncoder().encode(list) },
      ...loaded,
    ]);
  } finally {
    await file.close();
  }
}

async function bootModules(tree: Union): Promise<Extract<CpioEntry, { kind: "file" }>[]> {
  const text = async (name: string) => new TextDecoder().decode(await read(tree, name));
  const index = indexModules({
    dep: await text("modules.dep"),
    builtin: await text("modules.builtin"),
    softdep: await text("modules.softdep"),
  });
  return Promise.all(
    loadOrder(index, wanted).map(async (path) => ({
      name: `modules/${path.slice(path.lastIndexOf("/") + 1)}`,
      kind: "file" as const,
      mode: 0o644,
      content: await read(tree, path),
    })),
  );
}

async function read(tree: Union, path: string): Promise<Uint8Array> {
  const found = await tree.resolve(path);
  if (!found) throw new Error(`the kernel's modules have no ${path}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of tree.content(found.node)) chunks.push(chunk.slice());
  return new Uint8Array(Buffer.concat(chunks));
}
