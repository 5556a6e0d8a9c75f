import { expect, test } from "bun:test";
import { Forward, type ForwardSpec, type Listen } from "./forward.ts";

const spec: ForwardSpec = { kind: "automatic", guestPort: 80, address: "127.12.0.4", hostPort: 80 };

/** A host that refuses some ports. */
function host(refused: Record<number, string>) {
  const open = new Set<number>();
  const asked: number[] = [];
  const listen: Listen = async (_address, port) => {
    asked.push(port);
    const code = refused[port];
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    open.add(port);
    return { close: () => void open.delete(port) };
  };
  return { open, asked, listen, refused };
}

test.each([
  [80, { 80: "EACCES" }, [80, 10_080], "open", 10_080, null],
  [80, {}, [80], "open", 80, null],
  [80, { 80: "EADDRINUSE" }, [80], "taken", 80, "EADDRINUSE"],
  [80, { 80: "EACCES", 10080: "EADDRINUSE" }, [80, 10_080], "taken", 10_080, "EADDRINUSE"],
  [3000, { 3000: "EACCES" }, [3000], "failed", 3000, "EACCES"],
  [3000, { 3000: "EADDRNOTAVAIL" }, [3000], "failed", 3000, "EADDRNOTAVAIL"],
] as const)("port %i of a host that refuses %j", async (port, refused, asked, state, hostPort, errno) => {
  const { listen, ...seen } = host(refused);
  const forward = new Forward({ ...spec, guestPort: port, hostPort: port }, listen, () => {});
  await forward.open();
  expect(seen.asked).toEqual([...asked]);
  expect({ ...forward }).toMatchObject({ state, hostPort, errno });
});

test("a published port is never moved", async () => {
  const { listen, asked } = host({ 80: "EACCES" });
  const forward = new Forward({ ...spec, kind: "published", guestPort: 3000 }, listen, () => {});
  await forward.open();
  expect([asked, forward.state, forward.hostPort]).toEqual([[80], "failed", 80]);
});

test("is tried again when it was taken, at its own port", async () => {
  const { listen, refused, asked } = host({ 80: "EACCES", 10080: "EADDRINUSE" });
  const forward = new Forward(spec, listen, () => {});
  await forward.open();
  delete refused[80];
  await forward.open();
  await forward.open();
  expect([asked, forward.state, forward.hostPort]).toEqual([[80, 10_080, 80], "open", 80]);
});

test("closed while it opens, it leaves nothing open", async () => {
  const { listen, open } = host({});
  const forward = new Forward(spec, listen, () => {});
  const opening = forward.open();
  forward.close();
  await opening;
  await forward.open();
  expect([open.size, forward.state]).toEqual([0, "closed"]);
});
