// The simplest page that draws JPEGs from a socket: each one is decoded and drawn at once, on the page's own thread.
//
// message   f64 when it was sent (ms, the server's clock), 8 bytes unused, JPEG
// ping      f64 this page's time                 answered by the same and f64 the server's time

const KEPT = 300;
const canvas = document.querySelector('canvas'), context = canvas.getContext('2d', { alpha: false });
const latencies = [];
let best;

const socket = new WebSocket(`ws://${location.host}/socket`);
socket.binaryType = 'arraybuffer';
socket.onopen = () => setInterval(() => socket.send(Float64Array.of(performance.now())), 200);
socket.onmessage = async ({ data }) => {
  const received = performance.now();
  const [first, second] = new Float64Array(data, 0, 2);
  if (data.byteLength === 16) {
    const roundTrip = received - first;
    if (!best || roundTrip < best.roundTrip) best = { roundTrip, offset: second - (first + received) / 2 };
    return;
  }
  const image = await createImageBitmap(new Blob([new Uint8Array(data, 16)], { type: 'image/jpeg' }));
  if (canvas.width !== image.width) [canvas.width, canvas.height] = [image.width, image.height];
  context.drawImage(image, 0, 0);
  image.close();
  if (best) latencies.push(performance.now() + best.offset - first);
  if (latencies.length > KEPT) latencies.shift();
};

/** As the page of vidcons gives them. */
function figuresOfLast() {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (part) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  return { sources: [{ shown: latencies.length, p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99), stages_ms: {} }] };
}
