/**
 * The files that `make mutants` changes: where bytes of a stranger are judged, or someone's rights. Beside the tests that share a
 * file's name, those that are listed here must notice a change; they are run in this order. Only tests that need nothing but this
 * process: they run hundreds of times. For a Rust file they are modules of the agent.
 */
export const mutantFiles: Record<string, string[]> = {
  // the agent's protocol: frames, credit, streams
  "src/wire/agent/frame.ts": ["src/wire/agent/limits.test.ts", "src/wire/agent"],
  "src/wire/agent/inbox.ts": ["src/wire/agent/limits.test.ts", "src/wire/agent"],
  "src/wire/agent/stream.ts": ["src/wire/agent/connection.test.ts", "src/wire/agent/limits.test.ts", "src/wire/agent"],
  "src/wire/agent/session.ts": [
    "src/wire/agent/connection.test.ts",
    "src/wire/agent/hostile.test.ts",
    "src/wire/agent",
  ],
  "src/wire/agent/hello.ts": ["src/wire/agent"],
  "src/wire/agent/relay.ts": ["src/wire/agent"],
  // QEMU's monitor and its stream
  "src/wire/qmp/client.ts": ["src/wire/qmp/limits.test.ts"],
  "src/wire/qmp/migration-stream.ts": [],
  // words that reach a terminal
  "src/base/untrusted-text.ts": [],
  // who is spoken to
  "src/client/connect.ts": ["src/client", "src/host/files/owner.test.ts"],
  "src/host/files/owner.ts": ["src/client"],
  "src/daemon/peer.ts": [],
  "src/host/net/http-server.ts": ["src/host/net/http-limits.test.ts", "src/daemon/hostile.test.ts", "src/daemon"],
  "src/host/net/http-body.ts": ["src/host/net/http-limits.test.ts", "src/daemon/hostile.test.ts", "src/daemon"],
  // what a registry may name
  "src/base/zone.ts": [],
  "src/host/net/http-route.ts": [],
  "src/images/registry/challenge.ts": ["src/images/registry"],
  "src/images/registry/endpoint.ts": ["src/images/registry"],
  "src/base/url.ts": [],
  "src/base/proxy.ts": [],
  "src/images/registry/auth.ts": ["src/images/registry/limits.test.ts", "src/images/registry/trust.test.ts"],
  "src/images/oci/manifest.ts": ["src/images/oci/limits.test.ts", "src/images/oci", "src/images/pull.test.ts"],
  // what a pull may fetch, and what it may remove
  "src/images/pull.ts": ["src/images/pull-index.test.ts"],
  "src/artifacts/download.ts": [
    "src/artifacts/download-room.test.ts",
    "src/artifacts/download-sources.test.ts",
    "src/artifacts/blob-hold.test.ts",
    "src/images/registry/mirror.test.ts",
  ],
  "src/artifacts/cache-owner.ts": [],
  "src/host/files/clear-tree.ts": ["src/host/files/remove-tree.test.ts", "src/host/files/remove-tree.root.test.ts"],
  // what a VMM loads, and the network that it gets
  "src/vmm/save-files.ts": ["src/vmm/check-save.test.ts"],
  "src/network/user.ts": [],
  "src/model/network.ts": ["src/config/parse.test.ts"],
  // archives
  "src/formats/tar/entry.ts": ["src/formats/tar/limits.test.ts", "src/formats/tar"],
  "src/formats/tar/header.ts": ["src/formats/tar/limits.test.ts", "src/formats/tar"],
  "src/formats/tar/names.ts": ["src/formats/tar/limits.test.ts", "src/formats/tar"],
  "src/formats/tar/pax.ts": ["src/formats/tar/limits.test.ts", "src/formats/tar"],
  "src/formats/tar/scanner.ts": ["src/formats/tar/limits.test.ts", "src/formats/tar"],
  "src/formats/tar/sparse.ts": ["src/formats/tar/limits.test.ts", "src/formats/tar"],
  "src/images/layer/paths.ts": ["src/images/layer", "src/images"],
  "src/images/layer/marks.ts": ["src/images/layer"],
  "src/images/layer/reading.ts": ["src/images/layer", "src/images/pull.test.ts"],
  "src/images/layer/unpacking.ts": ["src/images/layer"],
  "src/formats/squashfs/content.ts": ["src/formats/squashfs/limits.test.ts", "src/formats"],
  "src/formats/squashfs/inode.ts": ["src/formats/squashfs/limits.test.ts", "src/formats"],
  "src/formats/squashfs/metadata.ts": ["src/formats/squashfs/limits.test.ts", "src/formats"],
  "src/formats/squashfs/reader.ts": ["src/formats/squashfs/limits.test.ts", "src/formats"],
  "src/formats/squashfs/source.ts": ["src/formats/squashfs/limits.test.ts", "src/formats"],
  "src/formats/squashfs/xattrs.ts": ["src/formats/squashfs/limits.test.ts", "src/formats"],
  // repositories
  "src/workspace/alternates.ts": [],
  "src/workspace/config-include.ts": ["src/workspace/config-read.test.ts"],
  "src/workspace/config-read.ts": [],
  "src/workspace/names.ts": [],
  "src/workspace/reftable.ts": [],
  // what a confined process may do, which frames leave a guest, and what a tar stream makes in one: modules of the agent, whose own tests
  // run first
  "agent/src/host/profiles.rs": [],
  "agent/src/sys/seccomp.rs": ["host::profiles"],
  "agent/src/sys/landlock.rs": [],
  "agent/src/host/netguard/policy.rs": ["host::netguard"],
  "agent/src/tar/header.rs": ["tar"],
  "agent/src/tar/pax.rs": ["tar"],
  "agent/src/tar/read.rs": ["tar"],
  "agent/src/tar/sparse.rs": ["tar"],
  "agent/src/tar/unpack.rs": ["tar"],
  "agent/src/tar/write.rs": ["tar"],
  // operations on a VM, one after the other
  "src/machines/guest/operations.ts": [],
};
