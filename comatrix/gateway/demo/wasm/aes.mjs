// AES from Node.js for lent/cryptolib.py: bytes cross over as hexadecimal digits.
import crypto from "node:crypto";

/** The ciphertext of whole blocks. mode: 1 ECB, 2 CBC; iv null for ECB. */
export function encrypt(mode, key, iv, data) {
  const bytes = (hex) => Buffer.from(hex, "hex");
  const name = `aes-${key.length * 4}-${mode === 1 ? "ecb" : "cbc"}`;
  const cipher = crypto.createCipheriv(name, bytes(key), iv ? bytes(iv) : null);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(bytes(data)), cipher.final()]).toString("hex");
}
