// One source on the page: its canvas, its name and its figures.

const GRAPH_SECONDS = 60;
/** Time without a picture after which a tile turns grey, in ms; sources that are slow get 2.5 intervals. */
const SILENT_MS = 1500;

const ms = (value) => (Number.isFinite(value) ? value.toFixed(1) : '–');

export class Tile {
  constructor(name, number) {
    this.name = name;
    this.graph = [];
    this.element = document.createElement('figure');
    this.element.className = 'tile';
    this.element.tabIndex = 0;
    this.element.dataset.source = name;
    this.element.setAttribute('role', 'button');
    this.element.setAttribute('aria-label', `${name}, source ${number}: show large`);
    this.element.innerHTML = `<canvas width="16" height="9"></canvas>
      <figcaption><span class="name"></span><span class="latency figures"></span><span class="rest"></span></figcaption>
      <svg class="figures" viewBox="0 0 ${GRAPH_SECONDS - 1} 1" preserveAspectRatio="none" role="img"><path class="p99"/><path class="p50"/></svg>`;
    this.canvas = this.element.querySelector('canvas');
    this.element.querySelector('.name').textContent = name;
    this.element.querySelector('svg').setAttribute('aria-label', `Latency of ${name} in the last minute`);
  }

  show(figures, bound, connected) {
    const silent = !connected || figures.silent_ms > Math.max(SILENT_MS, 2500 / Math.max(this.fps ?? 1, 0.1));
    if (figures.fps > 0) this.fps = figures.fps;
    this.element.classList.toggle('silent', silent);
    const latency = Number.isFinite(figures.p50_ms) ? `p50 ${ms(figures.p50_ms)} p99 ${ms(figures.p99_ms)} ± ${ms(bound)} ms` : '';
    const leftOut = figures.left_out > 0 ? `  left out ${figures.left_out}` : '';
    this.element.querySelector('.latency').textContent = silent ? '' : latency;
    this.element.querySelector('.rest').textContent =
      silent ? `no picture for ${Math.round(figures.silent_ms / 1000)} s` : `${figures.fps} fps${leftOut}`;
    this.element.title = Object.entries(figures.stages_ms).map(([stage, value]) => `${stage} ${ms(value)}`).join(' + ') + ' ms';
    this.graph.push([figures.second_p50_ms, figures.second_max_ms]);
    if (this.graph.length > GRAPH_SECONDS) this.graph.shift();
    this.plot();
  }

  plot() {
    const highest = Math.max(1, ...this.graph.flat().filter(Number.isFinite));
    const line = (column) => this.graph.map((point, i) => [i, point[column]]).filter(([, value]) => Number.isFinite(value))
      .map(([x, value], i) => `${i === 0 ? 'M' : 'L'}${x} ${1 - (0.95 * value) / highest}`).join('');
    this.element.querySelector('.p50').setAttribute('d', line(0));
    this.element.querySelector('.p99').setAttribute('d', line(1));
  }
}
