// What the page measures: percentiles of the last latencies, and the offset of the viewer's clock.

/** The stages of a picture, in order; the browser adds the last three. */
export const STAGES = ['capture', 'encode', 'publish', 'broker', 'reassemble', 'socket', 'decode', 'draw'];

/** The value below which this part of the values lies, by the nearest rank. */
export function percentile(sorted, part) {
  if (sorted.length === 0) return NaN;
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}

/** The last values, of which the oldest goes when a new one comes. */
export class Recent {
  constructor(size) {
    this.size = size;
    this.values = [];
    this.next = 0;
  }

  add(value) {
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.size;
  }

  /** The percentiles for these parts, as in [0.5, 0.99]. */
  percentiles(parts) {
    const sorted = Float64Array.from(this.values).sort();
    return parts.map((part) => percentile(sorted, part));
  }
}

/**
 * The offset from this page's clock to the viewer's, by the four times of a ping: sent and received by this clock, heard and answered
 * by the viewer's. The true offset lies within half a round trip of what the fastest ping shows; as clocks drift, only the pings of
 * the last half minute count.
 */
export class ClockOffset {
  constructor(keptMs = 30_000) {
    this.keptMs = keptMs;
    this.pings = [];
  }

  /** Enters a ping; all four times are in ms. */
  enter({ sent, heard, answered, received }) {
    const roundTrip = received - sent - (answered - heard);
    this.pings.push({ at: received, roundTrip, offset: (heard - sent + answered - received) / 2 });
    this.pings = this.pings.filter((ping) => ping.at > received - this.keptMs);
    this.best = this.pings.reduce((best, ping) => (ping.roundTrip < best.roundTrip ? ping : best));
  }

  get isKnown() {
    return this.best !== undefined;
  }

  /** A time of this page in the viewer's ms. */
  toViewer(ms) {
    return ms + this.best.offset;
  }

  /** Largest error of the offset, in ms: half the round trip, and the resolution of the browser's clock. */
  get bound() {
    return this.best.roundTrip / 2 + 0.1;
  }
}

/** The duration of each stage in ms, or undefined if the clocks do not allow it. `times` has one time more than there are stages. */
export function stages(times) {
  const durations = times.slice(1).map((time, i) => time - times[i]);
  return durations.every((duration) => duration > -1) ? durations : undefined;
}
