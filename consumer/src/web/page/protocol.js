// The messages on the socket, as consumer/src/web/socket.rs describes them. All numbers are little-endian.

const PICTURE = 1, ACK = 1, PING = 2, HIDDEN = 3;
const HEADER_BYTES = 80;

const decoder = new TextDecoder(), encoder = new TextEncoder();

/** A message that has come: `{ picture }` or `{ pong }`. `received` is this page's time in ms. */
export function read(buffer, received) {
  const message = new DataView(buffer);
  const kind = message.getUint8(0);
  const number = (i) => message.getFloat64(8 + 8 * i, true);
  if (kind === PING) {
    return { pong: { sent: number(0), heard: number(1) / 1000, answered: number(2) / 1000, received } };
  }
  if (kind !== PICTURE) return {};
  const nameLength = message.getUint8(1);
  return {
    picture: {
      name: decoder.decode(new Uint8Array(buffer, HEADER_BYTES, nameLength)),
      leftOut: message.getUint32(4, true),
      frame: number(0),
      session: number(1),
      // Due, captured, encoded, published, received, reassembled, in ms of the viewer's clock.
      times: [2, 3, 4, 5, 6, 7].map((i) => number(i) / 1000),
      received,
      jpeg: new Uint8Array(buffer, HEADER_BYTES + nameLength),
    },
  };
}

/** Says that a picture of this source was drawn or skipped, and that there is room for another. */
export function ack(name) {
  const encoded = encoder.encode(name);
  const message = new Uint8Array(2 + encoded.length);
  message.set([ACK, encoded.length]);
  message.set(encoded, 2);
  return message;
}

/** Asks for the viewer's time. */
export function ping(now) {
  const message = new DataView(new ArrayBuffer(16));
  message.setUint8(0, PING);
  message.setFloat64(8, now, true);
  return message.buffer;
}

/** Says that nobody looks, or that somebody looks again. */
export function hidden(isHidden) {
  return new Uint8Array([HIDDEN, isHidden ? 1 : 0]);
}
