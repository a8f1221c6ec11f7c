// How many tiles stand side by side, and how high their pictures are.

/** Narrowest picture in px, and the height of a tile besides its picture. */
const NARROWEST = 220, CAPTION = 106;

/**
 * The number of columns that makes the pictures of `count` tiles largest in this space, and their height. Where they do not fit, one
 * scrolls through tiles of full width; there the height is undefined.
 */
export function arranged(count, width, height, aspect = 16 / 9) {
  const most = Math.max(1, Math.min(count, Math.floor(width / NARROWEST)));
  let best = { columns: most, height: undefined }, largest = NARROWEST;
  for (let columns = 1; columns <= most; columns += 1) {
    const left = height / Math.ceil(count / columns) - CAPTION;
    const picture = Math.min(width / columns, left * aspect);
    if (picture > largest) [best, largest] = [{ columns, height: Math.floor(left) }, picture];
  }
  return best;
}
