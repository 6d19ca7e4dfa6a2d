// Reads a label PNG exactly: one number a pixel. A canvas would not do: it turns 16 bits into 8 and may change colours.
//
// Specification: PNG (Third Edition), W3C. Grey or palette of 1 to 16 bits, or RGB of 8 bits a channel, where the number is
// R + 256 G + 65536 B; not interlaced: what a label map is written as.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** { width, height, values: Int32Array(width * height) } of the bytes of a PNG file. */
export async function readLabels(bytes) {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw new Error("not a PNG file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header = null;
  const packed = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const start = at + 8;
    if (name === "IHDR") header = headerAt(view, start);
    else if (name === "IDAT") packed.push(bytes.subarray(start, start + length));
    else if (name === "IEND") break;
    at = start + length + 4; // the checksum is left to the transport
  }
  if (!header) throw new Error("PNG file without a header");
  const { width, height, bits, channels } = header;
  const rowBytes = Math.ceil((width * bits * channels) / 8);
  const raw = await inflate(packed);
  if (raw.length < (rowBytes + 1) * height) throw new Error("PNG file that ends early");
  const rows = unfilter(raw, rowBytes, height, Math.max(1, (bits * channels) >> 3));
  return { width, height, values: channels === 3 ? numbersOfRGB(rows) : unpack(rows, width, height, bits, rowBytes) };
}

/** The bytes of base64 text. */
export function bytesOfBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

function headerAt(view, start) {
  const header = {
    width: view.getUint32(start),
    height: view.getUint32(start + 4),
    bits: view.getUint8(start + 8),
    colour: view.getUint8(start + 9),
    interlace: view.getUint8(start + 12),
  };
  header.channels = header.colour === 2 ? 3 : 1;
  if (![0, 2, 3].includes(header.colour) || header.interlace || (header.channels === 3 && header.bits !== 8)) {
    throw new Error("PNG file: expected grey, palette or 8-bit RGB without interlacing");
  }
  return header;
}

async function inflate(parts) {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Undo the five row filters. step: bytes between a byte and the one it is predicted from. */
function unfilter(raw, rowBytes, height, step) {
  const out = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (rowBytes + 1)];
    const from = y * (rowBytes + 1) + 1;
    const to = y * rowBytes;
    const up = to - rowBytes;
    if (filter === 0) {
      out.set(raw.subarray(from, from + rowBytes), to);
    } else if (filter === 2) {
      if (y === 0) out.set(raw.subarray(from, from + rowBytes), to);
      else for (let i = 0; i < rowBytes; i++) out[to + i] = raw[from + i] + out[up + i];
    } else {
      for (let i = 0; i < rowBytes; i++) {
        const a = i >= step ? out[to + i - step] : 0;
        const b = y > 0 ? out[up + i] : 0;
        const c = i >= step && y > 0 ? out[up + i - step] : 0;
        const predicted = filter === 1 ? a : filter === 3 ? (a + b) >> 1 : paeth(a, b, c);
        out[to + i] = raw[from + i] + predicted;
      }
    }
  }
  return out;
}

function paeth(a, b, c) {
  const p = a + b - c;
  const da = Math.abs(p - a);
  const db = Math.abs(p - b);
  const dc = Math.abs(p - c);
  return da <= db && da <= dc ? a : db <= dc ? b : c;
}

function numbersOfRGB(rows) {
  const values = new Int32Array(rows.length / 3);
  for (let i = 0, j = 0; i < values.length; i++, j += 3) values[i] = rows[j] | (rows[j + 1] << 8) | (rows[j + 2] << 16);
  return values;
}

function unpack(rows, width, height, bits, rowBytes) {
  const values = new Int32Array(width * height);
  if (bits === 8) {
    values.set(rows);
  } else if (bits === 16) {
    for (let i = 0; i < values.length; i++) values[i] = (rows[2 * i] << 8) | rows[2 * i + 1];
  } else {
    const mask = (1 << bits) - 1;
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const bit = x * bits;
        values[i] = (rows[y * rowBytes + (bit >> 3)] >> (8 - bits - (bit & 7))) & mask;
      }
    }
  }
  return values;
}
