// The host's files in the interpreter's file system, which is in memory, and back.
import fs from "node:fs";
import path from "node:path";

/** Copies a file or folder into FS under its own name; `copied(name, bytes)` hears of each file. */
export function copyIn(FS, name, copied = () => {}) {
  if (fs.statSync(name).isDirectory()) {
    FS.mkdirTree(name);
    for (const entry of fs.readdirSync(name)) {
      if (entry !== "__pycache__") copyIn(FS, path.join(name, entry), copied);
    }
  } else {
    const bytes = fs.readFileSync(name);
    FS.writeFile(name, bytes);
    copied(name, bytes);
  }
}

/** A folder whose changes can be saved: files written, made or removed by the program. */
export class WorkingFolder {
  constructor(FS, folder) {
    this.FS = FS;
    this.folder = folder;
    this.known = new Map(); // name -> its bytes on the host, as far as we know
    copyIn(FS, folder, (name, bytes) => this.known.set(name, bytes));
  }

  /** Brings the host up to date. By content: times of change are too coarse to tell two writes apart. */
  save() {
    const gone = new Set(this.known.keys());
    for (const name of this.names(this.folder)) {
      gone.delete(name);
      const bytes = Buffer.from(this.FS.readFile(name));
      if (this.known.get(name)?.equals(bytes)) continue;
      fs.mkdirSync(path.dirname(name), { recursive: true });
      fs.writeFileSync(name, bytes);
      this.known.set(name, bytes);
    }
    for (const name of gone) {
      fs.rmSync(name, { force: true });
      this.known.delete(name);
    }
  }

  *names(folder) {
    for (const entry of this.FS.readdir(folder)) {
      if (entry === "." || entry === "..") continue;
      const name = path.join(folder, entry);
      if (this.FS.isDir(this.FS.stat(name).mode)) yield* this.names(name);
      else yield name;
    }
  }
}
