/** What a guest would tell the others on its network if it could: that it is their DHCP server and their router. Frames in hex. */
import { ethernet, everyone, udp } from "../../../src/helper/testing/frames.ts";

export type Place = { mac: string; address: string };

/** in each frame below: a prefix for IPv6 addresses, and the name that a server gives itself */
export const marks = { router: "20010db80bad0000", dhcp: Buffer.from("a-guest-as-server").toString("hex") } as const;

/** An offer and an acknowledgement to everybody, from the guest's own address and from the bridge's. RFC 2131 section 2, RFC 2132 */
export function dhcpTricks(guest: Place, bridge: string): string[] {
  const own = bytesOf(guest.address);
  const answer = (kind: number) => {
    const message = Buffer.alloc(240);
    // an answer over Ethernet, to be broadcast
    message.set([2, 1, 6, 0], 0);
    message.set([0x80, 0], 10);
    message.set(bytesOf("172.16.0.200"), 16);
    message.set(own, 20);
    message.write("a-guest-as-server", 44);
    message.set([99, 130, 83, 99], 236);
    // its kind, the server, the lease in seconds, the mask, the router, the resolver, the end
    const options = [
      [53, 1, kind],
      [54, 4, ...own],
      [51, 4, 0, 0, 14, 16],
      [1, 4, 255, 255, 255, 0],
      [3, 4, ...own],
      [6, 4, ...own],
      [255],
    ].flat();
    return Buffer.concat([message, Buffer.from(options)]);
  };
  const [offer, acknowledgement] = [2, 5];
  return [offer, acknowledgement].flatMap((kind) =>
    [guest.address, bridge].map((from) =>
      ethernet(guest.mac, everyone, "0800", udp(from, "255.255.255.255", [67, 68], answer(kind))),
    ),
  );
}

/** A router's advertisement to all nodes, by which they take addresses of a prefix and a default route. RFC 4861 sections 4.2 and 4.6 */
export function routerTricks({ mac }: Place): string[] {
  const source = "fe800000000000000000000000000bad";
  const all = "ff020000000000000000000000000001";
  const link = `0101${mac.replaceAll(":", "")}`;
  const prefix = `030440c0ffffffffffffffff00000000${marks.router}0000000000000000`;
  const body = `860000004000ffff0000000000000000${link}${prefix}`;
  const length = (body.length / 2).toString(16);
  const sum = checksum(`${source}${all}${length.padStart(8, "0")}0000003a${body}`);
  const message = `${body.slice(0, 4)}${sum}${body.slice(8)}`;
  return [
    ethernet(mac, "33:33:00:00:00:01", "86dd", `60000000${length.padStart(4, "0")}3aff${source}${all}${message}`),
  ];
}

function bytesOf(address: string): number[] {
  return address.split(".").map(Number);
}

/** RFC 1071 */
function checksum(hex: string): string {
  let sum = 0;
  for (const word of hex.match(/.{4}/g) ?? []) sum += Number.parseInt(word, 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return (~sum & 0xffff).toString(16).padStart(4, "0");
}

/**
 * A program that prints `ready`, and then notes in hex, on one line, all frames that each of its interfaces got, until each had a UDP packet for
 * port 9999. Arguments: the interfaces.
 */
export const recorder = `
import select, socket, sys
def opened(name):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    one.bind((name, 0))
    return one
waiting = {opened(name): name for name in sys.argv[1:]}
print("ready", flush=True)
seen = {name: [] for name in sys.argv[1:]}
while waiting:
    found = select.select(list(waiting), [], [], 20)[0]
    if not found: break
    for one in found:
        frame = one.recv(2048)
        seen[waiting[one]].append(frame.hex())
        if frame[12:14] == b"\\x08\\x00" and frame[23] == 17 and frame[36:38] == b"\\x27\\x0f": del waiting[one]
with open("/tmp/frames", "w") as file:
    for name in sys.argv[1:]: print(*seen[name], file=file)
`;

/** Waits for its end, and prints a line of frames for each interface. @param pid its own */
export const recorded = (pid: string) => `tail --pid=${pid} -f /dev/null; cat /tmp/frames`;
