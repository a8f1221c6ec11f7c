// One source in the worker: the newest picture is decoded, and the newest decoded one is drawn.

import { Recent, STAGES, stages } from './measure.js';

/** Pictures whose latencies are kept. */
const KEPT = 300;

export class Source {
  /** `acknowledge()` says that there is room for another picture. */
  constructor(name, decoder, clock, acknowledge) {
    Object.assign(this, { name, decoder, clock, acknowledge });
    this.total = new Recent(KEPT);
    this.stages = STAGES.map(() => new Recent(KEPT));
    this.refresh = new Recent(KEPT);
    this.second = [];
    this.shown = this.leftOut = this.undecodable = this.shownBefore = 0;
  }

  /** Takes a picture that came. While another one is decoded, only the newest waits. */
  take(picture) {
    this.leftOut += picture.leftOut;
    if (this.waiting) this.skip(this.waiting);
    this.waiting = picture;
    if (!this.isDecoding) this.decode();
  }

  async decode() {
    this.isDecoding = true;
    while (this.waiting) {
      const picture = this.waiting;
      this.waiting = undefined;
      try {
        picture.image = await this.decoder.decode(picture.jpeg);
        picture.decoded = performance.now();
        if (this.decoded) this.skip(this.decoded);
        this.decoded = picture;
        this.draw();
      } catch {
        this.undecodable += 1;
        this.acknowledge();
      }
    }
    this.isDecoding = false;
  }

  /** A newer picture takes the place of this one. */
  skip(picture) {
    picture.image?.close();
    this.leftOut += 1;
    this.acknowledge();
  }

  /** Draws at once, unless the display has not shown the last drawing yet: then after the display's next refresh. */
  draw() {
    if (!this.decoded || !this.canvas || this.isAwaitingRefresh) return;
    const picture = this.decoded;
    this.decoded = undefined;
    this.put(picture.image);
    const drawn = performance.now();
    picture.image.close();
    this.acknowledge();
    this.shown += 1;
    this.last = drawn;
    this.captured = picture.times[1];
    this.frame = picture.frame;
    if (this.clock.isKnown) this.measure(picture, drawn);
    this.isAwaitingRefresh = true;
    requestAnimationFrame(() => {
      this.refresh.add(performance.now() - drawn);
      this.isAwaitingRefresh = false;
      this.draw();
    });
  }

  put(image) {
    if (this.canvas.width !== image.width || this.canvas.height !== image.height) {
      [this.canvas.width, this.canvas.height] = [image.width, image.height];
    }
    this.context ??= this.canvas.getContext('2d', { alpha: false });
    image.drawOn(this.context);
  }

  measure({ frame, times, received, decoded }, drawn) {
    const all = [...times, ...[received, decoded, drawn].map((ms) => this.clock.toViewer(ms))];
    const durations = stages(all);
    if (!durations) return;
    const total = all.at(-1) - all[0];
    this.total.add(total);
    this.second.push({ frame, latency_ms: total, captured_ms: all[1], drawn_ms: all.at(-1) });
    durations.forEach((duration, i) => this.stages[i].add(duration));
  }

  /** The pictures of the last second, and a new second. */
  takeSecond() {
    const { second } = this;
    this.second = [];
    return second;
  }

  /** The figures for the page and for /api/report, when a second is over. */
  figures(now, drawn) {
    const [p50, p95, p99] = this.total.percentiles([0.5, 0.95, 0.99]);
    const second = drawn.map((picture) => picture.latency_ms).sort((a, b) => a - b);
    const fps = this.shown - this.shownBefore;
    this.shownBefore = this.shown;
    return {
      source: this.name, frame: this.frame, captured_ms: this.captured,
      shown: this.shown, left_out: this.leftOut, undecodable: this.undecodable,
      fps, silent_ms: now - (this.last ?? now),
      p50_ms: p50, p95_ms: p95, p99_ms: p99, refresh_ms: this.refresh.percentiles([0.5])[0],
      second_p50_ms: second[second.length >> 1], second_max_ms: second.at(-1),
      stages_ms: Object.fromEntries(STAGES.map((stage, i) => [stage, this.stages[i].percentiles([0.5])[0]])),
    };
  }
}
