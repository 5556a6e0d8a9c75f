import { expect, test } from "bun:test";
import fc from "fast-check";
import { bootLists, indexModules, loadOrder, moduleName } from "./boot-modules.ts";
import { depSample } from "./testing/samples.ts";

const texts = { dep: depSample, builtin: "kernel/fs/ext4/ext4.ko\n", softdep: "" };

test("only what a guest needs at boot, each after what it needs itself", () => {
  expect(loadOrder(indexModules(texts)).map(moduleName)).toEqual([
    "virtio",
    "virtio_ring",
    "virtio_mmio",
    "virtio_blk",
    "virtio_console",
    "squashfs",
    "overlay",
    "failover",
    "virtio_net",
    "virtio_rng",
  ]);
});

test("what only a VMM with a vsock needs is in a list of its own, without what every guest has loaded", () => {
  const vsock = "kernel/net/vmw_vsock/";
  const dep = `${depSample}
${vsock}vsock.ko:
${vsock}vmw_vsock_virtio_transport_common.ko: ${vsock}vsock.ko
${vsock}vmw_vsock_virtio_transport.ko: ${vsock}vmw_vsock_virtio_transport_common.ko ${vsock}vsock.ko kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/virtio/virtio_balloon.ko: kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/net/tun.ko:
`;
  const index = indexModules({ dep, builtin: "", softdep: "" });
  const { always, withVsock } = bootLists(index);
  expect(always).toEqual(loadOrder(index));
  expect(withVsock.map(moduleName)).toEqual([
    "vsock",
    "vmw_vsock_virtio_transport_common",
    "vmw_vsock_virtio_transport",
    "virtio_balloon",
    "tun",
  ]);
});

test("soft dependencies come first when they are there", () => {
  const dep = `${depSample}kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko\nkernel/fs/jbd2/jbd2.ko:\nkernel/crypto/crc32c_generic.ko:\n`;
  const softdep = "# comment\nsoftdep ext4 pre: crc32c-generic absent post: x\n";
  const order = loadOrder(indexModules({ dep, builtin: "", softdep }), ["ext4"]).map(moduleName);
  expect(order).toEqual(["crc32c_generic", "jbd2", "ext4"]);
});

test("circular dependencies end", () => {
  const index = indexModules({ dep: "a.ko: b.ko\nb.ko: a.ko\n", builtin: "", softdep: "" });
  expect(loadOrder(index, ["a"])).toEqual(["b.ko", "a.ko"]);
});

test("every order has dependencies before dependents", () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  // Edges lead from later to earlier names only, so there are no circles.
  const graph = fc.tuple(...names.map((_, i) => fc.subarray(names.slice(0, i))));
  fc.assert(
    fc.property(graph, fc.shuffledSubarray(names), (edges, wanted) => {
      const dep = names
        .map((name, i) => `k/${name}.ko: ${(edges[i] ?? []).map((one) => `k/${one}.ko`).join(" ")}\n`)
        .join("");
      const order = loadOrder(indexModules({ dep, builtin: "", softdep: "" }), wanted).map(moduleName);
      for (const name of wanted) expect(order).toContain(name);
      order.forEach((name, at) => {
        for (const needed of edges[names.indexOf(name)] ?? []) expect(order.indexOf(needed)).toBeLessThan(at);
      });
    }),
  );
});

test("a dependency chain of the maximum number of modules does not overflow the stack", () => {
  const count = 50_000;
  const dep = Array.from({ length: count }, (_, at) => `m${at}.ko:${at + 1 < count ? ` m${at + 1}.ko` : ""}\n`).join(
    "",
  );
  const order = loadOrder(indexModules({ dep, builtin: "", softdep: "" }), ["m0"]);
  expect([order.length, order[0], order.at(-1)]).toEqual([count, `m${count - 1}.ko`, "m0.ko"]);
});
