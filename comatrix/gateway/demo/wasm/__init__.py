"""MicroPython's WebAssembly build on Node.js, with what it lacks lent by Node.js: `run.mjs` runs a program on it."""
