/** A static busybox for images that tests make themselves. */
import { file, folder, type Member, symlink } from "../../src/formats/tar/testing/archive.ts";
import { withUnion } from "../../src/images/open-union.ts";
import { tinyArtifacts } from "../../src/images/testing/tiny.ts";

/** The program, out of the tiny image. */
export async function readBusybox(): Promise<Uint8Array> {
  const tiny = await tinyArtifacts();
  return withUnion(tiny.paths, tiny.image.layers, async (union) => {
    const found = await union.resolve("bin/busybox");
    if (!found) throw new Error("the tiny image has no busybox");
    const chunks: Uint8Array[] = [];
    for await (const chunk of union.content(found.node)) chunks.push(chunk.slice());
    return new Uint8Array(Buffer.concat(chunks));
  });
}

/** `/bin` with the program, and a link to it for each of its `applets`. */
export function busyboxFolder(busybox: Uint8Array, applets: readonly string[]): Member[] {
  const links = applets.map((name) => symlink(`bin/${name}`, "busybox"));
  return [folder("bin"), file("bin/busybox", busybox, 0o755), ...links];
}
