// UDP for a program that blocks: the sockets live in a thread of their own, which wakes this one by shared memory.
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";

export class Udp {
  constructor() {
    this.arrived = new Int32Array(new SharedArrayBuffer(4)); // datagrams so far; changed by the thread
    this.seen = 0;
    this.queues = []; // by socket id: datagrams that wait for receive()
    this.port = null;
  }

  /** A new socket's id. */
  open() {
    if (!this.port) this.startThread();
    return this.queues.push([]) - 1;
  }

  /** Send to and hear only host:port. What is sent before the name is resolved waits; if it is not, it is lost. */
  connect(id, host, port) {
    this.port.postMessage({ id, host, port });
  }

  send(id, data) {
    this.port.postMessage({ id, data });
  }

  /** Whether a datagram waits. */
  ready(id) {
    this.collect();
    return this.queues[id].length > 0;
  }

  /** The next datagram, or undefined. */
  receive(id) {
    this.collect();
    return this.queues[id].shift();
  }

  /** Sleep until a datagram came that nobody has asked for yet, at most `ms`; without limit if that is negative. */
  wait(ms) {
    Atomics.wait(this.arrived, 0, this.seen, ms < 0 ? Infinity : ms);
  }

  /** Sleep `ms`, whatever comes. */
  sleep(ms) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }

  close(id) {
    this.queues[id] = [];
    this.port.postMessage({ id, close: true });
  }

  startThread() {
    const { port1, port2 } = new MessageChannel();
    const options = { workerData: { arrived: this.arrived, port: port2 }, transferList: [port2] };
    new Worker(new URL("./udp_thread.mjs", import.meta.url), options);
    this.port = port1;
  }

  collect() {
    this.seen = Atomics.load(this.arrived, 0);
    for (let got = receiveMessageOnPort(this.port); got; got = receiveMessageOnPort(this.port)) {
      this.queues[got.message.id].push(Buffer.from(got.message.data));
    }
  }
}
