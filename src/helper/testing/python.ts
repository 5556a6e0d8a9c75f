/** Small Python programs of the network's tests: what the runtime can't do (TAP interfaces, raw frames), and what must start fast. */

/**
 * Plays a VMM: joins the guest's `eth0`, a TAP interface in its own namespace, to a TAP interface of the host, which it opens as the owner.
 * Arguments: the host's namespace, the interface, the uid; another name than `eth0`.
 */
export const vmm = `
import ctypes, errno, fcntl, os, select, struct, sys
def device(): return os.open("/dev/net/tun", os.O_RDWR)
def attach(fd, name): fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x1002))
inside = device()
attach(inside, sys.argv[4] if len(sys.argv) > 4 else "eth0")
if ctypes.CDLL(None).setns(os.open(sys.argv[1], os.O_RDONLY), 0x40000000) != 0: sys.exit("setns")
outside = device()
uid = int(sys.argv[3])
os.setgroups([]); os.setgid(uid); os.setuid(uid)
try: attach(outside, sys.argv[2])
except OSError as error: sys.exit(errno.errorcode[error.errno])
print("ready", flush=True)
other = {inside: outside, outside: inside}
while True:
    for fd in select.select(list(other), [], [])[0]:
        try: os.write(other[fd], os.read(fd, 65536))
        except OSError as error:
            # the interface was deleted
            if error.errno == errno.EBADFD: sys.exit(0)
`;

/** TCP on port 8081 and UDP on ports 53 and 8081, on all addresses: answers with the address that the question came from. */
export const echo = `
import select, socket
tcp = socket.create_server(("0.0.0.0", 8081), backlog=64)
udp = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
udp[0].bind(("0.0.0.0", 53)); udp[1].bind(("0.0.0.0", 8081))
print("ready", flush=True)
while True:
    for one in select.select([tcp, *udp], [], [])[0]:
        if one is tcp:
            peer, address = tcp.accept()
            try: peer.sendall(address[0].encode())
            except OSError: pass
            peer.close()
        else:
            _, address = one.recvfrom(2048)
            one.sendto(address[0].encode(), address)
`;

/** Prints on one line the texts that come to UDP port 9000 on any address, up to the text `?`, which the others' `ask` sends. */
export const record = `
import socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind(("0.0.0.0", 9000))
print("ready", flush=True)
texts = []
while True:
    text, address = one.recvfrom(2048)
    if text == b"?": break
    texts.append(text.decode())
one.sendto(b"!", address)
print(" ".join(texts))
`;

/** Prints what `echo` answers, `none` when nothing does in time, or the error's name. Arguments: tcp or udp, address, port. */
export const ask = `
import errno, socket, sys
kind, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
one = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
one.settimeout(1)
try:
    one.connect((address, port))
    if kind == "udp": one.send(b"?")
    print(one.recv(64).decode())
except TimeoutError: print("none")
except OSError as error: print(errno.errorcode[error.errno])
`;

/**
 * Asks a UDP port so many times with a kilobyte, as fast as it is answered, and prints how often it was. Arguments: address, port, number.
 */
export const flood = `
import select, socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.connect((sys.argv[1], int(sys.argv[2])))
answers = 0
for _ in range(int(sys.argv[3])):
    one.send(bytes(1000))
    if select.select([one], [], [], 0.002)[0]: answers += len(one.recv(64)) > 0
print(answers)
`;

/**
 * Asks a UDP port from one port after the other, and prints how many were answered before twenty in a row were not. Arguments: address, port.
 */
export const manyFlows = `
import select, socket, sys
answers = missed = 0
for number in range(10000, 20000):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("0.0.0.0", number))
    try:
        one.sendto(b"?", (sys.argv[1], int(sys.argv[2])))
        answered = len(select.select([one], [], [], 0.05)[0])
    except OSError: answered = 0
    one.close()
    answers += answered
    missed = 0 if answered else missed + 1
    if missed == 20: break
print(answers)
`;

/** Sends raw frames from `eth0` and ends. Arguments: each in hex. */
export const send = `
import socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("eth0", 0))
for frame in sys.argv[1:]: raw.send(bytes.fromhex(frame))
`;

/**
 * Prints in hex, on one line, all frames that an interface got before a UDP packet for port 9999. Argument: the interface.
 */
export const listen = `
import socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
raw.bind((sys.argv[1], 0))
print("ready", flush=True)
seen = []
while True:
    frame = raw.recv(2048)
    if frame[12:14] == b"\\x08\\x00" and frame[23] == 17 and frame[36:38] == b"\\x27\\x0f": break
    seen.append(frame.hex())
print(" ".join(seen))
`;

/**
 * A client of the helper: writes its pid to a file, takes a uid, connects, and sends each line of stdin as a frame; prints each answer as a line,
 * and `closed` at the end. Arguments: the socket, the file, the uid.
 */
export const client = `
import os, socket, struct, sys
if sys.argv[2] != "-":
    with open(sys.argv[2], "w") as file: file.write(str(os.getpid()))
uid = int(sys.argv[3])
if uid != os.getuid(): os.setgroups([]); os.setgid(uid); os.setuid(uid)
one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
one.connect(sys.argv[1])
def take(count):
    parts = b""
    while len(parts) < count:
        part = one.recv(count - len(parts))
        if not part: print("closed", flush=True); sys.exit(0)
        parts += part
    return parts
print("ready", flush=True)
for line in sys.stdin:
    body = line.strip().encode()
    try:
        one.sendall(struct.pack("<I", len(body)) + body)
        print(take(struct.unpack("<I", take(4))[0]).decode(), flush=True)
    except OSError: print("closed", flush=True); sys.exit(0)
`;
