/** What came from a server: the HTTP answer to the upgrade, or one frame (RFC 6455, section 5.2). */
export type Frame = { bytes: Buffer; /** Of a whole text frame. */ text: string | null };

const TEXT_FRAME = 0x81;

/** Cuts the unmasked bytes that a WebSocket server sends into frames. Compression must not have been agreed on. */
export class FrameReader {
  #pending = Buffer.alloc(0);
  #isUpgraded = false;

  read(chunk: Buffer): Frame[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const frames: Frame[] = [];
    for (let length = this.#nextLength(); length !== null; length = this.#nextLength()) {
      const bytes = this.#pending.subarray(0, length);
      frames.push({ bytes, text: this.#isUpgraded ? textOf(bytes) : null });
      this.#pending = this.#pending.subarray(length);
      this.#isUpgraded = true;
    }
    return frames;
  }

  /** How many bytes the next piece has; null while it is not whole. */
  #nextLength(): number | null {
    if (!this.#isUpgraded) {
      const end = this.#pending.indexOf('\r\n\r\n');
      return end === -1 ? null : end + 4;
    }
    if (this.#pending.length < 2) return null;
    const header = headerLength(this.#pending);
    if (this.#pending.length < header) return null;
    const total = header + payloadLength(this.#pending);
    return this.#pending.length < total ? null : total;
  }
}

/** A whole text frame as a server sends it. Up to 125 bytes. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([TEXT_FRAME, payload.length]), payload]);
}

function headerLength(bytes: Buffer): number {
  const short = bytes.readUInt8(1) & 0x7f;
  return short === 127 ? 10 : short === 126 ? 4 : 2;
}

function payloadLength(bytes: Buffer): number {
  const short = bytes.readUInt8(1) & 0x7f;
  if (short === 127) return Number(bytes.readBigUInt64BE(2));
  return short === 126 ? bytes.readUInt16BE(2) : short;
}

function textOf(bytes: Buffer): string | null {
  return bytes.readUInt8(0) === TEXT_FRAME ? bytes.toString('utf8', headerLength(bytes)) : null;
}
