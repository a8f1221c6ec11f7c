// Decodes JPEGs by whichever way is faster in this browser.

/** Pictures that each way gets to show how fast it is. */
const RACE_PICTURES = 10;

function viaBitmap(jpeg) {
  return createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
}

async function viaDecoder(jpeg) {
  const decoder = new ImageDecoder({ type: 'image/jpeg', data: jpeg });
  try {
    return (await decoder.decode()).image;
  } finally {
    decoder.close();
  }
}

export const width = (image) => image.displayWidth ?? image.width;
export const height = (image) => image.displayHeight ?? image.height;

/** Races the ways that this browser has with the first pictures, and then uses the fastest. */
export class Decoder {
  constructor() {
    this.ways = [{ name: 'createImageBitmap', decode: viaBitmap, took: [] }];
    if (typeof ImageDecoder !== 'undefined') this.ways.push({ name: 'ImageDecoder', decode: viaDecoder, took: [] });
    if (this.ways.length === 1) [this.fastest] = this.ways;
  }

  /** The picture, which the caller has to close. */
  async decode(jpeg) {
    if (this.fastest) return this.fastest.decode(jpeg);
    const way = this.ways.reduce((a, b) => (b.took.length < a.took.length ? b : a));
    const began = performance.now();
    const image = await way.decode(jpeg);
    this.draw(image);
    this.finish(way, performance.now() - began);
    return image;
  }

  /** A way may leave part of its work to the drawing, so that is in the race. Reading a pixel makes the browser really draw. */
  draw(image) {
    this.canvas ??= new OffscreenCanvas(width(image), height(image));
    const context = this.canvas.getContext('2d', { alpha: false });
    context.drawImage(image, 0, 0);
    context.getImageData(0, 0, 1, 1);
  }

  finish(way, took) {
    way.took.push(took);
    if (this.ways.some((way) => way.took.length < RACE_PICTURES)) return;
    const median = (way) => way.took.sort((a, b) => a - b)[way.took.length >> 1];
    this.fastest = this.ways.reduce((a, b) => (median(b) < median(a) ? b : a));
    this.canvas = undefined;
  }
}
