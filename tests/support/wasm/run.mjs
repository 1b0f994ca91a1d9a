// Runs a script on MicroPython's WebAssembly build: node run.mjs FOLDER SCRIPT
//
// Every file below FOLDER is copied into the interpreter's file system under /work, its working directory; /work/lib is
// where it imports from. What it prints goes to standard output; an exception goes to standard error and exits 1.
// The build has no cryptolib: run.mjs brings AES, and cryptolib.py beside it wraps it in cryptolib's interface.
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript/micropython.mjs";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import url from "node:url";

const [folder, script] = process.argv.slice(2);
if (!script) {
  console.error("usage: node run.mjs FOLDER SCRIPT");
  process.exit(2);
}
const here = path.dirname(url.fileURLToPath(import.meta.url));

// linebuffer off would hand over single bytes; a line at a time keeps UTF-8 whole.
const micropython = await loadMicroPython({
  heapsize: 1024 * 1024,
  stdout: (line) => process.stdout.write(line + "\n"),
  linebuffer: true,
});

function copy(from, to) {
  if (fs.statSync(from).isDirectory()) {
    if (!micropython.FS.analyzePath(to).exists) micropython.FS.mkdir(to);
    for (const name of fs.readdirSync(from)) {
      if (name !== "__pycache__") copy(path.join(from, name), `${to}/${name}`);
    }
  } else {
    micropython.FS.writeFile(to, fs.readFileSync(from));
  }
}

function encrypt(mode, key, iv, data) {
  const bytes = (hex) => Buffer.from(hex, "hex");
  const name = `aes-${key.length * 4}-${mode === 1 ? "ecb" : "cbc"}`;
  const cipher = crypto.createCipheriv(name, bytes(key), iv ? bytes(iv) : null);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(bytes(data)), cipher.final()]).toString("hex");
}

copy(folder, "/work");
micropython.FS.writeFile("/work/lib/cryptolib.py", fs.readFileSync(path.join(here, "cryptolib.py")));
micropython.registerJsModule("_node_aes", { encrypt });
micropython.runPython("import os, sys\nos.chdir('/work')\nsys.path.insert(0, '/work/lib')\n");
try {
  micropython.runPython(fs.readFileSync(path.join(folder, script), "utf8"));
} catch (error) {
  console.error(error.message ?? String(error));
  process.exit(1);
}
