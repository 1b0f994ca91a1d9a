// The thread behind udp.mjs: sockets as it tells, and what they hear.
import dgram from "node:dgram";
import dns from "node:dns/promises";
import { workerData } from "node:worker_threads";

const { arrived, port } = workerData;
const peers = new Map(); // id -> { host, port, socket: a promise, or null until something is sent }

port.on("message", ({ id, host, port: number, data, close }) => {
  if (host) peers.set(id, { host, port: number, socket: null });
  else if (data) send(id, peers.get(id), data);
  else if (close) end(id);
});

/** Transmits, or loses: what matters is sent again by the layers above. */
async function send(id, peer, data) {
  if (!peer) return;
  peer.socket ??= open(id, peer);
  try {
    (await peer.socket).send(data, () => {});
  } catch {
    peer.socket = null; // no such name now, or closed meanwhile: the next one tries again
  }
}

async function open(id, { host, port: number }) {
  const { address, family } = await dns.lookup(host);
  const socket = dgram.createSocket(family === 6 ? "udp6" : "udp4");
  socket.on("error", () => {}); // nobody listens there yet
  socket.on("message", (data) => {
    port.postMessage({ id, data });
    Atomics.add(arrived, 0, 1);
    Atomics.notify(arrived, 0);
  });
  await new Promise((connected) => socket.connect(number, address, connected));
  return socket;
}

async function end(id) {
  const peer = peers.get(id);
  peers.delete(id);
  try {
    (await peer?.socket)?.close();
  } catch {
    // it never opened
  }
}
