// Receives pictures, decodes them and draws them on the tiles' canvases, away from the page's own thread.
//
//   socket ─picture─▶ newest of its source ─▶ decode ─▶ newest decoded ─▶ draw ─▶ acknowledged

import { Decoder } from './decode.js';
import { ClockOffset } from './measure.js';
import * as protocol from './protocol.js';
import { Source } from './source.js';

const RECONNECT_MS = 500;
/** Pings at the start, so that the clock's offset is known soon. */
const FIRST_PINGS = 10;

const sources = new Map();
const clock = new ClockOffset();
const decoder = new Decoder();
let socket, isHidden = false, isPaused = false;

function source(name) {
  let known = sources.get(name);
  if (!known) {
    known = new Source(name, decoder, clock, () => send(protocol.ack(name)));
    sources.set(name, known);
    postMessage({ kind: 'source', name });
  }
  return known;
}

function connect() {
  socket = new WebSocket(new URL('/socket', location.href.replace(/^http/, 'ws')));
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    postMessage({ kind: 'connected' });
    sendHidden();
    for (let i = 0; i < FIRST_PINGS; i += 1) setTimeout(ping, 20 * i);
  };
  socket.onmessage = ({ data }) => {
    const { picture, pong } = protocol.read(data, performance.now());
    if (picture) source(picture.name).take(picture);
    if (pong) clock.enter(pong);
  };
  socket.onclose = () => {
    postMessage({ kind: 'disconnected' });
    setTimeout(connect, RECONNECT_MS);
  };
}

function send(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(message);
}

function ping() {
  send(protocol.ping(performance.now()));
}

function sendHidden() {
  send(protocol.hidden(isHidden || isPaused));
}

setInterval(() => {
  ping();
  const now = performance.now();
  const drawn = new Map([...sources.values()].map((source) => [source.name, source.takeSecond()]));
  const figures = {
    decoder: decoder.fastest?.name, clock_offset_ms: clock.best?.offset, clock_bound_ms: clock.isKnown ? clock.bound : undefined,
    hidden: isHidden, paused: isPaused, sources: [...sources.values()].map((source) => source.figures(now, drawn.get(source.name))),
  };
  postMessage({ kind: 'figures', figures, drawn });
  send(JSON.stringify(figures));
}, 1000);

onmessage = ({ data }) => {
  if (data.kind === 'canvas') {
    source(data.name).canvas = data.canvas;
    source(data.name).draw();
  }
  if (data.kind === 'moment') {
    const { name, captured } = sources.get(data.name) ?? {};
    postMessage({ kind: 'moment', moment: captured && { source: name, captured_ms: captured } });
  }
  if (data.kind === 'hidden') isHidden = data.hidden;
  if (data.kind === 'paused') isPaused = data.paused;
  if (data.kind === 'hidden' || data.kind === 'paused') sendHidden();
};

connect();
