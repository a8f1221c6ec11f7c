// The page: a tile for each source, keys and buttons. Pictures are the worker's business.

import { startChat } from './chat.js';
import { arranged } from './layout.js';
import { Tile } from './tile.js';

const byId = (id) => document.getElementById(id);
const worker = new Worker('/worker.js', { type: 'module' });
const tiles = new Map();
let connected = false, paused = false;

// ---- what the worker says -------------------------------------------------------------------------------------------

function say(words, alert = false) {
  if (byId('state').textContent === words) return;
  byId('state').textContent = words;
  byId('state').classList.toggle('alert', alert);
}

function sourceCame(name) {
  const tile = new Tile(name, tiles.size + 1);
  tiles.set(name, tile);
  tile.element.addEventListener('click', () => enlarge(isLarge(tile) ? undefined : tile));
  byId('tiles').append(tile.element);
  arrange();
  const canvas = tile.canvas.transferControlToOffscreen();
  worker.postMessage({ kind: 'canvas', name, canvas }, [canvas]);
}

function arrange() {
  const { clientWidth, clientHeight } = byId('tiles');
  const { columns, height } = arranged(tiles.size, clientWidth, clientHeight);
  byId('tiles').style.setProperty('--columns', columns);
  byId('tiles').style.setProperty('--picture', height ? `${height}px` : 'none');
}

function figuresCame(figures) {
  for (const source of figures.sources) tiles.get(source.source)?.show(source, figures.clock_bound_ms, connected);
  const bound = figures.clock_bound_ms;
  byId('clock').textContent = Number.isFinite(bound) ? `clocks agree to ${bound.toFixed(1)} ms` : '';
  if (connected) say(paused ? 'paused' : `${tiles.size} ${tiles.size === 1 ? 'source' : 'sources'}`);
}

worker.onmessage = ({ data }) => {
  if (data.kind === 'source') sourceCame(data.name);
  if (data.kind === 'figures') {
    figuresCame(data.figures);
    // For tests and vidbench, which read them over WebDriver.
    Object.assign(window, { figures: data.figures, drawn: data.drawn });
  }
  if (data.kind === 'moment') momentCame(data.moment);
  if (data.kind === 'connected') { connected = true; say('connected'); }
  if (data.kind === 'disconnected') {
    connected = false;
    say('no connection to vidcons, trying again …', true);
    askForToken();
  }
};

/** A socket that is refused says no reason. If the token is missing, the page is loaded again, which shows its form. */
async function askForToken() {
  const answer = await fetch('/api/sources').catch(() => undefined);
  if (answer?.status === 401) location.reload();
}

// ---- what the user does ---------------------------------------------------------------------------------------------

const isLarge = (tile) => tile.element.classList.contains('large');

function enlarge(chosen) {
  document.body.classList.toggle('one', chosen !== undefined);
  for (const tile of tiles.values()) tile.element.classList.toggle('large', tile === chosen);
  chosen?.element.focus();
}

function pause() {
  paused = !paused;
  worker.postMessage({ kind: 'paused', paused });
  byId('pause').setAttribute('aria-pressed', paused);
  say(paused ? 'paused' : 'going on with the newest picture');
}

function toggleFigures() {
  const off = document.body.classList.toggle('no-figures');
  byId('figures').setAttribute('aria-pressed', !off);
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen();
}

function focused() {
  const all = [...tiles.values()];
  return all.find(isLarge) ?? all.find((tile) => tile.element === document.activeElement) ?? all[0];
}

let momentCame = () => {};

/** The picture that is looked at, which a message of the chat is about: its source and capture time. */
function moment() {
  return new Promise((resolve) => {
    momentCame = resolve;
    worker.postMessage({ kind: 'moment', name: focused()?.name });
  });
}

function save() {
  const tile = focused();
  if (!tile) return;
  const link = document.createElement('a');
  link.href = `/snapshot.jpg?source=${encodeURIComponent(tile.name)}`;
  link.download = `${tile.name.replace(/[^\w.-]+/g, '_')}.jpg`;
  link.click();
}

function next(step) {
  const all = [...tiles.values()];
  const large = all.findIndex(isLarge);
  if (large >= 0) enlarge(all[(large + step + all.length) % all.length]);
  return large >= 0;
}

const KEYS = {
  f: fullScreen, o: toggleFigures, s: save,
  h: () => byId('keys').showModal(),
  ' ': pause,
  Escape: () => enlarge(undefined),
  Enter: () => enlarge(isLarge(focused()) ? undefined : focused()),
};

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest('dialog, input, textarea')) return;
  const onButton = event.target instanceof HTMLButtonElement;
  if (event.key === 'Tab') {
    if (next(event.shiftKey ? -1 : 1)) event.preventDefault();
  } else if (/^[1-9]$/.test(event.key)) {
    enlarge([...tiles.values()][Number(event.key) - 1]);
  } else if (event.key in KEYS && !(onButton && (event.key === ' ' || event.key === 'Enter'))) {
    event.preventDefault();
    KEYS[event.key]();
  }
});
byId('pause').addEventListener('click', pause);
byId('figures').addEventListener('click', toggleFigures);
byId('help').addEventListener('click', KEYS.h);
new ResizeObserver(arrange).observe(byId('tiles'));
startChat(moment);
document.addEventListener('visibilitychange', () => worker.postMessage({ kind: 'hidden', hidden: document.hidden }));
