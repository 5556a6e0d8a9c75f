import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../../base/testing/budget.ts";
import { MigrationStreamError } from "./migration-stream.ts";
import {
  type MadePage,
  makeStream,
  named,
  realMemoryBytes,
  realStreams,
  splitAll,
  u32,
  u64,
} from "./testing/streams.ts";

const plan = { memoryBytes: realMemoryBytes, hasPages: true };

describe.each(realStreams)("a stream of QEMU $qemu", ({ bytes }) => {
  const whole = splitAll(plan, [bytes]);

  test("is split into pages with content, and the rest", () => {
    const heads = [...whole.pages].map(([offset, page]) => [
      offset,
      page.length,
      page.toString("hex", 0, 2),
      page.at(-1),
    ]);
    expect(heads).toEqual([
      [0x3000, 4096, "8877", 0],
      [0x4000, 4096, "0000", 0xa1],
    ]);
    expect(whole.zeros).toHaveLength(256 - 2);
    expect(whole.rest.length).toBeLessThan(bytes.length - 2 * 4104 - 254 * 9);
  });

  test("the rest is a stream without guest memory, but with all other blocks", () => {
    const again = splitAll({ ...plan, hasPages: false }, [whole.rest]);
    expect(again.rest.equals(whole.rest)).toBe(true);
    expect(again.pages.size + again.zeros.length).toBe(0);
    expect(whole.rest.includes(named("pc.bios"))).toBe(true);
  });

  test("the chunks don't matter", () => {
    for (const size of [1, 7, 4096, 4104, 10_000]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, at * size + size),
      );
      const split = splitAll(plan, chunks);
      expect(split.rest.equals(whole.rest)).toBe(true);
      expect([...split.pages.keys()]).toEqual([...whole.pages.keys()]);
    }
  });

  test("a stream that is truncated before its devices is refused", () => {
    const end = bytes.length - (whole.rest.length - bytes.indexOf(named("ram")) + 1);
    for (let length = 0; length < end; length += 97)
      expect(() => splitAll(plan, [bytes.subarray(0, length)])).toThrow("ends too early");
  });

  test(
    "with any byte changed it is split or refused, and nothing else",
    () => {
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
          const other = Buffer.from(bytes);
          other[at] = (other[at] ?? 0) ^ change;
          refusedOrSplit(other);
        }),
        { numRuns: runs(300) },
      );
    },
    patience,
  );
});

const mib = 2 ** 20;
const blocks: [string, number][] = [
  ["/objects/ram", mib],
  ["pc.bios", 65536],
];

test(
  "pages of any order, sections and blocks: the last of each place counts",
  () => {
    const page = fc.record({
      block: fc.constantFrom("/objects/ram", "pc.bios"),
      offset: fc.nat(15).map((at) => at * 4096),
      fill: fc.option(fc.integer({ min: 1, max: 255 })),
    });
    const sections = fc.array(fc.array(page, { maxLength: 30 }), { minLength: 1, maxLength: 4 });
    const cut = fc.integer({ min: 1, max: 9000 });
    fc.assert(
      fc.property(sections, cut, (made, size) => {
        const bytes = makeStream({ blocks, sections: made, devices: Buffer.from("devices") });
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
        const { pages, rest } = splitAll({ memoryBytes: mib, hasPages: true }, chunks);
        expect(pages).toEqual(lastOf(made.flat()));
        expect(rest.length).toBe(bytes.length - sizeOfMain(made.flat()));
        expect(rest.subarray(-7).toString()).toBe("devices");
        expect(splitAll({ memoryBytes: mib, hasPages: false }, [rest]).rest.equals(rest)).toBe(true);
      }),
      { numRuns: runs(60) },
    );
  },
  patience,
);

function lastOf(made: MadePage[]): Map<number, Buffer> {
  const last = new Map<number, Buffer>();
  for (const { block, offset, fill } of made) {
    if (block !== "/objects/ram") continue;
    last.delete(offset);
    if (fill !== null) last.set(offset, Buffer.alloc(4096, fill));
  }
  return last;
}

/** Bytes that guest memory takes in a stream. */
function sizeOfMain(made: MadePage[]): number {
  return made.reduce((sum, { block, fill }, at) => {
    if (block !== "/objects/ram") return sum;
    const name = made[at - 1]?.block === block ? 0 : 1 + block.length;
    return sum + 8 + name + (fill === null ? 1 : 4096);
  }, 0);
}

const simple = { blocks, sections: [[{ block: "/objects/ram", offset: 0, fill: 1 }]], devices: Buffer.from("d") };

describe("refused", () => {
  const page = (change: Partial<MadePage>) =>
    makeStream({ ...simple, sections: [[{ ...simple.sections[0]?.[0], ...change } as MadePage]] });
  const list = (changed: [string, number][]) => makeStream({ ...simple, blocks: changed });
  const good = makeStream(simple);
  const swapped = (from: Uint8Array, to: Uint8Array) => {
    const at = good.indexOf(from);
    return Buffer.concat([good.subarray(0, at), to, good.subarray(at + from.length)]);
  };
  const rows: [string, Buffer, RegExp][] = [
    ["something that is not a migration stream", Buffer.from("#!/bin/sh\n"), /wrong magic number/],
    ["another version", swapped(u32(3), u32(4)), /version 4/],
    ["a page after the end of memory", page({ offset: mib }), /a page at 1048576/],
    ["a page of a block that is not there", page({ block: "vga.ram" }), /a page of "vga.ram"/],
    ["memory of another size", list([["ram", 2 * mib]]), /guest memory of 2097152/],
    ["no guest memory", list([["rom", mib]]), /guest memory of undefined/],
    [
      "two that could be it",
      list([
        ["ram", mib],
        ["x/ram", mib],
      ]),
      /a memory block "x\/ram"/,
    ],
    [
      "a block twice",
      list([
        ["rom", mib],
        ["rom", mib],
      ]),
      /a memory block "rom"/,
    ],
    [
      "a block of no size",
      list([
        ["rom", 0],
        ["ram", mib],
      ]),
      /a memory block "rom"/,
    ],
    ["another live section", swapped(named("ram"), named("disk")), /a live section "disk"/],
    [
      "a device before the end of memory",
      swapped(Uint8Array.of(3, 0, 0, 0, 2), Uint8Array.of(4, 0, 0, 0, 2)),
      /type 4/,
    ],
    [
      "pages of a section that was not started",
      swapped(Uint8Array.of(3, 0, 0, 0, 2), Uint8Array.of(3, 0, 0, 0, 9)),
      /section 9/,
    ],
    [
      "a section without a footer",
      swapped(Uint8Array.of(0x7e, 0, 0, 0, 2), Uint8Array.of(0x7f, 0, 0, 0, 2)),
      /without a footer/,
    ],
    [
      "a section with the footer of another",
      swapped(Uint8Array.of(0x7e, 0, 0, 0, 2), Uint8Array.of(0x7e, 0, 0, 0, 3)),
      /footer of another/,
    ],
    ["compressed pages", swapped(u64(0x08), u64(0x100)), /flags 100/],
    [
      "a setting that is not known",
      swapped(named("configuration/capabilities"), named("configuration/uuid")),
      /configuration\/uuid/,
    ],
  ];
  test.each(rows)("%s", (_, bytes, message) => {
    expect(() => splitAll({ memoryBytes: mib, hasPages: true }, [bytes])).toThrow(message);
  });

  test("pages of memory that is shared with a file", () => {
    expect(() => splitAll({ memoryBytes: mib, hasPages: false }, [good])).toThrow("memory that is shared");
  });

  test("endless pages", () => {
    const pages = Array.from({ length: 40_000 }, () => ({ block: "ram", offset: 0, fill: null }));
    const bytes = makeStream({ blocks: [["ram", mib]], sections: [pages], devices: Buffer.alloc(1) });
    expect(() => splitAll({ memoryBytes: mib, hasPages: true }, [bytes])).toThrow("too many pages");
  });
});

describe("limits", () => {
  const ram: [string, number] = ["ram", mib];
  const streamOf = (some: [string, number][]) => makeStream({ ...simple, blocks: some, sections: [[]] });
  const split = (bytes: Uint8Array) => splitAll({ memoryBytes: mib, hasPages: true }, [bytes]);

  test("64 memory blocks", () => {
    const others = (count: number) => Array.from({ length: count }, (_, at): [string, number] => [`rom${at}`, 4096]);
    expect(() => split(streamOf([ram, ...others(63)]))).not.toThrow();
    expect(() => split(streamOf([ram, ...others(64)]))).toThrow('a memory block "rom63"');
  });

  test("a block has the given length, at most that of the list", () => {
    const good = streamOf([ram]);
    const at = good.indexOf(named("ram"), good.indexOf(u64(mib)) - 16);
    const changed = (length: Uint8Array) => {
      const other = Buffer.from(good);
      other.set(length, at + 4);
      return other;
    };
    expect(() => split(changed(u64(mib)))).not.toThrow();
    expect(() => split(changed(u64(mib + 1)))).toThrow('a memory block "ram" of 1048577 bytes');
    expect(() => split(changed(u64(2 ** 32)))).toThrow('a memory block "ram" of 4294967296 bytes');
  });

  test("there is one list of memory blocks, before the pages, without remaining bytes", () => {
    const good = streamOf([ram]);
    const list = Buffer.concat([u64(mib + 4), named("ram"), u64(mib), u64(0)]);
    const at = good.indexOf(list);
    const instead = (...parts: Uint8Array[]) =>
      Buffer.concat([good.subarray(0, at), ...parts, good.subarray(at + list.length)]);
    expect(() => split(instead())).toThrow("pages before the list of memory blocks");
    expect(() => split(instead(list, list))).toThrow("a second list of memory blocks");
    const rest = (bytes: number) =>
      instead(u64(mib + 4096 + 4), named("ram"), u64(mib), u64(0), named("rom"), u64(bytes), u64(0));
    expect(() => split(rest(4096))).not.toThrow();
    expect(() => split(rest(4095))).toThrow("an empty name");
  });

  test("255 bytes of the machine's name", () => {
    const good = streamOf([ram]);
    const name = Buffer.concat([u32(7), Buffer.from("microvm")]);
    const at = good.indexOf(name);
    const called = (length: number) =>
      Buffer.concat([good.subarray(0, at), u32(length), Buffer.alloc(length, 0x61), good.subarray(at + name.length)]);
    for (const length of [0, 1, 255]) expect(() => split(called(length))).not.toThrow();
    expect(() => split(called(256))).toThrow("256 where at most 255 are allowed");
  });

  test("64 capabilities, each with a name", () => {
    const good = streamOf([ram]);
    const only = Buffer.concat([u32(1), named("x-ignore-shared")]);
    const at = good.indexOf(only);
    const listed = (count: number, name: string) => {
      const names = Array.from({ length: count }, () => named(name));
      return Buffer.concat([good.subarray(0, at), u32(count), ...names, good.subarray(at + only.length)]);
    };
    for (const count of [0, 64]) expect(() => split(listed(count, "a"))).not.toThrow();
    expect(() => split(listed(65, "a"))).toThrow("65 where at most 64 are allowed");
    expect(() => split(listed(1, ""))).toThrow("an empty name");
  });

  test("pages of eight times the memory and 16 MiB", () => {
    const most = (8 * (mib + 2 ** 24)) / 4096;
    const zeros = (count: number) => Array.from({ length: count }, () => ({ block: "ram", offset: 0, fill: null }));
    const sent = (count: number) => makeStream({ blocks: [ram], sections: [zeros(count)], devices: Buffer.alloc(1) });
    expect(split(sent(most)).zeros).toHaveLength(most);
    expect(() => split(sent(most + 1))).toThrow("too many pages");
  });

  test("a page is within its block, and one of guest memory within that", () => {
    const both: [string, number][] = [ram, ["rom", 4096]];
    const sent = (block: string, offset: number) =>
      makeStream({ blocks: both, sections: [[{ block, offset, fill: 1 }]], devices: Buffer.alloc(1) });
    expect(() => split(sent("rom", 0))).not.toThrow();
    expect(() => split(sent("rom", 4096))).toThrow("a page at 4096 of 4096 bytes");
    expect([...split(sent("ram", mib - 4096)).pages.keys()]).toEqual([mib - 4096]);
    expect(() => split(sent("ram", 2 ** 32))).toThrow("a page at 4294967296 of 1048576 bytes");
  });

  test("a page of zeros must be filled with zero", () => {
    const good = makeStream({ blocks: [ram], sections: [[{ block: "ram", offset: 0, fill: null }]], devices: u32(0) });
    const at = good.indexOf(Buffer.concat([u64(0x02), named("ram")])) + 12;
    expect(good[at]).toBe(0);
    good[at] = 1;
    expect(() => split(good)).toThrow("filled with something other than zeros");
  });
});

test("commands between sections are forwarded", () => {
  const good = makeStream(simple);
  const at = good.indexOf(Uint8Array.of(3, 0, 0, 0, 2));
  const command = Buffer.concat([Uint8Array.of(8, 0, 11, 0, 3), Buffer.from("abc")]);
  const bytes = Buffer.concat([good.subarray(0, at), command, good.subarray(at)]);
  expect(splitAll({ memoryBytes: mib, hasPages: true }, [bytes]).rest.includes(command)).toBe(true);
});

function refusedOrSplit(bytes: Buffer): void {
  try {
    splitAll(plan, [bytes]);
  } catch (error) {
    expect(error).toBeInstanceOf(MigrationStreamError);
  }
}
