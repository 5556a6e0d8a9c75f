/** Sends back each datagram that comes to a port of loopback; prints `ready PORT`. */
import dgram from "node:dgram";

const socket = dgram.createSocket("udp4");
socket.on("message", (datagram, from) => socket.send(datagram, from.port, from.address));
socket.bind(0, "127.0.0.1", () => console.log(`ready ${socket.address().port}`));
