// Runs a program on MicroPython's WebAssembly build as the unix port would:
//
//   node run.mjs BUILD SCRIPT       BUILD: the npm package's micropython.mjs
//   node run.mjs BUILD -c CODE
//
// The working folder and those of MICROPYPATH stand in the interpreter's file system under their own names. What the
// program prints goes to standard output, an exception to standard error. Sockets, AES, random bytes and sleep, which
// the build lacks, are lent by Node.js through the modules in lent/.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import url from "node:url";
import { encrypt } from "./aes.mjs";
import { copyIn, WorkingFolder } from "./files.mjs";
import { Udp } from "./udp.mjs";

const [build, script, code, ...more] = process.argv.slice(2);
if (!script || more.length || (script === "-c") !== (code !== undefined) || (script[0] === "-" && script !== "-c")) {
  console.error("usage: node run.mjs BUILD SCRIPT | node run.mjs BUILD -c CODE");
  process.exit(2);
}
const lent = path.join(path.dirname(url.fileURLToPath(import.meta.url)), "lent");
const imports = (process.env.MICROPYPATH ?? ".frozen").split(":");
const { loadMicroPython } = await import(url.pathToFileURL(build).href);
const micropython = await loadMicroPython({
  heapsize: 1024 * 1024,
  // Written at once, for an endless program never gives Node.js a turn. By the line, for single bytes cut UTF-8.
  stdout: (line) => fs.writeSync(1, line + "\n"),
  linebuffer: true,
});

const folder = new WorkingFolder(micropython.FS, process.cwd());
for (const place of [lent, ...imports]) {
  if (path.isAbsolute(place)) copyIn(micropython.FS, place);
}
lend();
let status = 0;
try {
  micropython.runPython(script === "-c" ? code : fs.readFileSync(script, "utf8"));
} catch (error) {
  status = error.type === "Running" ? drive() : exitStatus(error);
}
folder.save();
process.exit(status);

function lend() {
  const udp = new Udp();
  micropython.registerJsModule("_node_aes", { encrypt });
  micropython.registerJsModule("_node_system", {
    random: (n) => crypto.randomBytes(n).toString("hex"),
    sleep: (ms) => pause(() => udp.sleep(ms)),
  });
  micropython.registerJsModule("_node_udp", {
    open: () => udp.open(),
    connect: (id, host, port) => udp.connect(id, host, port),
    // No datagram leaves before the host has every file the program wrote: a counter is on disk before it is used.
    send: (id, hex) => pause(() => udp.send(id, Buffer.from(hex, "hex"))),
    ready: (id) => udp.ready(id),
    receive: (id) => udp.receive(id)?.toString("hex") ?? null,
    wait: (ms) => pause(() => udp.wait(ms)),
    close: (id) => udp.close(id),
  });
  const places = JSON.stringify(["", lent, ...imports]);
  micropython.runPython(`import os, sys\nos.chdir(${JSON.stringify(process.cwd())})\nsys.path[:] = ${places}\nimport boot\n`);
}

function pause(action) {
  folder.save();
  return action();
}

/** Turns the loop of a node that called run(): the build collects garbage only between two calls from here. */
function drive() {
  const { step } = micropython.pyimport("boot");
  try {
    for (;;) step();
  } catch (error) {
    return exitStatus(error);
  }
}

function exitStatus(error) {
  const message = error.message ?? String(error);
  const asked = error.type === "SystemExit" ? /SystemExit: (\d*)\s*$/.exec(message) : null;
  if (!asked) console.error(message);
  return asked ? Number(asked[1]) : 1;
}
