// How many tiles stand side by side.

/** Narrowest tile in px, and the part of a tile below its picture. */
const NARROWEST = 220, CAPTION = 84;

/** The number of columns that makes the pictures of `count` tiles largest in this space without scrolling, if that is possible. */
export function columns(count, width, height, aspect = 16 / 9) {
  const most = Math.max(1, Math.min(count, Math.floor(width / NARROWEST)));
  let best = 1, largest = 0;
  for (let columns = 1; columns <= most; columns += 1) {
    const rows = Math.ceil(count / columns);
    const tile = Math.min(width / columns, (height / rows - CAPTION) * aspect);
    if (tile > largest) [best, largest] = [columns, tile];
  }
  // Where they do not fit, one scrolls through tiles that can be seen.
  return largest < NARROWEST ? most : best;
}
