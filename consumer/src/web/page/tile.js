// One source on the page: its canvas, its name and its figures.

import { STAGES } from './measure.js';

const GRAPH_SECONDS = 60;
/** Time without a picture after which a tile turns grey, in ms; sources that are slow get 2.5 intervals. */
const SILENT_MS = 1500;

const ms = (value) => (Number.isFinite(value) ? value.toFixed(1) : '–');

function seconds(ms) {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

const HTML = `
  <canvas width="16" height="9"></canvas>
  <figcaption>
    <span class="name"></span>
    <span class="latency figures"><b></b> <span class="bound"></span></span>
    <span class="rest"></span>
    <span class="tail figures"></span>
  </figcaption>
  <div class="stages figures" role="img"></div>
  <ul class="legend"></ul>
  <svg class="figures" viewBox="0 0 ${GRAPH_SECONDS - 1} 1" preserveAspectRatio="none" role="img"><path class="slowest"/><path class="middle"/></svg>`;

/** Adds a coloured box to an element. */
function addBox(to, colour) {
  const box = document.createElement('i');
  box.style.background = colour;
  to.append(box);
  return box;
}

export class Tile {
  constructor(name, number) {
    this.name = name;
    this.graph = [];
    this.fps = 1;
    this.element = document.createElement('figure');
    this.element.className = 'tile';
    this.element.tabIndex = 0;
    this.element.dataset.source = name;
    this.element.setAttribute('role', 'button');
    this.element.setAttribute('aria-label', `${name}, source ${number}: show large`);
    this.element.innerHTML = HTML;
    this.canvas = this.find('canvas');
    this.find('.name').textContent = name;
    this.find('svg').setAttribute('aria-label', `Latency of ${name} in the last minute`);
    this.bars = STAGES.map((stage) => addBox(this.find('.stages'), `var(--${stage})`));
    this.legend = STAGES.map((stage) => {
      const entry = document.createElement('li');
      this.find('.legend').append(entry);
      addBox(entry, `var(--${stage})`);
      entry.append(document.createElement('span'));
      return entry.lastChild;
    });
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  /** Shows the figures of the last second. */
  show(figures, bound, isConnected) {
    if (figures.fps > 0) this.fps = figures.fps;
    const isSilent = !isConnected || figures.silent_ms > Math.max(SILENT_MS, 2500 / this.fps);
    this.element.classList.toggle('silent', isSilent);
    this.find('.latency b').textContent = isSilent ? '' : `${ms(figures.p50_ms)} ms`;
    this.find('.bound').textContent = isSilent || !Number.isFinite(bound) ? '' : `± ${ms(bound)}`;
    this.find('.rest').textContent = isSilent ? `no picture for ${seconds(figures.silent_ms)}` : this.counts(figures);
    this.find('.tail').textContent = isSilent ? '' : `p99 ${ms(figures.p99_ms)} · display +${ms(figures.refresh_ms)}`;
    this.find('.tail').title = 'The display shows a drawn picture at its next refresh, after about this time.';
    this.showStages(figures.stages_ms);
    this.graph.push([figures.second_p50_ms, figures.second_max_ms]);
    if (this.graph.length > GRAPH_SECONDS) this.graph.shift();
    this.plot();
  }

  counts({ fps, left_out, undecodable }) {
    const counts = [`${fps} fps`];
    if (left_out > 0) counts.push(`left out ${left_out}`);
    if (undecodable > 0) counts.push(`undecodable ${undecodable}`);
    return counts.join(' · ');
  }

  showStages(stages) {
    STAGES.forEach((stage, i) => {
      const duration = Math.max(0, stages[stage] || 0);
      this.bars[i].style.flexGrow = duration;
      this.legend[i].textContent = `${stage} ${ms(stages[stage])}`;
    });
    this.find('.stages').setAttribute('aria-label', this.legend.map((entry) => entry.textContent).join(', '));
  }

  /** The median and the slowest picture of each second. */
  plot() {
    const highest = Math.max(1, ...this.graph.flat().filter(Number.isFinite));
    const line = (column) => this.graph.map((point, i) => [i, point[column]]).filter(([, value]) => Number.isFinite(value))
      .map(([x, value], i) => `${i === 0 ? 'M' : 'L'}${x} ${1 - (0.95 * value) / highest}`).join('');
    this.find('.middle').setAttribute('d', line(0));
    this.find('.slowest').setAttribute('d', line(1));
  }
}
