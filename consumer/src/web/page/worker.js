// Receives pictures, decodes them and draws them on the tiles' canvases, away from the page's own thread.
//
//   socket ─picture─▶ newest of its source ─▶ decode ─▶ newest decoded ─▶ drawn at the next animation frame ─▶ acknowledged

import { ClockOffset, Recent, STAGES, stages } from './measure.js';

const PICTURE = 1, ACK = 1, PING = 2, HIDDEN = 3;
const HEADER_BYTES = 80;
/** Pictures whose latencies are kept for each source. */
const KEPT = 300;
/** Pictures that each way of decoding gets to show how fast it is. */
const RACE_PICTURES = 10;
const RECONNECT_MS = 500;

const text = new TextDecoder(), bytes = new TextEncoder();
const sources = new Map();
const clock = new ClockOffset();
let socket, hidden = false, paused = false, drawing = false;

// ---- decoding -------------------------------------------------------------------------------------------------------

const viaBitmap = (jpeg) => createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));

async function viaDecoder(jpeg) {
  const decoder = new ImageDecoder({ type: 'image/jpeg', data: jpeg });
  try {
    return (await decoder.decode()).image;
  } finally {
    decoder.close();
  }
}

/** The ways of decoding that this browser has, with the time that each took for the first pictures. */
const ways = [{ name: 'createImageBitmap', decode: viaBitmap, took: [] }];
if (typeof ImageDecoder !== 'undefined') ways.push({ name: 'ImageDecoder', decode: viaDecoder, took: [] });
let fastest = ways.length === 1 ? ways[0] : undefined;

async function decode(jpeg) {
  if (fastest) return fastest.decode(jpeg);
  const way = ways.reduce((a, b) => (b.took.length < a.took.length ? b : a));
  const began = performance.now();
  const image = await way.decode(jpeg);
  way.took.push(performance.now() - began);
  if (ways.every((way) => way.took.length >= RACE_PICTURES)) {
    const median = (way) => way.took.sort((a, b) => a - b)[way.took.length >> 1];
    fastest = ways.reduce((a, b) => (median(b) < median(a) ? b : a));
  }
  return image;
}

// ---- a source -------------------------------------------------------------------------------------------------------

class Source {
  constructor(name) {
    this.name = name;
    this.total = new Recent(KEPT);
    this.stages = STAGES.map(() => new Recent(KEPT));
    this.second = [];
    this.shown = this.leftOut = this.broken = 0;
  }

  /** A picture came. Only the newest one is decoded. */
  came(picture) {
    this.leftOut += picture.leftOut;
    if (this.waiting) this.skip(this.waiting);
    this.waiting = picture;
    if (!this.busy) this.decodeNext();
  }

  async decodeNext() {
    const picture = this.waiting;
    this.waiting = undefined;
    this.busy = true;
    try {
      picture.image = await decode(picture.jpeg);
      picture.decoded = performance.now();
      if (this.ready) this.skip(this.ready);
      this.ready = picture;
      drawSoon();
    } catch {
      this.broken += 1;
      acknowledge(this.name);
    }
    this.busy = false;
    if (this.waiting) this.decodeNext();
  }

  /** A newer picture takes the place of this one. */
  skip(picture) {
    picture.image?.close();
    this.leftOut += 1;
    acknowledge(this.name);
  }

  draw() {
    const picture = this.ready;
    if (!picture || !this.canvas) return;
    this.ready = undefined;
    const { image } = picture;
    const [width, height] = [image.displayWidth ?? image.width, image.displayHeight ?? image.height];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
    }
    this.context ??= this.canvas.getContext('2d', { alpha: false, desynchronized: true });
    this.context.drawImage(image, 0, 0);
    const drawn = performance.now();
    image.close();
    this.shown += 1;
    this.last = drawn;
    this.frame = picture.frame;
    if (clock.isKnown) {
      const { times, received, decoded } = picture;
      const all = [...times, ...[received, decoded, drawn].map((ms) => clock.toViewer(ms))];
      const durations = stages(all);
      if (durations) {
        const total = all.at(-1) - all[0];
        this.total.add(total);
        this.second.push(total);
        durations.forEach((duration, i) => this.stages[i].add(duration));
      }
    }
    acknowledge(this.name);
  }

  /** The figures for the page and for /api/report. */
  figures(now) {
    const [p50, p95, p99] = this.total.percentiles([0.5, 0.95, 0.99]);
    const second = this.second.sort((a, b) => a - b);
    const figures = {
      source: this.name, frame: this.frame, shown: this.shown, left_out: this.leftOut, undecodable: this.broken,
      fps: this.shown - (this.shownBefore ?? 0), silent_ms: now - (this.last ?? now),
      p50_ms: p50, p95_ms: p95, p99_ms: p99,
      second_p50_ms: second[second.length >> 1], second_max_ms: second.at(-1),
      stages_ms: Object.fromEntries(STAGES.map((stage, i) => [stage, this.stages[i].percentiles([0.5])[0]])),
    };
    this.shownBefore = this.shown;
    this.second = [];
    return figures;
  }
}

function source(name) {
  let known = sources.get(name);
  if (!known) {
    sources.set(name, known = new Source(name));
    postMessage({ kind: 'source', name });
  }
  return known;
}

function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    for (const source of sources.values()) source.draw();
  });
}

// ---- the socket -----------------------------------------------------------------------------------------------------

function send(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(message);
}

function acknowledge(name) {
  const encoded = bytes.encode(name);
  const message = new Uint8Array(2 + encoded.length);
  message.set([ACK, encoded.length]);
  message.set(encoded, 2);
  send(message);
}

function ping() {
  const message = new DataView(new ArrayBuffer(16));
  message.setUint8(0, PING);
  message.setFloat64(8, performance.now(), true);
  send(message.buffer);
}

function pong(message, answered) {
  clock.enter(message.getFloat64(8, true), answered, message.getFloat64(16, true));
}

function picture(message, buffer, received) {
  const nameLength = message.getUint8(1);
  const number = (i) => message.getFloat64(8 + 8 * i, true);
  const name = text.decode(new Uint8Array(buffer, HEADER_BYTES, nameLength));
  source(name).came({
    frame: number(0), session: number(1), leftOut: message.getUint32(4, true), received,
    times: [2, 3, 4, 5, 6, 7].map((i) => number(i) / 1000),
    jpeg: new Uint8Array(buffer, HEADER_BYTES + nameLength),
  });
}

function connect() {
  const address = new URL('/socket', location.href.replace(/^http/, 'ws'));
  socket = new WebSocket(address);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    postMessage({ kind: 'connected' });
    tellHidden();
    for (let i = 0; i < 10; i += 1) setTimeout(ping, 20 * i);
  };
  socket.onmessage = ({ data }) => {
    const received = performance.now();
    const message = new DataView(data);
    if (message.getUint8(0) === PICTURE) picture(message, data, received);
    else if (message.getUint8(0) === PING) pong(message, received);
  };
  socket.onclose = () => {
    postMessage({ kind: 'disconnected' });
    setTimeout(connect, RECONNECT_MS);
  };
}

function tellHidden() {
  send(new Uint8Array([HIDDEN, hidden || paused ? 1 : 0]));
}

setInterval(() => {
  ping();
  const now = performance.now();
  const figures = {
    decoder: fastest?.name, clock_offset_ms: clock.best?.offset, clock_bound_ms: clock.isKnown ? clock.bound : undefined, hidden, paused,
    sources: [...sources.values()].map((source) => source.figures(now)),
  };
  postMessage({ kind: 'figures', figures });
  send(JSON.stringify(figures));
}, 1000);

onmessage = ({ data }) => {
  if (data.kind === 'canvas') source(data.name).canvas = data.canvas;
  if (data.kind === 'hidden') hidden = data.hidden;
  if (data.kind === 'paused') paused = data.paused;
  if (data.kind === 'hidden' || data.kind === 'paused') tellHidden();
  drawSoon();
};

connect();
