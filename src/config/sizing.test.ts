import { expect, test } from "bun:test";
import fc from "fast-check";
import { resolveSizes, type SizeFacts, type SizeFlags } from "./sizing.ts";

const gib = 1024 ** 3;
type Row = {
  name: string;
  flags?: SizeFlags;
  config?: SizeFlags;
  facts: SizeFacts;
  want: [number, number, number];
  from: [string, string, string];
};

const rows: Row[] = [
  {
    name: "a large host",
    facts: { cpus: 32, memoryBytes: 128 * gib },
    want: [4, 8192, 8 * gib],
    from: ["host", "host", "host"],
  },
  {
    name: "a middling host",
    facts: { cpus: 12, memoryBytes: 32 * gib },
    want: [3, 4096, 8 * gib],
    from: ["host", "host", "host"],
  },
  {
    name: "a small host: constants",
    facts: { cpus: 4, memoryBytes: 4 * gib },
    want: [2, 1024, 8 * gib],
    from: ["constant", "constant", "host"],
  },
  {
    name: "one CPU: never more than the host has",
    facts: { cpus: 1, memoryBytes: gib },
    want: [1, 1024, 8 * gib],
    from: ["constant", "constant", "host"],
  },
  {
    name: "nothing known",
    facts: { cpus: 0, memoryBytes: 0 },
    want: [1, 1024, 8 * gib],
    from: ["constant", "constant", "host"],
  },
  {
    name: "memory is even",
    facts: { cpus: 8, memoryBytes: 8 * 1025 * 1024 ** 2 },
    want: [2, 1024, 8 * gib],
    from: ["host", "host", "host"],
  },
  {
    name: "config over host",
    config: { vcpu: 1, memoryMib: 512 },
    facts: { cpus: 32, memoryBytes: 128 * gib },
    want: [1, 512, 8 * gib],
    from: ["config", "config", "host"],
  },
  {
    name: "flag over config",
    flags: { vcpu: 8, diskBytes: gib },
    config: { vcpu: 1, diskBytes: 2 * gib },
    facts: { cpus: 4, memoryBytes: gib },
    want: [8, 1024, gib],
    from: ["flag", "constant", "flag"],
  },
];

for (const { name, flags, config, facts, want, from } of rows) {
  test(name, () => {
    const sizes = resolveSizes(flags ?? {}, { vmDefaults: (config ?? {}) as never }, facts);
    expect([sizes.vcpu, sizes.memoryMib, sizes.diskBytes]).toEqual(want);
    expect([sizes.provenance.vcpu, sizes.provenance.memory, sizes.provenance.disk] as string[]).toEqual(from);
  });
}

test("host-derived sizes never leave their bounds", () => {
  fc.assert(
    fc.property(fc.nat(512), fc.nat(2 ** 42), (cpus, memoryBytes) => {
      const { vcpu, memoryMib } = resolveSizes({}, { vmDefaults: {} }, { cpus, memoryBytes });
      expect(vcpu).toBeGreaterThanOrEqual(1);
      expect(vcpu).toBeLessThanOrEqual(Math.min(4, Math.max(1, cpus)));
      expect(memoryMib % 2).toBe(0);
      expect(memoryMib).toBeGreaterThanOrEqual(1024);
      expect(memoryMib).toBeLessThanOrEqual(8192);
    }),
  );
});
