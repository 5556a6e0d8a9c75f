/** A world outside of the test host, in a network namespace of its own in there: a link, a resolver that notes what it is asked, and a web server. */
import type { SystemHost } from "./host.ts";
import { startPython } from "./python.ts";

/** The host's address on the link, and that of the resolver behind it (RFC 5737). */
export const uplink = { host: "198.51.100.2", resolver: "198.51.100.1" } as const;
/** Answers at port 80 with the address that it was asked from; every name that the resolver is asked for has this address. */
export const internet = "203.0.113.10";

const names = "/tmp/outside-names";

const server = `
import socket, threading
def dns():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("${uplink.resolver}", 53))
    while True:
        data, peer = s.recvfrom(4096)
        end, labels = 12, []
        while data[end]:
            labels.append(data[end + 1:end + 1 + data[end]].decode())
            end += 1 + data[end]
        question, kind = data[12:end + 5], data[end + 1:end + 3]
        with open("${names}", "a") as log: log.write(".".join(labels) + "\\n")
        answer = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x05\\0\\4" + socket.inet_aton("${internet}") if kind == b"\\0\\1" else b""
        s.sendto(data[:2] + b"\\x81\\x80\\0\\1\\0" + (b"\\1" if answer else b"\\0") + b"\\0\\0\\0\\0" + question + answer, peer)
def web():
    s = socket.create_server(("${internet}", 80))
    while True:
        c, peer = s.accept()
        c.recv(4096)
        c.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + peer[0].encode())
        c.close()
threading.Thread(target=web, daemon=True).start()
print("ready", flush=True)
dns()
`;

const link = `set -e
ip netns add outside
ip link add uplink type veth peer name outer netns outside
ip addr add ${uplink.host}/24 dev uplink; ip link set uplink up; ip route add default via ${uplink.resolver}
ip -n outside addr add ${uplink.resolver}/24 dev outer; ip -n outside link set outer up; ip -n outside link set lo up
ip -n outside addr add ${internet}/32 dev lo
ip -n outside route add 172.16.0.0/24 via ${uplink.host}
resolvectl dns uplink ${uplink.resolver}; resolvectl domain uplink '~.'
: > ${names}`;

export async function makeOutside(host: SystemHost): Promise<void> {
  await host.shell(link);
  await startPython(host, server, { within: ["ip", "netns", "exec", "outside"] });
}

/** Names that its resolver was asked for. */
export async function namesAsked(host: SystemHost): Promise<string[]> {
  return (await host.shell(`cat ${names}`)).split("\n").filter(Boolean);
}
