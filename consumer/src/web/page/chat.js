// The chat beside the pictures: a panel with a socket of its own, which is connected once the panel has been opened.

const MESSAGES_MAX = 500;
const RECONNECT_MS = 1000;
/** Time without an answer after which a message counts as waiting, in ms. */
const SLOW_MS = 3000;

const byId = (id) => document.getElementById(id);

/** What the browser keeps between visits; a browser may forbid that. */
const kept = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* it is asked for again next time */ } },
};

/** Hues that can be told apart. */
const HUES = 15;

/** The hue of a name, the same everywhere (FNV-1a, mixed once more because names are short). */
export function hue(name) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
  return ((hash >>> 8) % HUES) * (360 / HUES);
}

/** The local time of a message: the time of day, with the date unless it is today. */
export function localTime(ms, now = Date.now()) {
  const time = new Date(ms);
  const options = { hour: '2-digit', minute: '2-digit' };
  if (time.toDateString() !== new Date(now).toDateString()) Object.assign(options, { day: 'numeric', month: 'short' });
  return time.toLocaleString(undefined, options);
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function nameElement(name) {
  const made = element('bdi', 'chat-name', name === '' ? '(no name)' : name);
  made.style.setProperty('--hue', hue(name));
  return made;
}

/** A line of the log. What people wrote is only ever set as text. */
function line(message) {
  const item = element('li', `chat-${message.what}`);
  const time = element('time', 'chat-time', localTime(message.at));
  time.dateTime = new Date(message.at).toISOString();
  item.append(time, ' ', nameElement(message.name));
  item.append(message.what === 'said' ? ': ' : ' ', element('bdi', 'chat-words', message.what === 'said' ? message.text : message.what));
  if (message.video_at) {
    item.dataset.videoAt = message.video_at;
    item.dataset.videoSource = message.video_source;
    item.title = `${message.video_source} at ${new Date(message.video_at).toLocaleTimeString()}`;
  }
  return item;
}

class Chat {
  /** `moment()` is a promise of the picture that is looked at: its source and capture time. */
  constructor(moment) {
    this.moment = moment;
    /** Messages that have not come back yet, by id: each with its text for the socket and its line. */
    this.pending = new Map();
    this.unread = 0;
    this.caughtUp = false;
    this.isAtEnd = true;
    byId('chat-log').addEventListener('scroll', ({ target }) => {
      this.isAtEnd = target.scrollHeight - target.scrollTop - target.clientHeight < 40;
    });
    new ResizeObserver(() => { if (this.isAtEnd) this.scrollDown(); }).observe(byId('chat-log'));
    byId('chat-name').value = kept.get('chat-name') ?? '';
    byId('chat-button').addEventListener('click', () => this.toggle());
    byId('chat-form').addEventListener('submit', (event) => { event.preventDefault(); this.submit(); });
    byId('chat-name').addEventListener('change', () => this.enter());
    // Keys of the page must not act while somebody types.
    byId('chat').addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.key === 'Escape') this.toggle();
    });
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'c' || event.ctrlKey || event.altKey || event.metaKey || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      this.toggle();
    });
    if (kept.get('chat-open') === 'yes') this.toggle(false);
  }

  get isOpen() {
    return !byId('chat').hidden;
  }

  toggle(focus = true) {
    const opens = !this.isOpen;
    byId('chat').hidden = !opens;
    document.body.classList.toggle('chatting', opens);
    byId('chat-button').setAttribute('aria-expanded', opens);
    kept.set('chat-open', opens ? 'yes' : 'no');
    this.setUnread(0);
    if (!this.socket) this.connect();
    if (opens) this.scrollDown();
    if (focus) (opens ? byId(byId('chat-name').value ? 'chat-text' : 'chat-name') : byId('chat-button')).focus();
  }

  setUnread(count) {
    this.unread = count;
    byId('chat-button').textContent = count ? `Chat (${count})` : 'Chat';
    byId('chat-button').setAttribute('aria-label', count ? `Chat, ${count} unread` : 'Chat');
  }

  // ---- what the server says -----------------------------------------------------------------------------------------

  connect() {
    this.socket = new WebSocket(new URL('/chat', location.href.replace(/^http/, 'ws')));
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.socket.onclose = () => {
      this.caughtUp = false;
      this.setStatus('no connection to vidcons, trying again …');
      setTimeout(() => this.connect(), RECONNECT_MS);
    };
  }

  take(news) {
    if (news.kind === 'reset') {
      this.caughtUp = false;
      byId('chat-log').replaceChildren();
    }
    if (news.kind === 'message') this.messageCame(news);
    if (news.kind === 'caught_up') {
      this.caughtUp = true;
      this.enter();
      // A message has one id however often it is sent, by which everybody reads it once.
      for (const { sent, refused } of this.pending.values()) if (!refused) this.send(sent);
    }
    if (news.kind === 'here') this.setHere(news.names);
    if (news.kind === 'status') this.setStatus(news.text);
    if (news.kind === 'refused') this.refuse(news.id, news.why);
  }

  messageCame(message) {
    const log = byId('chat-log');
    this.pending.get(message.id)?.item.remove();
    this.pending.delete(message.id);
    log.append(line(message));
    if (log.childElementCount > MESSAGES_MAX) log.firstElementChild.remove();
    if (this.isAtEnd || !this.caughtUp) this.scrollDown();
    if (this.caughtUp && !this.isOpen && message.what === 'said') this.setUnread(this.unread + 1);
  }

  scrollDown() {
    byId('chat-log').scrollTop = byId('chat-log').scrollHeight;
  }

  setHere(names) {
    const here = byId('chat-here');
    here.replaceChildren(names.length ? `${names.length} here: ` : 'Nobody has written in the last ten minutes.');
    names.forEach((name, i) => here.append(i ? ', ' : '', nameElement(name)));
  }

  setStatus(text) {
    byId('chat-status').textContent = text;
  }

  refuse(id, why) {
    const pending = this.pending.get(id);
    if (!pending) return;
    pending.refused = true;
    const again = element('button', '', 'Try again');
    again.type = 'button';
    again.addEventListener('click', () => {
      pending.refused = false;
      this.showWaiting(pending);
      this.send(pending.sent);
    });
    const drop = element('button', '', 'Delete');
    drop.type = 'button';
    drop.addEventListener('click', () => { pending.item.remove(); this.pending.delete(id); });
    pending.state.replaceChildren(`not sent: ${why} `, again, ' ', drop);
    pending.item.classList.add('alert');
  }

  // ---- what the user does -------------------------------------------------------------------------------------------

  /** Tells the server under which name this page writes. */
  enter() {
    const name = byId('chat-name').value.trim();
    kept.set('chat-name', name);
    if (name && this.caughtUp) this.send({ kind: 'here', name });
  }

  async submit() {
    const [name, text] = [byId('chat-name').value.trim(), byId('chat-text').value];
    if (!name || !text.trim()) return;
    kept.set('chat-name', name);
    byId('chat-text').value = '';
    const id = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const item = element('li', 'chat-said');
    const state = element('span', 'chat-state');
    item.append(nameElement(name), ': ', element('bdi', 'chat-words', text), ' ', state);
    const pending = { sent: { kind: 'say', id, name, text, video: await this.moment() }, item, state };
    this.pending.set(id, pending);
    byId('chat-pending').append(item);
    this.showWaiting(pending);
    if (this.caughtUp) this.send(pending.sent);
  }

  showWaiting(pending) {
    pending.item.classList.remove('alert');
    pending.state.textContent = '';
    setTimeout(() => { if (!pending.refused) pending.state.textContent = '(not acknowledged yet)'; }, SLOW_MS);
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}

export function startChat(moment) {
  return new Chat(moment);
}
